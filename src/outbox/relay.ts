/**
 * The relay: a lane consumer of a service's own log whose effect is a send.
 *
 *     log --lane loop--> send(batch) --resolves--> position stored
 *                                   \--rejects--> the same batch again after a pause; the log keeps what was not sent
 *
 * A crash between the send and the stored position sends the batch again: at least once, in the order of each stream. Version
 * and stream in every message let the receiver drop the repetition.
 */
import type { Scheduler, Task } from '../base/scheduler.ts'
import { systemScheduler } from '../base/scheduler.ts'
import type { Signal } from '../base/signal.ts'
import { consumerLags, recordLags } from '../log/consumer-lag.ts'
import type { LoggedEvent } from '../log/event.ts'
import { type LaneEffect, LaneLoop, type Stretch } from '../log/lane-loop.ts'
import { Membership } from '../log/membership.ts'
import { logMigrations } from '../log/migrations.ts'
import type { Cut } from '../log/position.ts'
import { SqlOwnerLog } from '../log/reader.ts'
import { Ticker, type TickerOptions } from '../log/ticker.ts'
import { upkeepLog } from '../log/upkeep.ts'
import { messageSpan } from '../observe/message-span.ts'
import { metrics } from '../observe/metrics.ts'
import { withSpan } from '../observe/trace.ts'
import type { Database, Transaction } from '../store/database.ts'
import { migrate } from '../store/migrate.ts'
import { openDatabase, type PoolLike } from '../store/postgres.ts'
import { type Channel, type Punctuation, toMessage } from '../transport/transport.ts'

/** Takes a batch in order; resolving says that it is safe elsewhere, rejecting asks for it again. */
export type Send = (batch: readonly LoggedEvent[]) => Promise<void>

/** How a relay runs. */
export interface RelayOptions {
  readonly send: Send
  /** Tells relays of one log apart: each has positions of its own. */
  readonly name?: string
  /** Events of one call of `send`. 256 by default, as much as a broker confirms in a few milliseconds. */
  readonly batchEvents?: number
  /** Events committed before the relay first ran are sent too, unless `now`. */
  readonly start?: 'beginning' | 'now'
  readonly schema?: string
  readonly scheduler?: Scheduler
  readonly ticker?: TickerOptions
  readonly pollMs?: number
  /** How often this process says that it lives; after three missed beats another one takes over. One second by default. */
  readonly beatMs?: number
}

/** A relay that runs until it is stopped. */
export interface Relay {
  start(): Promise<void>
  /** Waits for the batch in flight, stores its position, frees the lanes. */
  stop(): Promise<void>
  /** Events of which `send` has said that they are safe, since the start. */
  readonly sent: number
  /** Tell it of events that this process published by a borrowed transaction: they are then sent at once, not at the next poll. */
  readonly published: Signal
}

/**
 * Sends every published event to wherever you like, with the tables made and the log ticked: the outbox alone.
 *
 * ```ts
 * const events = relay(pool, { send: async (batch) => producer.send({ topic: 'user-events', messages: batch.map(toKafka) }) })
 * await events.start()
 * ```
 * @throws Transient `store/unreachable` from `start()` when the database cannot be reached; once started it waits and goes on.
 */
export function relay(source: Database | PoolLike | string, options: RelayOptions): Relay {
  return new StandaloneRelay(source, options)
}

class StandaloneRelay implements Relay {
  readonly #database: Database
  readonly #options: RelayOptions
  readonly #scheduler: Scheduler
  readonly #ticker: Ticker
  readonly #members: Membership
  readonly #effect: SendEffect
  #loop: LaneLoop | undefined
  #log: SqlOwnerLog | undefined
  #upkeep: Task | undefined
  readonly #name: string
  readonly #opened: boolean
  #state: 'created' | 'started' | 'stopped' = 'created'

  constructor(source: Database | PoolLike | string, options: RelayOptions) {
    const database = isDatabase(source)
      ? source
      : openDatabase(source, options.schema === undefined ? {} : { schema: options.schema })
    this.#database = database
    this.#opened = !isDatabase(source)
    this.#options = options
    this.#name = options.name ?? 'relay'
    this.#scheduler = options.scheduler ?? systemScheduler()
    this.#ticker = new Ticker(database, this.#scheduler, options.ticker)
    this.#members = new Membership(
      database,
      this.#scheduler,
      options.beatMs === undefined ? {} : { beatMs: options.beatMs },
    )
    this.#effect = new SendEffect(database, options.send, this.#name)
  }

  get published(): Signal {
    return this.#database.published
  }

  get sent(): number {
    return this.#effect.sent
  }

  /** All or nothing, so that a start that failed may simply be tried again. */
  async start(): Promise<void> {
    if (this.#state !== 'created') return
    try {
      await migrate(this.#database, [logMigrations])
      this.#ticker.start(this.#database.published)
      await this.#members.start()
      this.#log = new SqlOwnerLog('self', this.#database, this.#ticker.ticked)
      await this.#log.start()
      this.#loop = sendLoop(
        { database: this.#database, log: this.#log, members: this.#members, effect: this.#effect },
        this.#options,
      )
      this.#loop.start(this.#scheduler)
      this.#upkeep = this.#scheduler.task(`upkeep ${this.#name}`, () => this.#keepUp())
      this.#state = 'started'
    } catch (error) {
      await this.#halt()
      throw error
    }
  }

  async stop(): Promise<void> {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    await this.#halt()
    if (!this.#options.scheduler) await this.#scheduler.stop()
    if (this.#opened) await this.#database.close()
  }

  /** A database that is away hinders nothing: what it does not hear now, others find out by the missing beat. */
  async #halt(): Promise<void> {
    await this.#upkeep?.stop()
    await this.#loop?.stop()
    await this.#log?.stop()
    await this.#ticker.stop().catch(() => undefined)
    await this.#members.stop().catch(() => undefined)
  }

  async #keepUp(): Promise<number> {
    recordLags(this.#name, await consumerLags(this.#database), [this.#name])
    return upkeepLog(this.#database)
  }
}

function sendLoop(
  parts: {
    readonly database: Database
    readonly log: SqlOwnerLog
    readonly members: Membership
    readonly effect: LaneEffect
  },
  options: Omit<RelayOptions, 'send'>,
): LaneLoop {
  const { name = 'relay', batchEvents, start, pollMs } = options
  return new LaneLoop(parts, {
    consumer: name,
    service: 'self',
    ...(batchEvents === undefined ? {} : { batchEvents }),
    ...(start === undefined ? {} : { start }),
    ...(pollMs === undefined ? {} : { pollMs }),
  })
}

/** Sends a batch and stores the position in a transaction of its own. */
export class SendEffect implements LaneEffect {
  sent = 0
  readonly #database: Database
  readonly #send: Send
  readonly #name: string

  constructor(database: Database, send: Send, name: string) {
    this.#database = database
    this.#send = send
    this.#name = name
  }

  async apply(events: readonly LoggedEvent[], advance: (tx: Transaction, count: number) => void): Promise<number> {
    const links = events.map((event) => event.traceparent)
    const { name, options } = messageSpan('send', { destination: this.#name, count: events.length, links })
    await withSpan(name, options, () => this.#send(events))
    this.#record(events)
    await this.#database.transaction(async (tx) => advance(tx, events.length))
    this.sent += events.length
    return events.length
  }

  /** The clocks of two machines may differ by more than the delay: it is then told as none. */
  #record(events: readonly LoggedEvent[]): void {
    const destination = this.#name
    const nowMs = this.#database.clock.now().getTime()
    metrics.sentMessages.add(events.length, { 'messaging.destination.name': destination })
    for (const { source, at } of events)
      metrics.outboxDelay.record(Math.max(0, nowMs - at.getTime()) / 1_000, { service: source, destination })
  }
}

interface LaneStretch {
  readonly epoch: number
  readonly from: Cut
  to: Cut
  count: number
}

/** A quiet lane is punctuated this often; one with events at once, so that the loss of a last message is seen soon. */
const quietPunctuationMs = 1_000

/**
 * Sends to a channel, with punctuation: how many events each lane had between two cuts, so that the receiver can prove that it
 * has everything, also at the end of a stream.
 */
export class ChannelEffect extends SendEffect {
  readonly #channel: Channel
  readonly #clock: Database['clock']
  readonly #source: string
  readonly #stretches = new Map<number, LaneStretch>()
  #quietAtMs = 0

  constructor(database: Database, channel: Channel, source: string) {
    super(database, (events) => channel.send(events.map((event) => ({ ...toMessage(event), source }))), source)
    this.#channel = channel
    this.#clock = database.clock
    this.#source = source
  }

  async completed(stretch: Stretch): Promise<void> {
    for (const lane of stretch.lanes) {
      // A count that leaves events out could make a loss look like the whole: the receiver then sees a hole, and reads.
      if (!stretch.counts) {
        this.#stretches.delete(lane)
        continue
      }
      const known = this.#stretches.get(lane)
      const count = stretch.counts.get(lane) ?? 0
      if (known && known.epoch === stretch.epoch && known.to.tick === stretch.from.tick) {
        known.to = stretch.to
        known.count += count
      } else this.#stretches.set(lane, { epoch: stretch.epoch, from: stretch.from, to: stretch.to, count })
    }
    const now = this.#clock.monotonicMs()
    const quietToo = now - this.#quietAtMs >= quietPunctuationMs
    if (quietToo) this.#quietAtMs = now
    const due = [...this.#stretches].filter(([, lane]) => quietToo || lane.count > 0)
    if (due.length === 0) return
    await this.#channel.send(due.map(([lane, part]) => punctuation(this.#source, lane, part)))
    for (const [lane] of due) this.#stretches.delete(lane)
  }
}

const punctuation = (source: string, lane: number, part: LaneStretch): Punctuation => ({
  kind: 'punctuation',
  source,
  epoch: part.epoch,
  lane,
  fromTick: part.from.tick,
  toTick: part.to.tick,
  count: part.count,
  cut: part.to,
})

function isDatabase(source: Database | PoolLike | string): source is Database {
  return typeof source === 'object' && 'transaction' in source
}
