/**
 * What every envelope carries. It is the row of the log as handlers receive it, declared here by its shape, because
 * the log comes after the contract in the order of folders.
 */
import type { EventOp } from './event.ts'

/** An event with its position in its owner's log; the log's `LoggedEvent` is one. */
export interface EnvelopeEvent<D = unknown> {
  readonly source: string
  readonly epoch: number
  readonly tick: number
  readonly seq: number
  readonly lane: number
  readonly stream: string
  readonly version: number
  readonly id: string
  readonly type: string
  readonly schemaVersion: number
  readonly op: EventOp | 'erase'
  readonly at: Date
  readonly traceparent?: string
  readonly correlation?: string
  readonly causation?: string
  readonly subject?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly data: D
}
