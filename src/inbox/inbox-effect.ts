/**
 * What a consumer does with a batch: all handlers in one transaction with the new position, and the failing stream set aside.
 *
 *     batch --all handled--> commit with position
 *           --event k fails--> again, with k's stream parked from k on --> commit
 *           --cannot tell which--> event by event, until the batch is through
 *           --database away, lane lost--> thrown to the loop: nothing was kept, the position stands
 */
import { isSelvedgeError } from '../base/error.ts'
import type { LoggedEvent } from '../log/event.ts'
import type { LaneEffect } from '../log/lane-loop.ts'
import type { Database, Transaction } from '../store/database.ts'
import { errorCode, isConnectionLoss } from '../store/explain-error.ts'
import type { Consumer, ReadBackfill } from './consumer.ts'
import { FailedStreams, isOfContract } from './outage.ts'
import { type ParkedStream, Parking } from './parking.ts'
import { HandlerFailure, type HandlerTable, handlerTable, runHandlers } from './run-handlers.ts'
import { killedProcess, Starts, startsMax } from './starts.ts'
import { admit, type Versions } from './versions.ts'

/** A handler that stops for this long between statements loses its session, so that a stopped process cannot hold its rows. */
const idleTimeoutMs = 3_000
/** Said always: where a database's default is stricter, a paused process would check its lanes in the snapshot of an earlier time. */
const isolation = 'read committed'
/** Culprits taken out of one batch before it is committed up to the next: repeating a batch more often costs more than it saves. */
const culpritsMax = 8
/** Waiting events applied in one transaction after a retry. */
const drainEvents = 256
/** How often the tables are asked whether a person has released something. */
const lookMs = 1_000

/** Errors of the moment: the whole batch is tried again after a pause, and nobody is parked. */
const transientStates = new Set(['40001', '40P01', '55P03', '57014', '53300', '53100'])
/** How often a batch is tried again like that. A stream whose every try ends so (its handler is too slow, say) would stop the others. */
const momentTriesMax = 3
/** No stream is to blame for these, however often they come. */
const nobodysFault = new Set(['log/lane-lost', 'log/needs-snapshot', 'store/disk-full', '53100', '53300'])

function isOfTheMoment(error: unknown): boolean {
  if (isSelvedgeError(error)) return error.kind === 'transient'
  return isConnectionLoss(error) || transientStates.has(errorCode(error) ?? '')
}

/** Streams to set aside, each from an index of the batch on. */
type Culprits = Map<string, { readonly from: number; readonly error: unknown }>

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
  readonly #starts: Starts
  readonly #failed: FailedStreams
  /** Lanes whose first batch since they were taken over has not ended yet. */
  #unproven = new Set<number>()
  #parked = new Map<string, ParkedStream & { readonly dueAtMs: number }>()
  #lanes: readonly number[] = []
  #one = 0
  #lookAtMs = 0
  #inOrder = true
  #moment = { at: '', tries: 0 }

  /** With `versions`, each stream's version is kept, so that the same event may come by several ways. */
  constructor(database: Database, consumer: Consumer, readBackfill: ReadBackfill, versions?: Versions) {
    this.#versions = versions
    this.#database = database
    this.#consumer = consumer
    this.#table = handlerTable(consumer)
    this.#parking = new Parking(database.schema, consumer.name, consumer.source)
    this.#readBackfill = readBackfill
    this.#starts = new Starts(database, consumer.name, consumer.source)
    this.#failed = new FailedStreams(consumer.name)
    if (consumer.fromSnapshot) this.fromSnapshot = () => consumer.fromSnapshot!(this.#readBackfill)
  }

  fromSnapshot?: () => Promise<void>

  async restarted(tx: Transaction): Promise<void> {
    await this.#versions?.forget(tx)
  }

  /** Streams that wait now, of the lanes held. */
  get parked(): number {
    return this.#parked.size
  }

  async apply(events: readonly LoggedEvent[], advance: (tx: Transaction, count: number) => void): Promise<number> {
    const batch = this.#next(events)
    return batch.some((event) => this.#unproven.has(event.lane))
      ? this.#applyUnproven(batch, advance)
      : this.#applySetAside(batch, advance)
  }

  /** After a start nobody knows whether the last process died of this batch: the second time it is taken event by event. */
  async #applyUnproven(
    events: readonly LoggedEvent[],
    advance: (tx: Transaction, count: number) => void,
  ): Promise<number> {
    const first = events[0] as LoggedEvent
    const starts = await this.#starts.begin(first)
    const isKiller = starts > startsMax
    const batch = starts > 1 ? events.slice(0, 1) : events
    const culprits: Culprits = new Map(isKiller ? [[first.stream, { from: 0, error: killedProcess(first) }]] : [])
    const done = await this.#applySetAside(batch, advance, culprits)
    await this.#starts.finish(first)
    if (starts > 1) this.#one = Math.max(this.#one, isKiller ? 0 : events.length - 1)
    else if (this.#one === 0) for (const event of events.slice(0, done)) this.#unproven.delete(event.lane)
    return done
  }

  /** Applies what a transport brought, in any order and number; throws `HoleMet` when a version before it has not come. */
  async applyHints(events: readonly LoggedEvent[]): Promise<void> {
    this.#inOrder = false
    try {
      for (let done = 0; done < events.length; )
        done += await this.#applySetAside(this.#next(events.slice(done)), () => undefined)
    } finally {
      this.#inOrder = true
    }
  }

  /** All of them, or one where nobody could tell which of a batch failed. */
  #next(events: readonly LoggedEvent[]): readonly LoggedEvent[] {
    if (this.#one === 0) return events
    this.#one -= 1
    return events.slice(0, 1)
  }

  async lanesChanged(lanes: readonly number[]): Promise<void> {
    for (const lane of lanes) if (!this.#lanes.includes(lane)) this.#unproven.add(lane)
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

  /**
   * Tries the batch; takes the culprit out and tries again, so that the others of the batch are not held up. A statement that was
   * only sent fails in the flight of a later event: before somebody is blamed, the batch is run again with each handler's
   * statements waited for.
   */
  async #applySetAside(
    batch: readonly LoggedEvent[],
    advance: (tx: Transaction, count: number) => void,
    culprits: Culprits = new Map(),
  ): Promise<number> {
    let events = batch
    let isExact = false
    for (;;) {
      try {
        return await this.#applyOnce(events, culprits, advance, isExact)
      } catch (error) {
        if (error instanceof HoleMet) throw error
        const failure = error instanceof HandlerFailure ? error : new HandlerFailure(undefined, error)
        if (await this.#mayPass(failure.cause, events)) throw failure.cause
        const index = events.length === 1 ? 0 : failure.index
        if (index === undefined) {
          this.#one = events.length - 1
          events = events.slice(0, 1)
        } else if (!isExact && events.length > 1 && !isOfContract(failure.cause)) isExact = true
        else if (culprits.size >= culpritsMax && index > 0) events = events.slice(0, index)
        else this.#blame(culprits, events[index] as LoggedEvent, index, failure.cause)
      }
    }
  }

  /** Nothing is left to blame when the stream was set aside already: then it is the setting aside that fails. */
  #blame(culprits: Culprits, event: LoggedEvent, from: number, error: unknown): void {
    if (culprits.has(event.stream)) throw error
    this.#failed.add(event.stream, error, this.#database.clock.monotonicMs())
    culprits.set(event.stream, { from, error })
  }

  /** True when another try of the whole may help: not for ever, unless nobody is to blame or the database is away. */
  async #mayPass(error: unknown, events: readonly LoggedEvent[]): Promise<boolean> {
    if (!isOfTheMoment(error)) return false
    if (nobodysFault.has(errorCode(error) ?? '')) return true
    const at = `${events[0]?.stream} ${events[0]?.version}`
    this.#moment = { at, tries: this.#moment.at === at ? this.#moment.tries + 1 : 1 }
    return this.#moment.tries <= momentTriesMax || !(await this.#isThere())
  }

  /** Whether the database answers: a session may have been lost because the handler was silent for too long. */
  async #isThere(): Promise<boolean> {
    return this.#database.query('select 1').then(
      () => true,
      () => false,
    )
  }

  async #applyOnce(
    events: readonly LoggedEvent[],
    culprits: Culprits,
    advance: (tx: Transaction, count: number) => void,
    isExact: boolean,
  ): Promise<number> {
    const newlyParked: ParkedStream[] = []
    let duplicates = 0
    await this.#database.transaction(
      async (tx) => {
        newlyParked.length = 0
        const fresh = await this.#fresh(tx, events)
        duplicates = fresh ? events.length - fresh.size : 0
        const isFresh = (index: number): boolean => fresh === undefined || fresh.has(index)
        const parked = await this.#setAside(tx, events)
        const waits = (event: LoggedEvent, index: number): boolean =>
          parked.has(event.stream) || index >= (culprits.get(event.stream)?.from ?? Number.POSITIVE_INFINITY)
        await this.#run(
          tx,
          events,
          events.flatMap((event, index) => (isFresh(index) && !waits(event, index) ? [index] : [])),
          isExact,
        )
        this.#parking.append(
          tx,
          events.filter((event, index) => isFresh(index) && parked.has(event.stream)),
        )
        for (const [stream, culprit] of culprits)
          if (culprit.from < events.length && !parked.has(stream))
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
      { idleTimeoutMs, isolation },
    )
    // Messages also bring events of lanes that others hold; those find in the tables what waits.
    for (const parked of newlyParked) if (!this.#versions || this.#lanes.includes(parked.lane)) this.#remember(parked)
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

  /**
   * Which streams of a batch wait. A loop that is the only one on its lanes remembers them; messages may come before the lanes are
   * known, or of lanes that others hold, and a later event must not go before those that wait: there the tables are asked.
   */
  async #setAside(tx: Transaction, events: readonly LoggedEvent[]): Promise<{ has(stream: string): boolean }> {
    return this.#versions ? this.#parking.among(tx, events) : this.#parked
  }

  /** Handlers see only what is not set aside; a failure is reported by its place in the whole batch. */
  async #run(
    tx: Transaction,
    events: readonly LoggedEvent[],
    indexes: readonly number[],
    isExact = false,
  ): Promise<void> {
    try {
      await runHandlers(
        this.#table,
        this.#consumer.name,
        tx,
        indexes.map((index) => events[index] as LoggedEvent),
        isExact,
      )
    } catch (error) {
      if (error instanceof HandlerFailure && error.index !== undefined)
        throw new HandlerFailure(indexes[error.index], error.cause)
      throw error
    }
  }

  /**
   * Applies the waiting events of one stream, in order. True when more of them wait and nothing failed.
   *
   * When one of several fails they are applied one by one, so that what comes before the failing one is not held back by it.
   */
  async #drain(parked: ParkedStream, hold: (tx: Transaction, lane: number) => void): Promise<boolean> {
    const start = { stream: parked.stream, version: 0 }
    const starts = await this.#starts.begin(start)
    const more = starts > startsMax ? await this.#drainNoMore(parked) : await this.#drainFrom(parked, hold, starts)
    await this.#starts.finish(start)
    return more
  }

  /** Earlier starts went event by event, so the first that waits is the one that ended them. */
  async #drainNoMore(parked: ParkedStream): Promise<false> {
    const [first] = await this.#database.transaction((tx) => this.#parking.waiting(tx, parked.stream, 1))
    if (first) this.#remember(await this.#parking.failed(this.#database, parked, first, killedProcess(first)))
    return false
  }

  async #drainFrom(
    parked: ParkedStream,
    hold: (tx: Transaction, lane: number) => void,
    starts: number,
  ): Promise<boolean> {
    let most = starts > 1 ? 1 : drainEvents
    let attempts = parked.attempts
    for (let left = drainEvents; left > 0; ) {
      const tried: { events: readonly LoggedEvent[] } = { events: [] }
      try {
        await this.#drainOnce(parked, hold, most, tried)
      } catch (error) {
        const cause = error instanceof HandlerFailure ? error.cause : error
        const [first] = tried.events
        if (!first || nobodysFault.has(errorCode(cause) ?? '') || !(await this.#isThere())) throw cause
        if (tried.events.length > 1) {
          most = 1
          left = tried.events.length
          continue
        }
        this.#remember(await this.#parking.failed(this.#database, { ...parked, attempts }, first, cause))
        return false
      }
      if (tried.events.length < most) {
        this.#parked.delete(parked.stream)
        return false
      }
      attempts = 0
      left -= tried.events.length
    }
    return true
  }

  async #drainOnce(
    parked: ParkedStream,
    hold: (tx: Transaction, lane: number) => void,
    most: number,
    tried: { events: readonly LoggedEvent[] },
  ): Promise<void> {
    await this.#database.transaction(
      async (tx) => {
        tried.events = await this.#parking.waiting(tx, parked.stream, most)
        await this.#run(
          tx,
          tried.events,
          tried.events.map((_, index) => index),
        )
        this.#parking.unpark(tx, parked.stream, tried.events.at(-1)?.version ?? 0)
        hold(tx, parked.lane)
      },
      { idleTimeoutMs, isolation },
    )
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
}

/** The streams whose erasure is among the events. */
function erasedStreams(events: readonly LoggedEvent[]): string[] {
  return [...new Set(events.flatMap((event) => (event.op === 'erase' ? [event.stream] : [])))]
}
