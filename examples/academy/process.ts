/**
 * One service of the cured academy as a process of its own: its database, the logs of others read with its own
 * role, and its HTTP API on a loopback port.
 *
 * Started by `processes.ts`, which tells it where everything is and holds its standard input: when that ends, so does the process.
 */
import { serve } from '@hono/node-server'
import { grantConsumer, openDatabase } from 'selvedge'
import { defineService, runUntilSignal } from 'selvedge/service'
import type { Database } from 'selvedge/store'
import { curedMigrations, curedNode, prepareCured } from './ports/cured.ts'
import { academy, type ServiceName } from './services.ts'
import { userContract } from './user/contract.ts'

/** What a process is told, as JSON in `ACADEMY_PROCESS`. */
export interface ProcessOrder {
  readonly service: ServiceName
  /** The service's own database. */
  readonly url: string
  /** The databases of the others, opened with this service's own role. */
  readonly sources: Readonly<Partial<Record<ServiceName, string>>>
  /** The roles that read this service's log. */
  readonly readers: readonly string[]
}

/** What a process says in its first line: it is at work. */
export interface ProcessReady {
  readonly service: ServiceName
  readonly port: number
}

const few = { max: 3 }

async function runProcess(order: ProcessOrder): Promise<void> {
  const business = academy[order.service](userContract)
  const database = openDatabase(order.url, few)
  await prepareOnce(database, () => prepareCured(business, database))
  const node = curedNode(business, userContract, database)
  const sources = node.consumers.map(({ source }) => [
    source,
    { database: openDatabase(order.sources[source as ServiceName] ?? '', few) },
  ])
  const service = defineService({
    ...{ contract: business.contract, database, consumers: node.consumers },
    sources: Object.fromEntries(sources),
    migrations: curedMigrations,
  })
  await runUntilSignal(service, {
    started: async () => {
      await node.prepare()
      for (const role of order.readers) await grantConsumer(database, role)
      const server = serve({ fetch: business.api(node.run).fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
        console.log(JSON.stringify({ service: order.service, port } satisfies ProcessReady)),
      )
      return () => new Promise<void>((closed) => server.close(() => closed()))
    },
  })
  await database.close()
}

/** A process that comes again finds the tables that its predecessor made. */
async function prepareOnce(database: Database, make: () => Promise<void>): Promise<void> {
  const { rows } = await database.query<{ there: boolean }>(`select to_regclass('public.gone') is not null as there`)
  if (!rows[0]?.there) await make()
}

// The parent is gone, however it died: the pipe that it held has ended.
process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).resume()
await runProcess(JSON.parse(process.env.ACADEMY_PROCESS ?? '{}') as ProcessOrder)
process.exit(0)
