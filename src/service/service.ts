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
import { InboxEffect } from '../inbox/inbox-effect.ts'
import { inboxMigrations } from '../inbox/migrations.ts'
import { LaneLoop } from '../log/lane-loop.ts'
import { Membership } from '../log/membership.ts'
import { logMigrations } from '../log/migrations.ts'
import type { Cut } from '../log/position.ts'
import { type OwnerLog, SqlOwnerLog } from '../log/reader.ts'
import { Ticker, type TickerOptions } from '../log/ticker.ts'
import { upkeepLog } from '../log/upkeep.ts'
import { type MigrationSet, migrate } from '../store/migrate.ts'
import type { Database } from '../store/store.ts'
import { registerBackfill, storeContracts } from './prepare-owner.ts'

/** Where an owner's log is read: a database opened with this service's role, or another route. */
export type Source = OwnerLog | { readonly database: Database; readonly ticks?: Signal<Cut> }

/** What a service is made of. */
export interface ServiceParts {
  readonly contract: ServiceContract
  readonly database: Database
  readonly consumers?: readonly Consumer[]
  /** By the name of the service that is read. */
  readonly sources?: Readonly<Record<string, Source>>
  /** How this service tells its state to consumers that start late: a query per entity with columns key and data. */
  readonly backfill?: Readonly<Record<string, string>>
  readonly scheduler?: Scheduler
  readonly ticker?: TickerOptions
  /** How often consumers look for ticks that no notice told them of. */
  readonly pollMs?: number
  /** Events of one transaction of a consumer. */
  readonly batchEvents?: number
  readonly beatMs?: number
  readonly migrations?: readonly MigrationSet[]
}

/** What is true of a service right now. */
export interface Health {
  readonly service: string
  readonly state: 'created' | 'started' | 'stopped'
  readonly consumers: readonly {
    readonly name: string
    readonly source: string
    readonly state: string
    readonly lanes: number
    readonly parked: number
    readonly applied: number
    readonly error?: string
  }[]
}

/** A service that can be started and stopped. */
export interface RunningService {
  readonly name: string
  readonly database: Database
  /** Each tick of this process; hand it to consumers in the same process to spare them a poll. */
  readonly ticked: Signal<Cut>
  start(): Promise<void>
  /** Drains: what is in flight is finished, nothing new is begun. */
  stop(): Promise<void>
  health(): Health
}

interface Running {
  readonly consumer: Consumer
  readonly loop: LaneLoop
  readonly effect: InboxEffect
  readonly log: OwnerLog
  readonly close: () => Promise<void>
}

/**
 * Defines a service; nothing runs before `start()`.
 *
 * ```ts
 * const progress = defineService({ contract: progressContract, database: openDatabase(url), consumers: [profiles], sources: { user: { database: openDatabase(userUrl) } } })
 * await progress.start()
 * ```
 * @throws Refused `service/no-source` from `start()` when a consumer's source is not among `sources`.
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
  #running: Running[] = []
  #upkeep: Task | undefined

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
    this.ticked = this.#ticker.ticked
  }

  async start(): Promise<void> {
    await migrate(this.#control, [logMigrations, inboxMigrations, ...(this.#parts.migrations ?? [])])
    await storeContracts(this.#control, this.#parts.contract)
    await registerBackfill(this.#control, this.#parts.backfill ?? {})
    this.#ticker.start(this.database.published)
    await this.#members.start()
    for (const consumer of this.#parts.consumers ?? []) this.#running.push(await this.#consume(consumer))
    this.#upkeep = this.#scheduler.task(`upkeep ${this.name}`, () => upkeepLog(this.#control))
    this.#state = 'started'
  }

  async stop(): Promise<void> {
    if (this.#state !== 'started') return
    this.#state = 'stopped'
    await this.#upkeep?.stop()
    await Promise.all(
      this.#running.map(async ({ loop, log, close }) => {
        await loop.stop()
        await log.stop()
        await close()
      }),
    )
    await this.#ticker.stop().catch(() => undefined)
    await this.#members.stop().catch(() => undefined)
    if (this.#ownsScheduler) await this.#scheduler.stop()
    await this.#control.close()
  }

  health(): Health {
    const consumers = this.#running.map(({ consumer, loop, effect }) => ({
      name: consumer.name,
      source: consumer.source,
      state: loop.state,
      lanes: loop.lanes.length,
      parked: effect.parked,
      applied: effect.applied,
      ...(loop.lastError === undefined
        ? {}
        : { error: loop.lastError instanceof Error ? loop.lastError.message : String(loop.lastError) }),
    }))
    return { service: this.name, state: this.#state, consumers }
  }

  async #consume(consumer: Consumer): Promise<Running> {
    const { log, close } = ownerLog(this.#parts.sources ?? {}, consumer)
    const effect = new InboxEffect(this.database, consumer, (entity, afterKey) =>
      log.backfill(consumer.name, entity, afterKey, backfillRows),
    )
    const options = {
      consumer: consumer.name,
      service: this.name,
      start: consumer.start,
      ...pick(this.#parts, 'pollMs', 'batchEvents'),
    }
    const loop = new LaneLoop({ database: this.#control, log, members: this.#members, effect }, options)
    await log.start()
    loop.start(this.#scheduler)
    return { consumer, loop, effect, log, close }
  }
}

/** Rows of one page of a backfill: a page is one short statement at the owner. */
const backfillRows = 2_000

function ownerLog(
  sources: Readonly<Record<string, Source>>,
  consumer: Consumer,
): { log: OwnerLog; close: () => Promise<void> } {
  const source = sources[consumer.source]
  if (!source) throw noSource(consumer)
  if (!('database' in source)) return { log: source, close: async () => undefined }
  const database = source.database.sibling({ max: 2 })
  return { log: new SqlOwnerLog(consumer.source, database, source.ticks), close: () => database.close() }
}

function noSource(consumer: Consumer): Error {
  return refused(
    'service/no-source',
    `Consumer ${consumer.name} reads from ${consumer.source}, which is not among the sources.`,
    `Give sources: { ${consumer.source}: { database } }, opened with this service's role.`,
    { consumer: consumer.name, source: consumer.source },
  )
}

function pick<T, K extends keyof T>(from: T, ...keys: K[]): Partial<Pick<T, K>> {
  return Object.fromEntries(keys.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]]))) as Partial<
    Pick<T, K>
  >
}
