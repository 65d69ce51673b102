/**
 * Opens the academy of the demo: databases and roles, services, the page, and the file by which other commands find it.
 * What is opened is closed in the opposite order, and all of it is tried.
 */
import { systemClock } from '../base/clock.ts'
import { seededRandom } from '../base/random.ts'
import { type Scheduler, systemScheduler } from '../base/scheduler.ts'
import type { Server } from '../store/server.ts'
import { type ServiceDatabases, serviceDatabases } from '../store/service-databases.ts'
import { openDatabase, quoteIdentifier } from '../store/store.ts'
import { memoryChannel } from '../transport/transport.ts'
import { PublishedAddress } from './demo-address.ts'
import type { Urls } from './kept-config.ts'

/** The compiled academy: `src` knows nothing of it but this. */
export const academy = () => import('../../examples/academy/demo.ts')

/** A demo at work, as the academy gives it. */
export type Demo = Awaited<ReturnType<typeof import('../../examples/academy/demo.ts')['startDemo']>>

/** A stop in order takes a moment; whoever waits longer than this gets the server taken away. */
const stopWithinMs = 1_000

/** What the demo is opened with. */
export interface Opening {
  /** Keeps the databases. */
  readonly keep?: string | boolean | undefined
  readonly port?: number | undefined
  readonly seed?: string | undefined
  readonly command: string
  readonly scheduler: Scheduler
}

/** An academy with its page, before anybody comes in. */
export interface OpenedDemo {
  readonly demo: Demo
  readonly url: string
  /** Where the databases are; the cured ones once they are made. */
  readonly variants: Readonly<Record<string, Urls>>
  /** From the start of this process to the first answer of the page. */
  readonly firstPageMs: number
  close(): Promise<void>
}

/** Opens the academy on `server` and serves its page. */
export async function openDemo(server: Server, options: Opening): Promise<OpenedDemo> {
  const databases = await serviceDatabases(server, { prefix: 'selvedge_demo', isKept: isKept(options) })
  const closing: (() => unknown)[] = [() => databases.stop()]
  const close = async () => {
    // Each is tried: what one of them cannot remove, the next run sweeps.
    for (const step of closing.splice(0)) await Promise.resolve(step()).catch(() => undefined)
  }
  try {
    if (isKept(options)) await dropKept(server)
    const naive = await createDatabases(databases, 'naive')
    const { startDemo, startPage } = await academy()
    const own = systemScheduler()
    const random = seededRandom(options.seed ?? 'academy')
    const address = new PublishedAddress()
    closing.unshift(() => address.remove())
    const variants: Record<string, Urls> = { naive }
    const demo = await startDemo({
      ...{ scheduler: own, random: random.fork('faults'), learners: random.fork('learners') },
      now: () => systemClock.now(),
      naive: { url: (service) => naive[service] ?? '' },
      cured: async () => {
        const cured = await createDatabases(databases, 'cured')
        variants.cured = cured
        address.write({ page: page.url, variants })
        return { url: (service) => cured[service] ?? '' }
      },
      channelOf: () => memoryChannel(own),
    })
    closing.unshift(() => Promise.race([demo.stop(), options.scheduler.sleep(stopWithinMs)]))
    const page = await startPage(demo, { program: options.command, port: options.port })
    closing.unshift(() => page.close())
    address.write({ page: page.url, variants })
    await (await fetch(page.url)).text()
    return { demo, url: page.url, variants, firstPageMs: Math.round(systemClock.monotonicMs()), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Whether the databases stay. */
export const isKept = ({ keep }: Pick<Opening, 'keep'>): boolean => keep !== undefined && keep !== false

/** What an earlier demo kept gives way to the next one: its learners would not know what is there already. */
async function dropKept(server: Server): Promise<void> {
  const db = openDatabase(server.url, { max: 1 })
  try {
    const { rows } = await db.query<{ name: string }>(
      `select datname as name from pg_database where datname ~ '^selvedge_demo_(naive|cured)_[a-z]+$'`,
    )
    for (const { name } of rows) await db.query(`drop database ${quoteIdentifier(name)} with (force)`)
  } finally {
    await db.close()
  }
}

async function createDatabases(databases: ServiceDatabases, variant: string): Promise<Urls> {
  const { serviceNames } = await import('../../examples/academy/services.ts')
  const urls: Record<string, string> = {}
  for (const service of serviceNames) urls[service] = (await databases.create(`${variant}_${service}`)).url
  return urls
}
