/**
 * How events travel between services: the shape of what is sent, and what a channel has to do.
 *
 * Messages are hints, the owner's log is the truth: a channel may lose, repeat and reorder. Every message carries its
 * position, so that a receiver knows a duplicate, a gap and an end, and reads what is missing from the owner.
 */
import type { Op } from '../log/event.ts'
import type { Cut } from '../log/position.ts'

export * from './lane-ledger.ts'
export * from './memory-channel.ts'
export * from './message-codec.ts'

/** An event on the wire: its position, its trace and its data as the JSON text that the log holds. */
export interface Message {
  readonly kind: 'message'
  /** The service whose log it is from. */
  readonly source: string
  /** Grows when the log was restored or failed over: positions of different epochs are not comparable. */
  readonly epoch: number
  /** The cut of the log at which it may first be seen. */
  readonly tick: number
  readonly seq: number
  readonly lane: number
  readonly stream: string
  /** Dense from 1 within the stream: n + 1 follows n, and a duplicate is not greater than what was applied. */
  readonly version: number
  readonly id: string
  readonly type: string
  readonly schemaVersion: number
  readonly op: Op
  /** When the event was recorded, by the owner's database; RFC 3339 with microseconds or less. */
  readonly at: string
  readonly traceparent?: string
  readonly correlation?: string
  readonly causation?: string
  readonly subject?: string
  readonly headers?: Readonly<Record<string, string>>
  /** JSON text, never parsed on the way. */
  readonly data: string
}

/**
 * A statement about a lane: it holds exactly `count` events after `fromTick`, up to and including `toTick`. A receiver that
 * has counted as many owns the lane up to `toTick`; one that has not is missing something, even at the end of a stream.
 */
export interface Punctuation {
  readonly kind: 'punctuation'
  readonly source: string
  readonly epoch: number
  readonly lane: number
  readonly fromTick: number
  readonly toTick: number
  readonly count: number
  /** The cut that `toTick` names: a receiver that is complete moves its position there without reading the log. */
  readonly cut?: Cut
}

/** What travels. */
export type Packet = Message | Punctuation

/** Takes packets in the order given. Rejecting asks for them again: nothing of the call counts as received. */
export type Handler = (packets: readonly Packet[]) => Promise<void>

/** Somebody who receives. */
export interface Subscription {
  /** Ends after the call in flight. */
  stop(): Promise<void>
}

/**
 * A way for the packets of one source to its subscribers.
 *
 * Each subscriber is a name with packets of its own; packets sent before the first subscription of a name may not reach it.
 */
export interface Channel {
  /**
   * Resolves when the channel has taken all packets, in this order; rejects when it cannot tell, and the sender may repeat.
   *
   * @throws transient `transport/full` when a subscriber's buffer is at its limit: send again later.
   */
  send(packets: readonly Packet[]): Promise<void>
  /** Hands packets to `handler`, one call at a time, until stopped. The same name again takes over where it stopped. */
  subscribe(name: string, handler: Handler): Promise<Subscription>
  close(): Promise<void>
}

/** What a kind of channel does beyond carrying: what it deviates in is stated here, with the reason. */
export interface Transport {
  readonly name: string
  open(): Promise<Channel>
  /** Claims of the conformance suite that do not hold, each with the reason. */
  readonly deviations: Readonly<Record<string, string>>
}
