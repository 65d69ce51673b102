/**
 * `selvedge demo`: the academy on a PostgreSQL of its own, gone when it ends; or, with `--actions`, its proof.
 *
 *     server -> databases and roles -> academy -> page -> first finding ... signal, or parent gone -> all removed
 */
import { systemClock } from '../base/clock.ts'
import { seededRandom } from '../base/random.ts'
import { type Scheduler, systemScheduler } from '../base/scheduler.ts'
import { keptFolder, leanSettings } from '../store/embedded.ts'
import { databaseUrl, findServer, type Server } from '../store/server.ts'
import { type ServiceDatabases, serviceDatabases } from '../store/service-databases.ts'
import { memoryChannel } from '../transport/transport.ts'
import { writeDemoAddress } from './demo-address.ts'
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

const variants = ['naive', 'cured'] as const

/** A stop in order takes a moment; whoever waits longer than this gets the server taken away. */
const stopWithinMs = 2_000

/** `selvedge demo` */
export async function demoCommand(options: DemoOptions, terminal: Terminal): Promise<number> {
  const started = systemClock.monotonicMs()
  terminal.note('starting a PostgreSQL for the academy')
  const server = await findServer(serverOptions(options))
  const ending = new AbortController()
  options.signal.addEventListener('abort', () => ending.abort(options.signal.reason), { once: true })
  if (options.signal.aborted) ending.abort(options.signal.reason)
  const scheduler = systemScheduler()
  watchParent(scheduler, process.env, () => ending.abort(exitCode.terminated))
  try {
    if (options.actions !== undefined)
      return await untilAborted(
        ending.signal,
        proofCommand(server, { ...options, actions: options.actions, startedMs: started }, terminal),
      )
    return await liveDemo(server, { ...options, startedMs: started, ending: ending.signal }, { terminal, scheduler })
  } finally {
    // Not awaited to its end: rounds in flight end with the server.
    scheduler.stop().catch(() => undefined)
    await server.stop()
  }
}

function serverOptions({ databaseUrl: url, keep }: DemoOptions) {
  if (url !== undefined) return { url }
  const folder = keep === undefined || keep === false ? undefined : keptFolder(keep === true ? keptFolderDefault : keep)
  return { settings: serverSettings, ...(folder === undefined ? {} : { dataFolder: folder }) }
}

interface Live extends DemoOptions {
  readonly startedMs: number
  /** Aborted with the exit code when it is time to end. */
  readonly ending: AbortSignal
}

async function liveDemo(
  server: Server,
  options: Live,
  { terminal, scheduler }: { readonly terminal: Terminal; readonly scheduler: Scheduler },
): Promise<number> {
  const { startDemo, startPage } = await import('../../examples/academy/demo.ts')
  const isKept = options.keep !== undefined && options.keep !== false
  const databases = await serviceDatabases(server, { prefix: 'selvedge_demo', isKept })
  const closing: (() => unknown)[] = [() => databases.stop()]
  try {
    const urls = await createDatabases(databases)
    const ownScheduler = systemScheduler()
    const demo = await startDemo({
      ...{ scheduler: ownScheduler, random: seededRandom(options.seed ?? 'academy'), now: () => systemClock.now() },
      naive: { url: (service) => urls.naive[service] ?? '' },
      cured: { url: (service) => urls.cured[service] ?? '' },
      channelOf: () => memoryChannel(ownScheduler),
    })
    closing.unshift(() => Promise.race([demo.stop(), scheduler.sleep(stopWithinMs)]))
    const command = program()
    const page = await startPage(demo, { program: command, port: options.port })
    closing.unshift(() => page.close())
    closing.unshift(writeDemoAddress({ page: page.url, variants: urls }))
    const firstPageMs = Math.round(systemClock.monotonicMs() - options.startedMs)
    terminal.out(`The academy is open: ${terminal.paint.command(page.url)}`)
    terminal.note(
      `first page after ${firstPageMs} ms; learners come in; Ctrl-C ends it${isKept ? '' : ' and removes everything'}`,
    )
    if (isKept) terminal.note(`kept: ${databaseUrl(server.url, `selvedge_demo_naive_user`)}`)
    announce(demo, { terminal, command, startedMs: options.startedMs })
    return await untilAborted(options.ending, new Promise<never>(() => undefined))
  } finally {
    for (const close of closing) await Promise.resolve(close()).catch((error) => terminal.error(error))
  }
}

async function createDatabases(
  databases: ServiceDatabases,
): Promise<Record<(typeof variants)[number], Record<string, string>>> {
  const { serviceNames } = await import('../../examples/academy/services.ts')
  const urls = { naive: {} as Record<string, string>, cured: {} as Record<string, string> }
  for (const variant of variants)
    for (const service of serviceNames) urls[variant][service] = (await databases.create(`${variant}_${service}`)).url
  return urls
}

type Demo = Awaited<ReturnType<typeof import('../../examples/academy/demo.ts')['startDemo']>>

/** Says the first finding of the naive academy, then only how many there are when that changes much. */
function announce(
  demo: Demo,
  {
    terminal,
    command,
    startedMs,
  }: { readonly terminal: Terminal; readonly command: string; readonly startedMs: number },
): void {
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
        afterMs: Math.round(systemClock.monotonicMs() - startedMs),
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
