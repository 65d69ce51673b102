/** An event as the log keeps it and as handlers receive it. */

/** What a log row says: a fact, a whole state, a deletion that keeps its version, or an erasure of personal data. */
export type Op = 'event' | 'state' | 'tombstone' | 'erase'

/** One event of a stream. `version` is dense from 1; `tick` is the cut at which consumers may first see it. */
export interface LoggedEvent<D = unknown> {
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
  readonly op: Op
  readonly at: Date
  readonly traceparent?: string
  readonly correlation?: string
  readonly causation?: string
  readonly subject?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly data: D
}

/** An event on its way into the log: its data is already validated JSON text. */
export interface PendingEvent {
  readonly id: string
  readonly stream: string
  readonly type: string
  readonly schemaVersion: number
  readonly op: Op
  readonly text: string
  readonly traceparent?: string | undefined
  readonly correlation?: string | undefined
  readonly causation?: string | undefined
  readonly subject?: string | undefined
  readonly headers?: string | undefined
  readonly expectedVersion?: number | undefined
}

const codes: Record<Op, string> = { event: 'e', state: 'u', tombstone: 'd', erase: 'x' }
const ops: Record<string, Op> = { e: 'event', u: 'state', d: 'tombstone', x: 'erase' }

/** The one-letter form of an op in the log. */
export const opCode = (op: Op): string => codes[op]
/** The op of a one-letter form. */
export const opOf = (code: string): Op => ops[code] ?? 'event'

/** A row of `batch` or `gap`, as the driver gives it. */
export interface LogRow {
  readonly seq: string
  readonly lane: number
  readonly stream: string
  readonly version: string
  readonly id: string
  readonly type: string
  readonly schema_version: number
  readonly op: string
  readonly at: Date
  readonly traceparent: string | null
  readonly correlation: string | null
  readonly causation: string | null
  readonly subject: string | null
  readonly headers: Record<string, string> | null
  readonly data: unknown
}

/** The event of a log row. */
export function eventOf(
  row: LogRow,
  from: { readonly source: string; readonly epoch: number; readonly tick: number },
): LoggedEvent {
  const event: { -readonly [K in keyof LoggedEvent]: LoggedEvent[K] } = {
    source: from.source,
    epoch: from.epoch,
    tick: from.tick,
    seq: Number(row.seq),
    lane: row.lane,
    stream: row.stream,
    version: Number(row.version),
    id: row.id,
    type: row.type,
    schemaVersion: row.schema_version,
    op: opOf(row.op),
    at: row.at,
    data: row.data,
  }
  if (row.traceparent !== null) event.traceparent = row.traceparent
  if (row.correlation !== null) event.correlation = row.correlation
  if (row.causation !== null) event.causation = row.causation
  if (row.subject !== null) event.subject = row.subject
  if (row.headers !== null) event.headers = row.headers
  return event
}
