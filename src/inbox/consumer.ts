/** Declares who handles which events of which service. */
import { refused } from '../base/error.ts'
import type { EventType } from '../contract/contract.ts'
import type { LoggedEvent } from '../log/event.ts'
import type { Transaction } from '../store/database.ts'

/** Handles one event inside the transaction that also stores the new position: its effect happens once. */
export type Handle<D> = (tx: Transaction, event: LoggedEvent<D>) => Promise<void> | void

/** What is done with events of some types: one at a time, or a run of them at once. */
export interface Handler {
  readonly events: readonly EventType[]
  readonly each?: Handle<unknown>
  readonly many?: (tx: Transaction, events: readonly LoggedEvent[]) => Promise<void> | void
  /** Hears of each erasure; called for every stream of the source, more than once for one that was erased. */
  readonly erased?: (tx: Transaction, event: LoggedEvent) => Promise<void> | void
}

/** A named reader of one service's events. */
export interface Consumer {
  readonly kind: 'consumer'
  readonly name: string
  /** The name of the service whose log it reads. */
  readonly source: string
  readonly handlers: readonly Handler[]
  readonly start: 'beginning' | 'now'
  /** Brings this consumer to the owner's state when it starts late; replicas bring their own. */
  readonly fromSnapshot?: FromSnapshot
  /** Hears that the owner was asked at `at` and had nothing newer: what the consumer feeds is as fresh as that. */
  readonly caughtUp?: (at: Date) => void
}

/** Reads the owner's backfill through `read`, page by page, and writes it. */
export type FromSnapshot = (read: ReadBackfill) => Promise<void>
export type ReadBackfill = (
  entity: string,
  afterKey: string | undefined,
) => Promise<readonly { readonly key: string; readonly version: number; readonly data: unknown }[]>

/** Handles each event of one type. `event.data` has the newest shape, whatever version was written. */
export function on<D>(event: EventType<D>, handle: Handle<D>): Handler {
  return { events: [event as EventType], each: handle as Handle<unknown> }
}

/** Handles runs of events of the given types in one call, for effects that one statement can do for many. */
export function onMany<D>(
  events: readonly EventType<D>[],
  handle: (tx: Transaction, events: readonly LoggedEvent<D>[]) => Promise<void> | void,
): Handler {
  return { events: events as readonly EventType[], many: handle as NonNullable<Handler['many']> }
}

/** Hears that the personal data of a stream was erased at its owner: forget what you keep of it. */
export function onErased(handle: (tx: Transaction, event: LoggedEvent) => Promise<void> | void): Handler {
  return { events: [], erased: handle }
}

/**
 * A consumer of one service's events.
 *
 * ```ts
 * consumer('welcome-mail', { from: user, handlers: [on(UserRegistered, (tx, event) => queueMail(tx, event.data.email))] })
 * ```
 * @throws Refused `inbox/two-handlers` when two handlers take the same event; `inbox/foreign-event` when one is not of `from`.
 */
export function consumer(
  name: string,
  declaration: {
    readonly from: { readonly name: string }
    readonly handlers: readonly Handler[]
    readonly start?: 'beginning' | 'now'
    readonly fromSnapshot?: FromSnapshot
    readonly caughtUp?: (at: Date) => void
  },
): Consumer {
  const { from, handlers, start = 'beginning', fromSnapshot, caughtUp } = declaration
  const seen = new Set<string>()
  for (const event of handlers.flatMap((handler) => handler.events)) {
    if (event.service !== from.name)
      throw refused(
        'inbox/foreign-event',
        `Consumer ${name} reads from ${from.name}, but ${event.name} belongs to ${event.service}.`,
        'Declare one consumer per service that you read from.',
        { consumer: name, event: event.name },
      )
    if (seen.has(event.name))
      throw refused(
        'inbox/two-handlers',
        `Consumer ${name} has two handlers for ${event.name}.`,
        'Do both in one handler, or declare a second consumer.',
        { consumer: name, event: event.name },
      )
    seen.add(event.name)
  }
  const more = { ...(fromSnapshot ? { fromSnapshot } : {}), ...(caughtUp ? { caughtUp } : {}) }
  return { kind: 'consumer', name, source: from.name, handlers, start, ...more }
}
