/** The cured academy at work in the demo: the same eight services on Selvedge, with the same messages lost. */
import type { Hono } from 'hono'
import { defineService, type RunningService } from 'selvedge/service'
import { type Database, openDatabase } from 'selvedge/store'
import { type LosingChannel, losingChannel } from './demo-channel.ts'
import type { DemoVariant } from './demo-naive.ts'
import type { DemoDatabases, DemoSurroundings } from './demo-surroundings.ts'
import { curedMigrations, curedNode, prepareCured } from './ports/cured.ts'
import { academy, type ServiceName, serviceNames } from './services.ts'
import { userContract } from './user/contract.ts'
import { ask, openly } from './variants/variant.ts'

/** How often consumers look for what no message told them of; a person waits no longer than that for a lost tail. */
const pollMs = 500

/** Starts the cured academy. */
export async function startCured(around: DemoSurroundings, databases: DemoDatabases): Promise<DemoVariant> {
  const academyNow = new CuredDemo(around, databases)
  await academyNow.open()
  return academyNow
}

class CuredDemo implements DemoVariant {
  readonly #around: DemoSurroundings
  readonly #urls: DemoDatabases
  readonly #databases = new Map<ServiceName, Database>()
  readonly #channels = new Map<string, LosingChannel>()
  readonly #services = new Map<ServiceName, RunningService>()
  readonly #apis = new Map<ServiceName, Hono>()
  /** What services had counted when they were stopped. */
  readonly #past = { applied: 0, pulled: 0, duplicates: 0 }

  constructor(around: DemoSurroundings, urls: DemoDatabases) {
    this.#around = around
    this.#urls = urls
  }

  async open(): Promise<void> {
    for (const name of serviceNames) {
      this.#databases.set(name, openDatabase(this.#urls.url(name), { max: 2 }))
      this.#channels.set(name, losingChannel(this.#around.channelOf(name)))
    }
    await Promise.all(serviceNames.map((name) => prepareCured(academy[name](userContract), this.database(name))))
    for (const name of serviceNames) await this.startService(name)
  }

  act(action: Parameters<DemoVariant['act']>[0]) {
    return ask(this.#apis.get(action.service) as Hono, action)
  }

  loseNext(...[{ from, types }, done]: Parameters<DemoVariant['loseNext']>): void {
    this.#channels.get(from)?.loseNext(types, done)
  }

  async startService(name: ServiceName): Promise<void> {
    const database = this.database(name)
    const business = academy[name](userContract)
    const node = curedNode(business, userContract, database)
    const sources = node.consumers.map(({ source }) => [
      source,
      { database: this.database(source as ServiceName), channel: this.#channels.get(source) as LosingChannel },
    ])
    const service = defineService({
      ...{ contract: business.contract, database, consumers: node.consumers, pollMs },
      sources: Object.fromEntries(sources),
      relayTo: this.#channels.get(name) as LosingChannel,
      migrations: curedMigrations,
      ticker: { notify: false },
    })
    this.#services.set(name, service)
    await service.start()
    await node.prepare()
    this.#apis.set(name, openly(business.api(node.run)))
  }

  async stopService(name: ServiceName): Promise<void> {
    const service = this.#services.get(name)
    this.#services.delete(name)
    await service?.stop()
    if (service) this.#add(service, this.#past)
  }

  database(name: ServiceName): Database {
    return this.#databases.get(name) as Database
  }

  counts(): Readonly<Record<string, number>> {
    const sum = { ...this.#past, waiting: 0 }
    for (const service of this.#services.values()) {
      this.#add(service, sum)
      for (const consumer of service.health().consumers) sum.waiting += consumer.parked
    }
    return sum
  }

  async close(): Promise<void> {
    await Promise.all(serviceNames.map((name) => this.stopService(name).catch(() => undefined)))
    await Promise.all([...this.#channels.values()].map((channel) => channel.close()))
    await Promise.all([...this.#databases.values()].map((db) => db.close()))
  }

  #add(service: RunningService, sum: { applied: number; pulled: number; duplicates: number }): void {
    for (const { applied, pulled, duplicates } of service.health().consumers) {
      sum.applied += applied
      sum.pulled += pulled
      sum.duplicates += duplicates
    }
  }
}
