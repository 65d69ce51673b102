/**
 * The composition root: one service with its log, its consumers and its copies.
 *
 *     created --start--> started --stop (drain)--> stopped
 *
 * Start: migrations, contract digests, backfill queries, then ticker, beat, consumers, upkeep. Stop: consumers finish the batch
 * in flight and free their lanes, the ticker makes a last tick, and the beat signs off.
 */
import { refused } from '../base/error.ts'
import type { Scheduler, Task } from '../base/scheduler.ts'
import { systemScheduler } from '../base/scheduler.ts'
import type { Signal } from '../base/signal.ts'
import type { Service as ServiceContract } from '../contract/contract.ts'
import type { Consumer } from '../inbox/inbox.ts'
import { inboxMigrations } from '../inbox/migrations.ts'
import { captureMigrations } from '../log/capture.ts'
import type { ConsumerLag } from '../log/consumer-lag.ts'
import { checkEpoch } from '../log/epoch.ts'
import { type HeldSnapshot, longestHeldSnapshot } from '../log/held-snapshot.ts'
import { LaneLoop } from '../log/lane-loop.ts'
import { Membership } from '../log/membership.ts'
import { logMigrations } from '../log/migrations.ts'
import type { Cut } from '../log/position.ts'
import { SqlOwnerLog } from '../log/reader.ts'
import { Ticker, type TickerOptions } from '../log/ticker.ts'
import { upkeepLog } from '../log/upkeep.ts'
import { ChannelEffect } from '../outbox/relay.ts'
import { type Replica, replicaMigrations } from '../replica/replica.ts'
import { type MigrationSet, migrate } from '../store/migrate.ts'
import type { Database } from '../store/store.ts'
import type { Channel } from '../transport/transport.ts'
import { registerBackfill, storeContracts } from './prepare-owner.ts'
import { Report } from './report.ts'
import {
  assertSource,
  type ConsumerHealth,
  type RunningConsumer,
  type Source,
  startConsumer,
} from './running-consumer.ts'

export { type RunOptions, runUntilSignal } from './run-until-signal.ts'
export type { ConsumerHealth, Source } from './running-consumer.ts'

/** What a service is made of. */
export interface ServiceParts {
  readonly contract: ServiceContract
  readonly database: Database
  readonly consumers?: readonly Consumer[]
  /** Copies of other services' entities; their tables are looked at before anything is applied. */
  readonly replicas?: readonly Replica[]
  /** By the name of the service that is read. */
  readonly sources?: Readonly<Record<string, Source>>
  /** How this service tells its state to consumers that start late: a query per entity with columns key and data. */
  readonly backfill?: Readonly<Record<string, string>>
  /** Where this service's events are sent as messages, beside the log that stays the truth. */
  readonly relayTo?: Channel
  readonly scheduler?: Scheduler
  readonly ticker?: TickerOptions
  /** How often consumers look for ticks that no notice told them of. */
  readonly pollMs?: number
  /** Events of one transaction of a consumer. */
  readonly batchEvents?: number
  readonly beatMs?: number
  readonly migrations?: readonly MigrationSet[]
  /** A snapshot held for longer is named by `health()`; a minute by default. */
  readonly heldSnapshotMs?: number
}

/** What is true of a service right now. */
export interface Health {
  readonly service: string
  readonly state: 'created' | 'started' | 'stopped'
  readonly consumers: readonly ConsumerHealth[]
  /** Those who read this service's log, and how far they are behind, as of at most ten seconds ago. */
  readonly readers: readonly ConsumerLag[]
  /** Events sent to the channel since the start. */
  readonly relayed: number
  /** Who keeps the server from cleaning up, as of at most ten seconds ago; absent while nobody does for a minute. */
  readonly heldSnapshot?: HeldSnapshot
}

/** A service that can be started and stopped. */
export interface RunningService {
  readonly name: string
  readonly database: Database
  /** Each tick of this process; hand it to consumers in the same process to spare them a poll. */
  readonly ticked: Signal<Cut>
  /** Resolves once everything runs. A start that failed left nothing running and may be tried again. */
  start(): Promise<void>
  /** Drains: what is in flight is finished, nothing new is begun. */
  stop(): Promise<void>
  health(): Health
  /** Makes consumers, the relay and upkeep look again at once, as after a release of parked streams. */
  wake(): void
}

/**
 * Defines a service; nothing runs before `start()`.
 *
 * ```ts
 * const progress = defineService({ contract: progressContract, database: openDatabase(url), consumers: [profiles], sources: { user: { database: openDatabase(userUrl) } } })
 * await progress.start()
 * ```
 * @throws Refused `service/no-source` from `start()` when a consumer's source is not among `sources`.
 * @throws Transient `store/unreachable` from `start()` while its own database is away; a source that is away is waited for.
 * @throws Refused `contract/changed-schema` from `start()` when a schema changed under an old schemaVersion.
 */
export function defineService(parts: ServiceParts): RunningService {
  return new DefinedService(parts)
}

class DefinedService implements RunningService {
  readonly name: string
  readonly database: Database
  readonly ticked: Signal<Cut>
  readonly #parts: ServiceParts
  readonly #scheduler: Scheduler
  readonly #ownsScheduler: boolean
  readonly #control: Database
  readonly #ticker: Ticker
  readonly #members: Membership
  #state: Health['state'] = 'created'
  #running: RunningConsumer[] = []
  #relay: { readonly loop: LaneLoop; readonly effect: ChannelEffect; readonly log: SqlOwnerLog } | undefined
  #upkeep: Task | undefined
  #heldSnapshot: HeldSnapshot | undefined
  readonly #report: Report
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(parts: ServiceParts) {
    this.name = parts.contract.name
    this.database = parts.database
    this.#parts = parts
    this.#ownsScheduler = parts.scheduler === undefined
    this.#scheduler = parts.scheduler ?? systemScheduler()
    this.#control = parts.database.sibling({ max: 3 })
    this.#ticker = new Ticker(this.#control, this.#scheduler, parts.ticker)
    this.#members = new Membership(this.#control, this.#scheduler, {
      name: `${this.name} ${process.pid}`,
      ...(parts.beatMs === undefined ? {} : { beatMs: parts.beatMs }),
    })
    this.#report = new Report(this.#control, this.name, [relayName])
    this.ticked = this.#ticker.ticked
  }

  start(): Promise<void> {
    if (this.#state === 'stopped') return Promise.reject(alreadyStopped(this.name))
    this.#starting ??= this.#start().finally(() => {
      if (this.#state !== 'started') this.#starting = undefined
    })
    return this.#starting
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  health(): Health {
    return {
      service: this.name,
      state: this.#state,
      consumers: this.#running.map((running) => running.health()),
      readers: this.#report.lags,
      relayed: this.#relay?.effect.sent ?? 0,
      ...(this.#heldSnapshot ? { heldSnapshot: this.#heldSnapshot } : {}),
    }
  }

  wake(): void {
    this.#upkeep?.wake()
    for (const running of this.#running) running.wake()
    this.#relay?.loop.wake()
  }

  /** All or nothing: what was begun before a failure is ended again, so that `start()` may simply be tried again. */
  async #start(): Promise<void> {
    const { consumers = [], replicas = [] } = this.#parts
    const copying = replicas.flatMap((replica) => replica.consumers(this.database, this.name))
    const all = [...consumers, ...copying]
    for (const consumer of all) assertSource(this.#parts.sources ?? {}, consumer)
    try {
      await this.#prepare(replicas)
      this.#ticker.start(this.database.published)
      await this.#members.start()
      if (this.#parts.relayTo) await this.#startRelay(this.#parts.relayTo)
      for (const consumer of all) this.#running.push(await this.#startConsumer(consumer))
      this.#upkeep = this.#scheduler.task(`upkeep ${this.name}`, () => this.#keepUp())
      this.#state = 'started'
    } catch (error) {
      await this.#halt()
      throw error
    }
  }

  async #prepare(replicas: readonly Replica[]): Promise<void> {
    await migrate(this.#control, [
      logMigrations,
      captureMigrations,
      inboxMigrations,
      ...(replicas.length > 0 ? [replicaMigrations] : []),
      ...(this.#parts.migrations ?? []),
    ])
    await checkEpoch(this.#control)
    await storeContracts(this.#control, this.#parts.contract)
    await registerBackfill(this.#control, this.#parts.backfill ?? {})
    for (const replica of replicas) await replica.prepare(this.#control)
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => undefined)
    this.#state = 'stopped'
    await this.#halt()
    if (this.#ownsScheduler) await this.#scheduler.stop()
    await this.#control.close()
  }

  /** Ends what runs. A database that is away hinders nothing: what it does not hear now, others find out by the missing beat. */
  async #halt(): Promise<void> {
    await this.#upkeep?.stop()
    await Promise.allSettled(this.#running.map((running) => running.stop()))
    this.#report.count(this.#running.map((running) => running.health()))
    await this.#ticker.stop().catch(() => undefined)
    await this.#relay?.loop.stop()
    await this.#relay?.log.stop()
    await this.#members.stop().catch(() => undefined)
    if (this.#state === 'stopped') return
    this.#running = []
    this.#relay = undefined
  }

  async #keepUp(): Promise<number> {
    this.#report.count(this.#running.map((running) => running.health()))
    await this.#report.look()
    this.#heldSnapshot = await longestHeldSnapshot(this.#control, this.#parts.heldSnapshotMs)
    return upkeepLog(this.#control)
  }

  async #startConsumer(consumer: Consumer): Promise<RunningConsumer> {
    const { sources = {}, pollMs, batchEvents } = this.#parts
    const options = {
      ...(pollMs === undefined ? {} : { pollMs }),
      ...(batchEvents === undefined ? {} : { batchEvents }),
    }
    const { name: service, database } = this
    return startConsumer(
      {
        service,
        database,
        control: this.#control,
        members: this.#members,
        scheduler: this.#scheduler,
        sources,
        options,
      },
      consumer,
    )
  }

  /** The relay reads the service's own log, as any consumer does, and sends. */
  async #startRelay(channel: Channel): Promise<void> {
    const log = new SqlOwnerLog(this.name, this.#control, this.ticked)
    const effect = new ChannelEffect(this.#control, channel, this.name)
    const loop = new LaneLoop(
      { database: this.#control, log, members: this.#members, effect },
      { consumer: relayName, service: this.name },
    )
    await log.start()
    loop.start(this.#scheduler)
    this.#relay = { loop, effect, log }
  }
}

function alreadyStopped(name: string): Error {
  return refused(
    'service/stopped',
    `The service ${name} was stopped: its connections are closed.`,
    'Define it again to start it again.',
    { service: name },
  )
}

/** The name under which a service's relay stands in its own log. */
const relayName = 'relay'
