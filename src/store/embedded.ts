/**
 * Starts a PostgreSQL of our own, for demos, tests and development, from the programs that npm ships or from PATH.
 *
 * It listens on a unix socket in a folder of mode 0700 and on nothing else. It ends with the process that started it,
 * however that ends (`embedded-keeper.ts`), and leaves no file unless it was given a folder to keep its data in.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { refused } from '../base/error.ts'
import { systemScheduler } from '../base/scheduler.ts'
import { keptPlace, type Place, throwAwayPlace } from './embedded-data.ts'
import { explainStartFailure } from './embedded-failure.ts'
import { giveTo, makeRunFolder, type RunFolder, serverUser } from './embedded-folder.ts'
import { type Keeper, startKeeper } from './embedded-keeper.ts'
import { type Programs, thisMachine, whyNotEmbedded } from './embedded-package.ts'
import { sweepRunFolders } from './embedded-sweep.ts'

export { keptFolder } from './embedded-data.ts'
export { memoryFolder } from './embedded-folder.ts'

/** Settings of a server as in postgresql.conf, by name. */
export type ServerSettings = Readonly<Record<string, string | number>>

/** How an embedded server is started. */
export interface EmbeddedOptions {
  /** Keeps the data in this folder, which is then ours alone; without it the server is thrown away at its end. */
  readonly dataFolder?: string
  readonly settings?: ServerSettings
  /** Where the run folder should be, as `/dev/shm`; the folder for temporary files when it does not do. */
  readonly runFolderIn?: string
}

/** A running server. */
export interface EmbeddedServer {
  /** The superuser's URL, with a password; a unix socket, so it works on this machine only. */
  readonly url: string
  /** The folder of socket and log. */
  readonly runFolder: string
  readonly major: number
  /** Resolves when the server has ended, whoever ended it. */
  readonly gone: Promise<void>
  /** Ends the server and waits until its processes are gone, and its files unless they are kept. */
  stop(): Promise<void>
}

/**
 * Settings for little memory: 17 MB idle and 45 MB with 16 connections instead of 24 and 53 (sum of PSS).
 * No parallel query and no logical replication, which a demo does not use.
 */
export const leanSettings: ServerSettings = {
  shared_buffers: '16MB',
  max_worker_processes: 1,
  max_parallel_workers: 0,
  max_parallel_workers_per_gather: 0,
  max_logical_replication_workers: 0,
  autovacuum_max_workers: 1,
}

/** Settings for data that nobody will miss: without them a start writes and syncs 40 MB. Never quote a commit's time from such a server. */
const throwAwaySettings: ServerSettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: 0,
}

/** What holds for every server of ours; errors of statements are their caller's to see, so the log stays small in a long run. */
const commonSettings: ServerSettings = {
  listen_addresses: '',
  max_connections: 100,
  log_min_messages: 'log',
  log_checkpoints: 'off',
  // Shared memory as files of the data folder: nothing is left in /dev/shm, which is only 64 MB in a container.
  dynamic_shared_memory_type: 'mmap',
}

/** A start takes about a second; a machine that needs longer than this is out of memory or disk. */
const startWithinMs = 60_000

const superuser = 'admin'

/**
 * Starts a PostgreSQL and waits until it accepts connections: about a second, or 50 ms on data that is there.
 *
 * @throws Refused `store/platform`, `store/no-user`, `store/no-run-folder`, `store/no-space`, `store/already-running`,
 * `store/other-version`, `store/data-folder`, `store/embedded-failed`, each with what to do.
 * @example
 * const server = await startEmbedded(programs, { settings: leanSettings })
 * const db = openDatabase(server.url)
 */
export async function startEmbedded(programs: Programs, options: EmbeddedOptions = {}): Promise<EmbeddedServer> {
  refuseHopeless(programs)
  sweepRunFolders()
  const kept = options.dataFolder === undefined ? undefined : resolve(options.dataFolder)
  const runAs = serverUser(kept !== undefined && existsSync(join(kept, 'data')) ? join(kept, 'data') : programs.home)
  const run = makeRunFolder(programs, runAs, options.runFolderIn)
  try {
    const place = kept === undefined ? throwAwayPlace(run) : keptPlace(kept, runAs)
    writeFileSync(join(run.path, 'password'), place.password, { mode: 0o600 })
    giveTo(runAs, join(run.path, 'password'))
    const keeper = startKeeper({
      bin: run.bin,
      runFolder: run.path,
      dataFolder: place.dataFolder,
      isKept: kept !== undefined,
      runAs,
      environment: run.environment,
      initdbOptions: initdbOptions(run.major),
      settings: { ...settingsFor(kept !== undefined, run), ...options.settings },
    })
    return await running(keeper, run, place)
  } catch (error) {
    rmSync(run.path, { recursive: true, force: true })
    throw error
  }
}

async function running(keeper: Keeper, run: RunFolder, place: Place): Promise<EmbeddedServer> {
  const gone = keeper.gone.then(() => rmSync(run.path, { recursive: true, force: true }))
  const scheduler = systemScheduler()
  const isReady = await keeper.ready(scheduler, startWithinMs)
  if (!isReady) throw explainStartFailure(await keeper.gone, place.dataFolder)
  const url = `postgres://${superuser}:${place.password}@localhost/postgres?host=${encodeURIComponent(run.path)}`
  return {
    url,
    runFolder: run.path,
    major: run.major,
    gone,
    stop: async () => {
      await keeper.stop()
      await gone
    },
  }
}

function settingsFor(isKept: boolean, run: RunFolder): ServerSettings {
  const sockets = { unix_socket_directories: `"${run.path}"` }
  // Worker processes for reading cost 3 MB and win nothing on an embedded server; the choice exists from 18 on.
  const reading: ServerSettings = run.major >= 18 ? { io_method: 'sync' } : {}
  return { ...commonSettings, ...(isKept ? {} : throwAwaySettings), ...reading, ...sockets }
}

/** One order of text everywhere, independent of the system's libraries: built into the server from 17 on. */
function initdbOptions(major: number): string[] {
  const locale = major >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : []
  // As for the server itself (commonSettings): an initdb that is killed would leave its shared memory in /dev/shm.
  const memory = major >= 16 ? ['--set=dynamic_shared_memory_type=mmap'] : []
  return [
    '-U',
    superuser,
    '-A',
    'scram-sha-256',
    '-E',
    'UTF8',
    '--no-sync',
    '--no-instructions',
    '--locale=C',
    ...locale,
    ...memory,
  ]
}

function refuseHopeless(programs: Programs): void {
  const reason = programs.kind === 'embedded' ? whyNotEmbedded(thisMachine()) : undefined
  if (reason) throw reason
  try {
    userInfo()
  } catch (error) {
    const uid = process.getuid?.()
    throw refused(
      'store/no-passwd-entry',
      `The user ${uid} has no line in /etc/passwd, which PostgreSQL needs.`,
      'Run as a user that the system knows, or pass --database-url.',
      { uid, cause: error },
    )
  }
}
