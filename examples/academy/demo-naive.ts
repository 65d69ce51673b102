/** The naive academy at work in the demo: eight services, their databases, a broker, real time. */
import type { Hono } from 'hono'
import { type Database, openDatabase } from 'selvedge/store'
import type { Action } from './actions.ts'
import { type BrokerCounts, DemoBroker } from './demo-broker.ts'
import type { DemoSurroundings } from './demo-surroundings.ts'
import { type Envelope, naiveNode, prepareNaive } from './ports/naive.ts'
import { academy, type ServiceName, serviceNames } from './services.ts'
import { userContract } from './user/contract.ts'
import { eventsHeard } from './variants/naive.ts'
import { ask, openly } from './variants/variant.ts'

/** A variant of the academy as the demo drives it. */
export interface DemoVariant {
  act(action: Action): Promise<'accepted' | 'refused'>
  /** Loses the next message of these types from `from` to `to`. */
  loseNext(
    route: { readonly from: ServiceName; readonly to: ServiceName; readonly types: readonly string[] },
    done: (type: string) => void,
  ): void
  stopService(name: ServiceName): Promise<void>
  startService(name: ServiceName): Promise<void>
  database(name: ServiceName): Database
  counts(): Readonly<Record<string, number>>
  close(): Promise<void>
}

/** Starts the naive academy. */
export async function startNaive(around: DemoSurroundings): Promise<DemoVariant & { readonly broker: BrokerCounts }> {
  const broker = new DemoBroker(around)
  const databases = new Map<ServiceName, Database>()
  const apis = new Map<ServiceName, Hono>()

  const start = async (name: ServiceName) => {
    const db = openDatabase(around.naive.url(name), { max: 2 })
    databases.set(name, db)
    const service = academy[name](userContract)
    await prepareNaive(service, db)
    const node = naiveNode(service, {
      db,
      broker: {
        publish: async (_topic, message) => broker.publish(name, (JSON.parse(message) as Envelope).eventType, message),
      },
      get: async (owner, path) => {
        if (broker.isStopped(owner)) throw new Error(`${owner} does not answer.`)
        return (apis.get(owner as ServiceName) as Hono).request(path)
      },
      now: around.now,
    })
    apis.set(name, openly(service.api(node.run)))
    broker.subscribe(name, eventsHeard(service), (message) => node.receive(message))
  }
  await Promise.all(serviceNames.map(start))

  return {
    broker: broker.counts,
    act: (action) => ask(apis.get(action.service) as Hono, action),
    loseNext: ({ to, types }, done) => broker.loseNext(to, types, done),
    stopService: async (name) => broker.stop(name),
    startService: async (name) => broker.start(name),
    database: (name) => databases.get(name) as Database,
    counts: () => ({ ...broker.counts }),
    close: async () => {
      await Promise.all([...databases.values()].map((db) => db.close()))
    },
  }
}
