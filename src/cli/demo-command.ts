/**
 * `selvedge demo`: the academy on a PostgreSQL of its own, gone when it ends; or, with `--actions`, its proof.
 *
 *     server -> databases and roles -> academy -> page -> first finding ... signal, or parent gone -> all removed
 */
import { systemClock } from '../base/clock.ts'
import { seededRandom } from '../base/random.ts'
import { type Scheduler, systemScheduler } from '../base/scheduler.ts'
import { keptFolder, leanSettings, memoryFolder } from '../store/embedded.ts'
import { findServer, type Server } from '../store/server.ts'
import { type ServiceDatabases, serviceDatabases } from '../store/service-databases.ts'
import { memoryChannel } from '../transport/transport.ts'
import { PublishedAddress } from './demo-address.ts'
import { exitCode } from './exit-code.ts'
import { findConfig } from './find-config.ts'
import { commandOf, sentenceOf } from './print-report.ts'
import { program } from './program-name.ts'
import { proofCommand } from './proof-command.ts'
import type { Terminal } from './terminal.ts'
import { watchParent } from './watch-parent.ts'

/** What a person may say. */
export interface DemoOptions {
  readonly databaseUrl?: string
  /** Keeps the databases; the folder for an embedded server's data. */
  readonly keep?: string | boolean
  readonly port?: number
  readonly actions?: number
  readonly seed?: string
  readonly signal: AbortSignal
}

/** Where `--keep` without a folder keeps an embedded server's data. */
const keptFolderDefault = '.selvedge/demo'

/** Eight services twice with their pools, the check's and `explain`'s readers, and some for a person with psql. */
const serverSettings = { ...leanSettings, max_connections: 200 }

/** A stop in order takes a moment; whoever waits longer than this gets the server taken away. */
const stopWithinMs = 2_000

/** `selvedge demo` */
export async function demoCommand(options: DemoOptions, terminal: Terminal): Promise<number> {
  terminal.note('starting a PostgreSQL for the academy')
  // The academy is loaded while the server starts; a failure of that shows where it is used.
  academy().catch(() => undefined)
  const server = await findServer(serverOptions(options))
  const ending = new AbortController()
  options.signal.addEventListener('abort', () => ending.abort(options.signal.reason), { once: true })
  if (options.signal.aborted) ending.abort(options.signal.reason)
  const scheduler = systemScheduler()
  watchParent(scheduler, process.env, () => ending.abort(exitCode.terminated))
  try {
    if (options.actions !== undefined)
      return await untilAborted(ending.signal, proofCommand(server, { ...options, actions: options.actions }, terminal))
    return await liveDemo(server, { ...options, ending: ending.signal }, { terminal, scheduler })
  } finally {
    // Not awaited to its end: rounds in flight end with the server.
    scheduler.stop().catch(() => undefined)
    await server.stop()
  }
}

/** The compiled academy: `src` knows nothing of it but this. */
const academy = () => import('../../examples/academy/demo.ts')

function serverOptions({ databaseUrl: url, keep }: DemoOptions) {
  if (url !== undefined) return { url }
  const folder = keep === undefined || keep === false ? undefined : keptFolder(keep === true ? keptFolderDefault : keep)
  const runFolderIn = memoryFolder()
  return {
    settings: serverSettings,
    ...(runFolderIn === undefined ? {} : { runFolderIn }),
    ...(folder === undefined ? {} : { dataFolder: folder }),
  }
}

interface Live extends DemoOptions {
  /** Aborted with the exit code when it is time to end. */
  readonly ending: AbortSignal
}

async function liveDemo(
  server: Server,
  options: Live,
  { terminal, scheduler }: { readonly terminal: Terminal; readonly scheduler: Scheduler },
): Promise<number> {
  const isKept = options.keep !== undefined && options.keep !== false
  const databases = await serviceDatabases(server, { prefix: 'selvedge_demo', isKept })
  const closing: (() => unknown)[] = [() => databases.stop()]
  try {
    const naive = await createDatabases(databases, 'naive')
    const { startDemo, startPage } = await academy()
    const own = systemScheduler()
    const address = new PublishedAddress()
    closing.unshift(() => address.remove())
    const variants: Record<string, Urls> = { naive }
    const demo = await startDemo({
      ...{ scheduler: own, random: seededRandom(options.seed ?? 'academy'), now: () => systemClock.now() },
      naive: { url: (service) => naive[service] ?? '' },
      cured: async () => {
        const cured = await createDatabases(databases, 'cured')
        variants.cured = cured
        address.write({ page: page.url, variants })
        return { url: (service) => cured[service] ?? '' }
      },
      channelOf: () => memoryChannel(own),
    })
    closing.unshift(() => Promise.race([demo.stop(), scheduler.sleep(stopWithinMs)]))
    const command = program()
    const page = await startPage(demo, { program: command, port: options.port })
    closing.unshift(() => page.close())
    address.write({ page: page.url, variants })
    const firstPageMs = Math.round(systemClock.monotonicMs())
    terminal.out(`The academy is open: ${terminal.paint.command(page.url)}`)
    const end = isKept ? 'Ctrl-C ends it' : 'Ctrl-C ends it and removes everything'
    terminal.note(`first page after ${firstPageMs} ms; learners come in; ${end}`)
    announce(demo, { terminal, command })
    return await untilAborted(options.ending, new Promise<never>(() => undefined))
  } finally {
    for (const close of closing) await Promise.resolve(close()).catch((error) => terminal.error(error))
  }
}

type Urls = Record<string, string>

async function createDatabases(databases: ServiceDatabases, variant: string): Promise<Urls> {
  const { serviceNames } = await import('../../examples/academy/services.ts')
  const urls: Urls = {}
  for (const service of serviceNames) urls[service] = (await databases.create(`${variant}_${service}`)).url
  return urls
}

type Demo = Awaited<ReturnType<typeof import('../../examples/academy/demo.ts')['startDemo']>>

/** Says the first finding of the naive academy, then only how many there are when that changes much. */
function announce(demo: Demo, { terminal, command }: { readonly terminal: Terminal; readonly command: string }): void {
  let isSaid = false
  // In a folder with a configuration of its own, a bare `explain` would read that one.
  const flag = findConfig({ cwd: process.cwd() }) === undefined ? '' : ' --demo'
  demo.onReport((variant, report) => {
    const finding = report.findings.find(({ explain }) => explain !== undefined)
    if (isSaid || variant !== 'naive' || finding?.explain === undefined) return
    isSaid = true
    const explain = `${commandOf(finding.explain, command)}${flag}`
    if (terminal.isJson)
      return terminal.json({
        format: 'selvedge/finding@1',
        variant,
        ...finding,
        explain,
        afterMs: Math.round(systemClock.monotonicMs()),
      })
    terminal.out(`${terminal.paint.bad('✗')} In the naive academy ${sentenceOf(finding, terminal.paint.strong)}`)
    terminal.out(`  See why, in another terminal: ${terminal.paint.command(explain)}`)
  })
}

/** What `work` resolves with, or the exit code that the signal was aborted with. */
function untilAborted(signal: AbortSignal, work: Promise<number>): Promise<number> {
  return new Promise((resolve, reject) => {
    const end = () => resolve(Number(signal.reason))
    if (signal.aborted) return end()
    signal.addEventListener('abort', end, { once: true })
    work.then(resolve, reject)
  })
}
