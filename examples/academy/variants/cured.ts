/** The cured academy in a simulated world: eight services of Selvedge, whose messages cross the world's channel as hints. */
import type { Hono } from 'hono'
import { release } from 'selvedge/inbox'
import { defineService, type RunningService } from 'selvedge/service'
import { type Database, openDatabase, quoteIdentifier } from 'selvedge/store'
import { type ServiceScheduler, simulatedTransport, type Variant, type World } from 'selvedge/testing'
import type { Action } from '../actions.ts'
import type { AcademyDatabases } from '../databases.ts'
import { curedMigrations, curedNode, prepareCured } from '../ports/cured.ts'
import { academy, type ServiceName, serviceNames } from '../services.ts'
import { type UserContract, userContract } from '../user/contract.ts'
import { userContractV1 } from '../user/contract-v1.ts'
import { machineClock, machineScheduler } from './machine-time.ts'
import { networkDatabase } from './network-database.ts'
import { type AcademyVariant, ask, type EventCounts, openly } from './variant.ts'

interface Running {
  readonly service: RunningService
  readonly scheduler: ServiceScheduler
  readonly api: Hono
}

type Packets = Parameters<ReturnType<typeof simulatedTransport>['deliver']>[1]['payload']

/**
 * How often a service says that it lives. Beats are judged by the server's own clock, on which a run of the world takes a minute: none
 * may be missed because the machine is slow. When a service dies its beat is removed, as if three had been missed.
 */
const beatMs = 600_000

/** All that is published is published in this process, which tells the ticker; looking by itself is for what other processes do. */
const quietTickerMs = 5_000

/** Starts the cured academy in `world`. */
export async function curedVariant(world: World<never>, databases: AcademyDatabases): Promise<AcademyVariant> {
  const cured = new CuredWorld(world as unknown as World<Packets>, databases)
  await cured.open()
  return cured
}

class CuredWorld implements AcademyVariant {
  readonly variant: Variant<Action, never>
  readonly #world: World<Packets>
  readonly #databases: AcademyDatabases
  readonly #transport: ReturnType<typeof simulatedTransport>
  readonly #opened = new Map<ServiceName, Database>()
  /** The log of an owner as a reader reaches it: with the reader's role, over the world's network. */
  readonly #readers = new Map<string, Database>()
  readonly #running = new Map<ServiceName, Running>()
  /** The events that change something at each service, as `owner.event`. */
  readonly #heeded = new Map<string, ReadonlySet<string>>()
  readonly #learnt = new Map<ServiceName, UserContract>()
  /** What services had counted when they stopped or died. */
  readonly #past = { applied: 0, duplicatesDropped: 0, pulled: 0 }

  constructor(world: World<Packets>, databases: AcademyDatabases) {
    this.#world = world
    this.#databases = databases
    this.#transport = simulatedTransport(world.channel, {
      heeds: (service, source, type) => this.#heeded.get(service)?.has(`${source}.${type}`) ?? false,
    })
    this.variant = {
      name: 'cured',
      act: (action) => ask((this.#running.get(action.service) as Running).api, action),
      deliver: (to, message, from) => this.#transport.deliver(to, message, from),
      settle: async () => {
        await world.scheduler.runUntilIdle()
      },
      stopService: (name) => this.#stop(name as ServiceName),
      startService: (name) => this.#start(name as ServiceName),
      crash: (name) => this.#crash(name as ServiceName),
      versionSkew: (phase, fault) => this.#rollOut(phase, fault.service as ServiceName),
    }
  }

  async open(): Promise<void> {
    for (const name of serviceNames) {
      const clock = machineClock(this.#world.time, this.#world.plan.skews[name])
      const db = openDatabase(this.#databases.url(name), { max: 2, clock })
      this.#opened.set(name, db)
      this.#learnt.set(name, userContractV1)
      await prepareCured(academy[name](userContractV1), db)
    }
    for (const name of serviceNames) await this.#start(name)
    for (const name of serviceNames) await this.#admit(name)
    await this.#world.scheduler.runUntilIdle()
  }

  async close(): Promise<void> {
    for (const name of serviceNames) await this.#stop(name)
    await this.#world.scheduler.stop()
    await Promise.all([...this.#opened.values(), ...this.#readers.values()].map((db) => db.close()))
  }

  async events(): Promise<EventCounts> {
    const counts = { published: 0, ...this.#past, refreshed: 0, parked: 0 }
    for (const { service } of this.#running.values()) this.#count(service, counts)
    for (const db of this.#opened.values()) {
      const { rows } = await db.query<{ published: number; refreshed: number; parked: number }>(
        `select (select count(*) from selvedge.log)::int as published, (select count(*) from selvedge.parked_stream)::int as parked,
           (select count(*) from selvedge.consumer where state <> 'live')::int as refreshed`,
      )
      counts.published += rows[0]?.published ?? 0
      counts.refreshed += rows[0]?.refreshed ?? 0
      counts.parked += rows[0]?.parked ?? 0
    }
    return counts
  }

  async #start(name: ServiceName): Promise<void> {
    const database = this.#opened.get(name) as Database
    const contract = this.#learnt.get(name) as UserContract
    const business = academy[name](contract)
    const node = curedNode(business, contract, database)
    this.#heeded.set(
      name,
      new Set(
        node.consumers
          .flatMap((one) => one.handlers.flatMap((handler) => handler.events))
          .map((event) => `${event.service}.${event.name}`),
      ),
    )
    const scheduler = machineScheduler(this.#world.scheduler.service())
    const service = defineService({
      contract: business.contract,
      database,
      consumers: node.consumers,
      sources: Object.fromEntries(
        node.consumers.map(({ source }) => [source, this.#sourceFor(name, source as ServiceName)]),
      ),
      relayTo: this.#transport.source(name),
      migrations: curedMigrations,
      ticker: { notify: false, pollMs: quietTickerMs },
      ...{ scheduler, beatMs },
    })
    await service.start()
    await node.prepare()
    this.#running.set(name, { service, scheduler, api: openly(business.api(node.run)) })
  }

  /** Readers may execute the five functions of the owner's log, and nothing else. */
  async #admit(owner: ServiceName): Promise<void> {
    const readers = serviceNames
      .filter((name) => this.#readers.has(`${name} ${owner}`))
      .map((name) => quoteIdentifier(this.#databases.role(name)))
    if (readers.length === 0) return
    const functions = ['register', 'batch', 'gap', 'backfill', 'acknowledge'].map((name) => `selvedge.${name}`)
    const db = this.#opened.get(owner) as Database
    await db.query(`grant usage on schema selvedge to ${readers.join(', ')}`)
    await db.query(`grant execute on function ${functions.join(', ')} to ${readers.join(', ')}`)
  }

  #sourceFor(reader: ServiceName, owner: ServiceName) {
    const key = `${reader} ${owner}`
    const known = this.#readers.get(key) ?? openDatabase(this.#databases.urlAs(owner, reader), { max: 1 })
    this.#readers.set(key, known)
    return {
      database: networkDatabase(known, this.#world.network, { from: reader, to: owner }),
      channel: this.#transport.source(owner),
    }
  }

  async #stop(name: ServiceName): Promise<void> {
    const running = this.#running.get(name)
    if (!running) return
    this.#running.delete(name)
    await running.service.stop()
    this.#count(running.service, this.#past)
    running.scheduler.kill()
  }

  /** All memory is gone; the beat goes too, so that the next process finds the lanes free. */
  async #crash(name: ServiceName): Promise<void> {
    const running = this.#running.get(name)
    if (!running) return
    this.#running.delete(name)
    running.scheduler.kill()
    this.#count(running.service, this.#past)
    await (this.#opened.get(name) as Database).query('delete from selvedge.instance')
    await this.#start(name)
  }

  /** Readers learn the new version before it is first written; the late one stays, and is released when it has learnt it, too. */
  async #rollOut(phase: 'begins' | 'ends', late: ServiceName): Promise<void> {
    const learning =
      phase === 'begins'
        ? [...serviceNames.filter((name) => name !== late && name !== 'user'), 'user' as const]
        : [late]
    for (const name of learning) {
      this.#learnt.set(name, userContract)
      if (!this.#running.has(name)) continue
      await this.#stop(name)
      await this.#start(name)
    }
    if (phase === 'ends') {
      await release(this.#opened.get(late) as Database, late)
      this.#running.get(late)?.service.wake()
    }
  }

  #count(service: RunningService, counts: { applied: number; duplicatesDropped: number; pulled: number }): void {
    for (const consumer of service.health().consumers) {
      counts.applied += consumer.applied
      counts.duplicatesDropped += consumer.duplicates
      counts.pulled += consumer.pulled
    }
  }
}
