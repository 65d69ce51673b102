/**
 * What a consumer does with a batch: all handlers in one transaction with the new position, and the failing stream set aside.
 *
 *     batch --all handled--> commit with position
 *           --event k fails--> again, with k's stream parked from k on --> commit
 *           --cannot tell which--> event by event, until the batch is through
 *           --database away, lane lost--> thrown to the loop: nothing was kept, the position stands
 */
import { isSelvedgeError, transient } from '../base/error.ts'
import type { LoggedEvent } from '../log/event.ts'
import type { LaneEffect } from '../log/lane-loop.ts'
import type { Database, Transaction } from '../store/database.ts'
import { errorCode, isConnectionLoss } from '../store/explain-error.ts'
import type { Consumer, ReadBackfill } from './consumer.ts'
import { type ParkedStream, Parking } from './parking.ts'
import { HandlerFailure, type HandlerTable, handlerTable, runHandlers } from './run-handlers.ts'
import { admit, type Versions } from './versions.ts'

/** A handler that stops for this long between statements loses its session, so that a stopped process cannot hold its rows. */
const idleTimeoutMs = 3_000
/** Culprits taken out of one batch before it is committed up to the next: repeating a batch more often costs more than it saves. */
const culpritsMax = 8
/** More streams than this failing within a minute is an outage, not poison: the loop then waits instead of parking the world. */
const parkedPerMinuteMax = 100
/** Waiting events applied in one transaction after a retry. */
const drainEvents = 256
/** How often the tables are asked whether a person has released something. */
const lookMs = 1_000

/** Errors of the moment: the whole batch is tried again after a pause, and nobody is parked. */
const transientStates = new Set(['40001', '40P01', '55P03', '57014', '53300', '53100'])

function isOfTheMoment(error: unknown): boolean {
  if (isSelvedgeError(error)) return error.kind === 'transient'
  return isConnectionLoss(error) || transientStates.has(errorCode(error) ?? '')
}

/** What a hint-driven batch met; the batch is then tried again with the holes filled. */
export class HoleMet extends Error {
  readonly holes: ReadonlyMap<string, number>
  constructor(holes: ReadonlyMap<string, number>) {
    super('versions are missing')
    this.holes = holes
  }
}

export class InboxEffect implements LaneEffect {
  /** Events handled since the start. */
  applied = 0
  /** Events that had been applied before and were dropped. */
  duplicates = 0
  readonly #versions: Versions | undefined
  readonly #database: Database
  readonly #consumer: Consumer
  readonly #table: HandlerTable
  readonly #parking: Parking
  readonly #readBackfill: ReadBackfill
  #parked = new Map<string, ParkedStream & { readonly dueAtMs: number }>()
  #lanes: readonly number[] = []
  #one = 0
  #lookAtMs = 0
  #recentParks: number[] = []
  #inOrder = true

  /** With `versions`, each stream's version is kept, so that the same event may come by several ways. */
  constructor(database: Database, consumer: Consumer, readBackfill: ReadBackfill, versions?: Versions) {
    this.#versions = versions
    this.#database = database
    this.#consumer = consumer
    this.#table = handlerTable(consumer)
    this.#parking = new Parking(database.schema, consumer.name, consumer.source)
    this.#readBackfill = readBackfill
    if (consumer.fromSnapshot) this.fromSnapshot = () => consumer.fromSnapshot!(this.#readBackfill)
  }

  fromSnapshot?: () => Promise<void>

  /** Streams that wait now, of the lanes held. */
  get parked(): number {
    return this.#parked.size
  }

  async apply(events: readonly LoggedEvent[], advance: (tx: Transaction, count: number) => void): Promise<number> {
    if (this.#one > 0) {
      this.#one -= 1
      return this.#applySetAside(events.slice(0, 1), advance)
    }
    return this.#applySetAside(events, advance)
  }

  /** Applies what a transport brought, in any order and number; throws `HoleMet` when a version before it has not come. */
  async applyHints(events: readonly LoggedEvent[]): Promise<void> {
    this.#inOrder = false
    try {
      for (let done = 0; done < events.length; ) done += await this.#applySetAside(events.slice(done), () => undefined)
    } finally {
      this.#inOrder = true
    }
  }

  async lanesChanged(lanes: readonly number[]): Promise<void> {
    this.#lanes = lanes
    await this.#look()
  }

  async between(hold: (tx: Transaction, lane: number) => void): Promise<boolean> {
    const now = this.#database.clock.monotonicMs()
    if (now - this.#lookAtMs >= lookMs) await this.#look()
    let more = false
    for (const parked of this.#parked.values())
      if (parked.state === 'retrying' && parked.dueAtMs <= now) more = (await this.#drain(parked, hold)) || more
    return more
  }

  /** Tries the batch; takes the culprit out and tries again, so that the others of the batch are not held up. */
  async #applySetAside(
    events: readonly LoggedEvent[],
    advance: (tx: Transaction, count: number) => void,
  ): Promise<number> {
    const culprits = new Map<string, { readonly from: number; readonly error: unknown }>()
    for (;;) {
      try {
        return await this.#applyOnce(events, culprits, advance)
      } catch (error) {
        if (error instanceof HoleMet) throw error
        const failure = error instanceof HandlerFailure ? error : new HandlerFailure(undefined, error)
        if (isOfTheMoment(failure.cause)) throw failure.cause
        const index = events.length === 1 ? 0 : failure.index
        if (index === undefined) {
          this.#one = events.length - 1
          return this.#applySetAside(events.slice(0, 1), advance)
        }
        if (culprits.size >= culpritsMax && index > 0) return this.#applyOnce(events.slice(0, index), culprits, advance)
        this.#assertNoOutage(failure.cause)
        culprits.set((events[index] as LoggedEvent).stream, { from: index, error: failure.cause })
      }
    }
  }

  async #applyOnce(
    events: readonly LoggedEvent[],
    culprits: ReadonlyMap<string, { readonly from: number; readonly error: unknown }>,
    advance: (tx: Transaction, count: number) => void,
  ): Promise<number> {
    const newlyParked: ParkedStream[] = []
    let duplicates = 0
    await this.#database.transaction(
      async (tx) => {
        newlyParked.length = 0
        const fresh = await this.#fresh(tx, events)
        duplicates = fresh ? events.length - fresh.size : 0
        const isFresh = (index: number): boolean => fresh === undefined || fresh.has(index)
        const waits = (event: LoggedEvent, index: number): boolean =>
          this.#parked.has(event.stream) || index >= (culprits.get(event.stream)?.from ?? Number.POSITIVE_INFINITY)
        await this.#run(
          tx,
          events,
          events.flatMap((event, index) => (isFresh(index) && !waits(event, index) ? [index] : [])),
        )
        this.#parking.append(
          tx,
          events.filter((event, index) => isFresh(index) && this.#parked.has(event.stream)),
        )
        for (const [stream, culprit] of culprits)
          if (culprit.from < events.length && !this.#parked.has(stream))
            newlyParked.push(
              this.#parking.park(
                tx,
                events.filter((event, index) => isFresh(index) && event.stream === stream && index >= culprit.from),
                culprit.error,
              ),
            )
        this.#parking.purge(tx, erasedStreams(events))
        this.#versions?.record(
          tx,
          events.filter((_, index) => isFresh(index)),
        )
        advance(tx, events.length)
      },
      { idleTimeoutMs },
    )
    for (const parked of newlyParked) this.#remember(parked)
    this.applied += events.length - duplicates
    this.duplicates += duplicates
    return events.length
  }

  /** Which events are next in their streams; undefined when the lane's position alone decides. */
  async #fresh(tx: Transaction, events: readonly LoggedEvent[]): Promise<ReadonlySet<number> | undefined> {
    if (!this.#versions) return undefined
    const { fresh, holes } = admit(events, await this.#versions.lock(tx, events), this.#inOrder)
    if (holes.size > 0) throw new HoleMet(holes)
    return fresh
  }

  /** Handlers see only what is not set aside; a failure is reported by its place in the whole batch. */
  async #run(tx: Transaction, events: readonly LoggedEvent[], indexes: readonly number[]): Promise<void> {
    try {
      await runHandlers(
        this.#table,
        this.#consumer.name,
        tx,
        indexes.map((index) => events[index] as LoggedEvent),
      )
    } catch (error) {
      if (error instanceof HandlerFailure && error.index !== undefined)
        throw new HandlerFailure(indexes[error.index], error.cause)
      throw error
    }
  }

  /** Applies the waiting events of one stream, in order. True when more of them wait and nothing failed. */
  async #drain(parked: ParkedStream, hold: (tx: Transaction, lane: number) => void): Promise<boolean> {
    const progress: { events: readonly LoggedEvent[] } = { events: [] }
    try {
      await this.#database.transaction(
        async (tx) => {
          progress.events = await this.#parking.waiting(tx, parked.stream, drainEvents)
          await this.#run(
            tx,
            progress.events,
            progress.events.map((_, index) => index),
          )
          this.#parking.unpark(tx, parked.stream, progress.events.at(-1)?.version ?? 0)
          hold(tx, parked.lane)
        },
        { idleTimeoutMs },
      )
    } catch (error) {
      return this.#drainFailed(parked, progress.events, error, hold)
    }
    if (progress.events.length < drainEvents) this.#parked.delete(parked.stream)
    return progress.events.length === drainEvents
  }

  /** What came before the failing event is applied by itself; then the failing one is counted. */
  async #drainFailed(
    parked: ParkedStream,
    events: readonly LoggedEvent[],
    error: unknown,
    hold: (tx: Transaction, lane: number) => void,
  ): Promise<boolean> {
    const failure = error instanceof HandlerFailure ? error : new HandlerFailure(undefined, error)
    if (isOfTheMoment(failure.cause)) throw failure.cause
    const index = failure.index ?? 0
    if (index > 0) {
      await this.#database.transaction(
        async (tx) => {
          await this.#run(
            tx,
            events,
            events.slice(0, index).map((_, i) => i),
          )
          this.#parking.unpark(tx, parked.stream, (events[index - 1] as LoggedEvent).version)
          hold(tx, parked.lane)
        },
        { idleTimeoutMs },
      )
    }
    this.#remember(
      await this.#parking.failed(
        this.#database,
        index > 0 ? { ...parked, attempts: 0 } : parked,
        events[index] as LoggedEvent,
        failure.cause,
      ),
    )
    return false
  }

  async #look(): Promise<void> {
    this.#lookAtMs = this.#database.clock.monotonicMs()
    const parked = await this.#parking.load(this.#database, this.#lanes)
    this.#parked = new Map()
    for (const stream of parked.values()) this.#remember(stream)
  }

  #remember(parked: ParkedStream): void {
    this.#parked.set(parked.stream, { ...parked, dueAtMs: this.#database.clock.monotonicMs() + parked.nextTryMs })
  }

  #assertNoOutage(cause: unknown): void {
    const now = this.#database.clock.monotonicMs()
    this.#recentParks = [...this.#recentParks.filter((at) => now - at < 60_000), now]
    const isContract = isSelvedgeError(cause) && cause.code.startsWith('contract/')
    if (!isContract && this.#recentParks.length > parkedPerMinuteMax)
      throw transient(
        'inbox/outage',
        `More than ${parkedPerMinuteMax} streams of ${this.#consumer.name} failed within a minute: this looks like an outage, so no more are parked.`,
        'Mend what the handlers depend on; the consumer goes on by itself.',
        { cause },
      )
  }
}

/** The streams whose erasure is among the events. */
function erasedStreams(events: readonly LoggedEvent[]): string[] {
  return [...new Set(events.flatMap((event) => (event.op === 'erase' ? [event.stream] : [])))]
}
