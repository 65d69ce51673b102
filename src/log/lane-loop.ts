/**
 * The loop of one consumer of one owner's log: holds lanes, reads, hands events to an effect, moves positions.
 *
 *     joining --claimed--> reading --events--> effect (its transaction carries the new position) --> reading
 *        ^                    |  \--nothing new--> waiting (woken by a tick, or the poll)
 *        |                    \--SV004 needs snapshot--> restarting (backfill, then the log after it) --> reading
 *        \------- lane lost: forget all, claim again -------/
 *
 * Lanes at the same position are read together: one process that holds all of them reads the log once. Only the lanes that a
 * batch touched are stored with it, all of them once a second; an untouched lane re-reads nothing but other lanes' events.
 */
import { assert, isSelvedgeError, transient } from '../base/error.ts'
import type { Scheduler, Task } from '../base/scheduler.ts'
import type { Database, Flusher, Statement, Transaction } from '../store/database.ts'
import { decideLanes } from './decide-lanes.ts'
import type { LoggedEvent } from './event.ts'
import { type HeldLane, LaneStore } from './lane-store.ts'
import type { Membership } from './membership.ts'
import { type Cut, type Position, positionAfter, positionKey } from './position.ts'
import { type OwnerLog, outlivedBySnapshot, type Reading } from './reader.ts'

/** What a consumer does with events. It must call `advance` in the transaction that holds the effect. */
export interface LaneEffect {
  /** Handles a prefix of `events` in one transaction and resolves with its length; `advance` is told that length. */
  apply(events: readonly LoggedEvent[], advance: (tx: Transaction, count: number) => void): Promise<number>
  /** Called when a stretch of ticks is through: everything after `from` up to `to`, with the events of each lane. */
  completed?(stretch: Stretch): Promise<void> | void
  /** Called when lanes were gained or lost: what is remembered per lane must be read again. */
  lanesChanged?(lanes: readonly number[]): Promise<void>
  /** Work beside the log, such as parked events that are due. True when there is more to do at once. */
  between?(hold: (tx: Transaction, lane: number) => void): Promise<boolean>
  /** Brings the copy to the owner's state at least as of `position`; without it the consumer waits for a named person. */
  fromSnapshot?(): Promise<void>
  /** In the transaction that moves the lanes to the snapshot: what was known of single streams is void. */
  restarted?(tx: Transaction): Promise<unknown>
}

/** What a reader has done of some lanes between two cuts. */
export interface Stretch {
  readonly epoch: number
  readonly from: Cut
  readonly to: Cut
  readonly lanes: readonly number[]
  /** Events by lane, a lane without any is absent; undefined when a part of the stretch was read before a restart or elsewhere. */
  readonly counts: ReadonlyMap<number, number> | undefined
}

export interface LaneLoopOptions {
  readonly consumer: string
  readonly service: string
  readonly start?: 'beginning' | 'now'
  /** Events of one transaction. 256 costs 1.4 ms more latency than 16 saves commits for; measured flat beyond. */
  readonly batchEvents?: number
  /** Events of one read; small ones make tests stop inside ticks. */
  readonly readEvents?: number
  readonly pollMs?: number
}

/** Events of one read: long enough that a replay spends its time applying, short enough to hold in memory. */
const readEventsDefault = 1024
const batchEventsDefault = 256
const pollMsDefault = 250
/** Lanes are looked at, positions stored and the owner told once a second. */
const upkeepMs = 1_000
/** How much later they may come when reads keep failing: lanes must change hands while an owner is away, too. */
const upkeepPutOffMs = 1_000

interface Group {
  position: Position
  readonly lanes: HeldLane[]
  /** Events by lane since the last cut that was finished; undefined when not all of them were read here. */
  counts: Map<number, number> | undefined
}

const lastStatement: Flusher<Statement> = { flush: (statements) => statements }

export class LaneLoop {
  state: 'stopped' | 'joining' | 'reading' | 'needs-snapshot' = 'stopped'
  isRestarting = false
  lastError: unknown
  readonly #database: Database
  readonly #log: OwnerLog
  readonly #members: Membership
  readonly #effect: LaneEffect
  readonly #options: LaneLoopOptions
  readonly #store: LaneStore
  #groups: Group[] = []
  #laneCount = 0
  #upkeepAtMs = Number.NEGATIVE_INFINITY
  /** When the log is read next; upkeep comes between, since lanes change hands and positions are stored without a read. */
  #readAtMs = Number.NEGATIVE_INFINITY
  #unsaved = false
  #task: Task | undefined
  #unsubscribe: (() => void) | undefined
  #prepared = false
  #isStopping = false

  constructor(
    parts: {
      readonly database: Database
      readonly log: OwnerLog
      readonly members: Membership
      readonly effect: LaneEffect
    },
    options: LaneLoopOptions,
  ) {
    this.#database = parts.database
    this.#log = parts.log
    this.#members = parts.members
    this.#effect = parts.effect
    this.#options = options
    this.#store = new LaneStore(parts.database, options.consumer, parts.log.source)
  }

  /** Starts the loop; it survives an owner or a database that is away. */
  start(scheduler: Scheduler): void {
    this.state = 'joining'
    this.#isStopping = false
    this.#task = scheduler.task(`consume ${this.#options.consumer} from ${this.#log.source}`, () => this.round())
    this.#unsubscribe = this.#log.woken.subscribe(() => this.wake())
  }

  /** Finishes the batch in flight, stores positions and frees the lanes for others. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#unsubscribe?.()
    await this.#task?.stop()
    if (this.#groups.length > 0) {
      await this.#save().catch(() => undefined)
      await this.#store.release(this.#groups.flatMap((group) => group.lanes)).catch(() => undefined)
    }
    this.#groups = []
    this.state = 'stopped'
  }

  /** Reads at once. */
  wake(): void {
    this.#readAtMs = Number.NEGATIVE_INFINITY
    this.#task?.wake()
  }

  /** The lanes held now. */
  get lanes(): readonly number[] {
    return this.#groups.flatMap((group) => group.lanes.map((lane) => lane.lane))
  }

  /** One round: upkeep when due, and when the log is to be read, one read and its batches for each group of lanes. */
  async round(): Promise<number> {
    const clock = this.#database.clock
    try {
      // Events come first: upkeep is half a dozen round trips, and once a second some event would wait for all of them.
      const putOffMs = this.state === 'reading' ? upkeepPutOffMs : 0
      const isNew = !this.#prepared && this.state !== 'needs-snapshot'
      if (isNew || clock.monotonicMs() - this.#upkeepAtMs >= upkeepMs + putOffMs) await this.#upkeep()
      // Nothing is read or tried again before the owner has said from where: what a snapshot is to bring would be passed over.
      if (!this.#prepared) return this.state === 'needs-snapshot' ? upkeepMs : 0
      let more = this.#effect.between ? await this.#effect.between((tx, lane) => this.#hold(tx, lane)) : false
      if (clock.monotonicMs() >= this.#readAtMs) more = (await this.#read()) || more
      if (clock.monotonicMs() - this.#upkeepAtMs >= upkeepMs) await this.#upkeep()
      this.lastError = undefined
      const now = clock.monotonicMs()
      return more ? 0 : Math.max(0, Math.min(this.#readAtMs - now, this.#upkeepAtMs + upkeepMs - now))
    } catch (error) {
      this.lastError = error
      // What failed is tried again by the next round: one that waited for the poll first would count as a success in between.
      this.#readAtMs = Number.NEGATIVE_INFINITY
      return await this.#recover(error)
    }
  }

  async #read(): Promise<boolean> {
    let more = false
    // Set before the read: a notice that comes meanwhile must not be forgotten.
    this.#readAtMs = this.#database.clock.monotonicMs() + (this.#options.pollMs ?? pollMsDefault)
    // Only here, between two reads: a group that is being read must not become part of another.
    this.#merge()
    for (const group of [...this.#groups]) if (!this.#isStopping) more = (await this.#advanceGroup(group)) || more
    this.#merge()
    if (more) this.#readAtMs = Number.NEGATIVE_INFINITY
    return more
  }

  async #advanceGroup(group: Group): Promise<boolean> {
    const from = group.position.previous
    const lanes = group.lanes.length === this.#laneCount ? undefined : group.lanes.map((lane) => lane.lane)
    const most = this.#options.readEvents ?? readEventsDefault
    const reading = await this.#log.batch(this.#options.consumer, group.position, lanes, most)
    if (!reading) return false
    const { batchEvents = batchEventsDefault } = this.#options
    for (let done = 0; done < reading.events.length; ) {
      done += await this.#applyBatch(group, reading, done, done + batchEvents)
      // A read may hold minutes of slow handling, and who was told to stop has seconds: the batch's own position is stored.
      if (this.#isStopping) return false
    }
    if (reading.events.length === 0)
      group.position = positionAfter(group.position, reading.cut, { complete: true, lastSeq: 0 })
    this.#unsaved = true
    if (reading.complete) await this.#finishStretch(group, from, reading.cut)
    // Also without an event of these lanes: between two cuts there are no more of others' than may be merged at once.
    return !(reading.complete && reading.newest)
  }

  async #applyBatch(group: Group, reading: Reading, from: number, to: number): Promise<number> {
    const events = reading.events.slice(from, to)
    const stepTo = (count: number): { position: Position; touched: readonly HeldLane[] } => {
      const done = events.slice(0, count)
      const complete = reading.complete && from + count >= reading.events.length
      const lanes = new Set(done.map((event) => event.lane))
      const position = positionAfter(group.position, reading.cut, { complete, lastSeq: done.at(-1)!.seq })
      return { position, touched: group.lanes.filter((lane) => lanes.has(lane.lane)) }
    }
    const done = await this.#effect.apply(events, (tx, count) => {
      const step = stepTo(count)
      tx.buffer(lastStatement, this.#store.advance(step.touched, step.position))
    })
    assert(done > 0 && done <= events.length, 'An effect must handle at least one event of its batch.')
    const step = stepTo(done)
    for (const lane of step.touched) lane.n += 1
    group.position = step.position
    // Batch by batch: when a later one fails, its stretch goes on from here and must still count these.
    for (const { lane } of events.slice(0, done)) group.counts?.set(lane, (group.counts.get(lane) ?? 0) + 1)
    return done
  }

  async #finishStretch(group: Group, from: Cut, to: Cut): Promise<void> {
    const counts = group.counts
    group.counts = new Map()
    const lanes = group.lanes.map((lane) => lane.lane)
    await this.#effect.completed?.({ epoch: group.position.epoch, from, to, lanes, counts })
  }

  /**
   * Moves a lane over a stretch of which everything is known to have been applied by other means: from `fromTick` to `cut`, only
   * ever forward. False when the lane has not got to `fromTick`: what lies before it is unknown then, and must be read.
   */
  skipTo(lane: number, epoch: number, fromTick: number, cut: Cut): boolean {
    const group = this.#groups.find((candidate) => candidate.lanes.some((held) => held.lane === lane))
    if (!group || group.position.epoch !== epoch || group.position.inside) return false
    const { tick } = group.position.previous
    if (tick < fromTick) return false
    if (tick >= cut.tick) return true
    const held = group.lanes.find((candidate) => candidate.lane === lane) as HeldLane
    group.lanes.splice(group.lanes.indexOf(held), 1)
    this.#groups.push({ position: { epoch, previous: cut }, lanes: [held], counts: new Map() })
    if (group.lanes.length === 0) this.#groups.splice(this.#groups.indexOf(group), 1)
    this.#unsaved = true
    return true
  }

  /** Raises at commit when the lane is no longer ours; for work beside the log. */
  #hold(tx: Transaction, lane: number): void {
    const group = this.#groups.find((candidate) => candidate.lanes.some((held) => held.lane === lane))
    const held = group?.lanes.find((candidate) => candidate.lane === lane)
    if (!group || !held)
      throw transient(
        'log/lane-lost',
        `Lane ${lane} of ${this.#options.consumer} is no longer held by this process.`,
        'Nothing was kept; its owner does the work.',
      )
    tx.buffer(lastStatement, this.#store.advance([held], group.position))
    tx.afterCommit(() => {
      held.n += 1
    })
  }

  async #upkeep(): Promise<void> {
    this.#upkeepAtMs = this.#database.clock.monotonicMs()
    if (!this.#prepared) await this.#prepare()
    if (!this.#prepared) return
    const { lanes, living } = await this.#store.look(this.#members.staleMs)
    // A process that was away so long that its row was removed counts again.
    if (!living.has(this.#members.id)) await this.#store.join(this.#members.id)
    const mine = new Set(this.lanes)
    const stillMine = lanes.filter((row) => row.owner === this.#members.id)
    if (stillMine.length !== mine.size || stillMine.some((row) => !mine.has(row.lane))) return this.#reload()
    const decision = decideLanes(lanes, living, this.#members.id)
    if (decision.release.length > 0) await this.#release(decision.release)
    if (decision.claim.length > 0) {
      await this.#store.claim(decision.claim, this.#members.id)
      await this.#reload()
    }
    if (this.#unsaved) await this.#save()
    if (this.state === 'joining') this.state = 'reading'
  }

  async #prepare(): Promise<void> {
    const { consumer, service, start } = this.#options
    const registration = await this.#log.register(consumer, service, start ?? 'beginning')
    this.#laneCount = registration.lanes
    const isForgotten = await this.#isForgotten(registration.position)
    if (isForgotten && !this.#effect.fromSnapshot) {
      this.state = 'needs-snapshot'
      return
    }
    await this.#store.prepare(registration.lanes, registration.position)
    await this.#store.join(this.#members.id)
    if (isForgotten || registration.state === 'needs_snapshot') return this.#restart()
    this.#prepared = true
    if (this.state === 'needs-snapshot') this.state = 'joining'
  }

  /** The owner knows how far this consumer was and its own database does not: that was made anew, and the effects are gone. */
  async #isForgotten(known: Position): Promise<boolean> {
    return (
      (this.#options.start ?? 'beginning') === 'beginning' && known.previous.tick >= 0 && !(await this.#store.exists())
    )
  }

  /** Reads again what is held and how far: after a claim, a loss, or a restart. */
  async #reload(): Promise<void> {
    const { lanes } = await this.#store.look(this.#members.staleMs)
    const mine = lanes.filter((row) => row.owner === this.#members.id)
    const groups = new Map<string, Group>()
    for (const { lane, n, position } of await this.#store.positions(mine.map((row) => row.lane))) {
      const key = positionKey(position)
      const group: Group = groups.get(key) ?? { position, lanes: [], counts: position.inside ? undefined : new Map() }
      group.lanes.push({ lane, n, fence: mine.find((row) => row.lane === lane)!.fence })
      groups.set(key, group)
    }
    // First what is remembered per lane: a lane whose waiting streams are not known yet must not be read.
    const held = [...groups.values()]
    await this.#effect.lanesChanged?.(held.flatMap((group) => group.lanes.map((lane) => lane.lane)))
    this.#groups = held
  }

  async #release(numbers: readonly number[]): Promise<void> {
    await this.#save()
    const held = this.#groups.flatMap((group) => group.lanes)
    await this.#store.release(held.filter((lane) => numbers.includes(lane.lane)))
    await this.#reload()
  }

  /** Groups that have come to the same cut are one again. */
  #merge(): void {
    if (this.#groups.length < 2) return
    const merged = new Map<string, Group>()
    for (const group of this.#groups) {
      const same = merged.get(positionKey(group.position))
      if (same) {
        same.lanes.push(...group.lanes)
        same.counts = same.counts && group.counts && new Map([...same.counts, ...group.counts])
      } else merged.set(positionKey(group.position), group)
    }
    this.#groups = [...merged.values()]
  }

  async #save(): Promise<void> {
    // Before, not after: a lane may be moved on by a message meanwhile, and would wait for the next one to be stored.
    this.#unsaved = false
    const stored = this.#database.transaction(async (tx) => {
      for (const group of this.#groups) {
        tx.send(this.#store.advance(group.lanes, group.position))
        tx.send(this.#store.trim(group.lanes))
      }
    })
    await stored.catch((error: unknown) => {
      this.#unsaved = true
      throw error
    })
    for (const lane of this.#groups.flatMap((group) => group.lanes)) lane.n += 1
    const lowest = await this.#store.lowest(this.#database)
    if (lowest) await this.#log.acknowledge(this.#options.consumer, lowest)
  }

  async #recover(error: unknown): Promise<number> {
    if (isSelvedgeError(error, 'log/lane-lost')) {
      this.#groups = []
      this.#upkeepAtMs = Number.NEGATIVE_INFINITY
      if (this.#prepared) await this.#reload()
      return 0
    }
    if (isSelvedgeError(error, 'log/needs-snapshot') && this.#prepared) {
      await this.#restart()
      return this.#effect.fromSnapshot ? 0 : upkeepMs
    }
    throw error
  }

  /**
   * From the owner's backfill at a new tick plus the log after it; a consumer that cannot do so stays visibly waiting, until a
   * person has helped it. The owner lets nobody read on before all is stored: what fails half-way begins again.
   */
  async #restart(): Promise<void> {
    this.#prepared = false
    this.#groups = []
    this.isRestarting = this.#effect.fromSnapshot !== undefined
    this.state = this.isRestarting ? 'joining' : 'needs-snapshot'
    if (!this.#effect.fromSnapshot) return
    const { consumer, service } = this.#options
    const registration = await this.#log.register(consumer, service, 'snapshot')
    await this.#effect.fromSnapshot()
    await this.#database.transaction(async (tx) => {
      await this.#store.restartAt(tx, registration.position)
      await this.#effect.restarted?.(tx)
    })
    const { state } = await this.#log.register(consumer, service, 'restarted')
    this.isRestarting = state !== 'live'
    if (this.isRestarting) throw outlivedBySnapshot(consumer)
  }
}
