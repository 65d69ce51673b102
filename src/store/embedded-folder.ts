/**
 * The run folder of an embedded PostgreSQL: links, socket, log and, for a throw-away server, the data.
 *
 * One folder a run, mode 0700, removed with it: no cache is shared between runs, so none can be poisoned or go stale.
 * PostgreSQL refuses to run as root, so root hands the folder to another user; where that user cannot reach the
 * package (a project below a folder that only root can enter), the programs are linked or copied into the folder.
 */
import { spawnSync } from 'node:child_process'
import {
  chownSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { refused, type SelvedgeError } from '../base/error.ts'
import type { RunAs } from './embedded-keeper.ts'
import type { Programs } from './embedded-package.ts'
import { processNamespace, runFolderPrefix } from './embedded-sweep.ts'

/** A socket's path has at most 107 bytes on Linux and 103 on macOS; `.s.PGSQL.5432` and a slash take 14 of them. */
const runFolderBytesMax = 85

/** An empty server has 40 MB; a place with less than this free is passed over for the next one. */
const freeBytesMin = 64 * 1024 * 1024

const memoryBytesMin = 512 * 1024 * 1024

/** Programs that were seen to run, in a folder that was seen to be usable. */
export interface RunFolder {
  readonly path: string
  readonly bin: string
  /** The major version that the programs answered with. */
  readonly major: number
  readonly runAs: RunAs
  readonly environment: Readonly<Record<string, string>>
}

/** The user for the server: the current one, or for root the owner of `path`, else `postgres`, else `nobody`. */
export function serverUser(path: string, isRoot = process.getuid?.() === 0): RunAs {
  if (!isRoot) return {}
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const find = (isIt: (name: string | undefined, uid: number) => boolean) =>
    users.find(([name, , uid]) => Number(uid) > 0 && isIt(name, Number(uid)))
  const owner = statSync(path, { throwIfNoEntry: false })?.uid
  const user =
    find((_, uid) => uid === owner) ?? find((name) => name === 'postgres') ?? find((name) => name === 'nobody')
  if (user) return { uid: Number(user[2]), gid: Number(user[3]) }
  throw refused(
    'store/no-user',
    'PostgreSQL does not run as root, and /etc/passwd has neither a user postgres nor nobody.',
    'Run as an ordinary user, or pass --database-url.',
  )
}

/**
 * Makes a run folder and tries the programs in it, in the first place that works: `preferred`, the folder for
 * temporary files, /tmp, /dev/shm.
 *
 * @throws Refused `store/no-run-folder` with what was seen in each place.
 */
export function makeRunFolder(programs: Programs, runAs: RunAs, preferred?: string): RunFolder {
  const places = new Set([preferred, tmpdir(), '/tmp', '/dev/shm'].filter((place) => place !== undefined))
  const seen: string[] = []
  for (const place of places) {
    const made = tryPlace(place, programs, runAs)
    if (typeof made === 'object') return made
    seen.push(`${place}: ${made}`)
  }
  throw noRunFolder(seen)
}

/**
 * The folder in memory where a throw-away server starts in 0.4 s instead of 0.7 to 1.4 s, or `undefined` where it has
 * less than half a GB free (64 MB in a plain container): a test run leaves some 300 MB when its databases are not dropped.
 */
export function memoryFolder(): string | undefined {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    return bavail * bsize >= memoryBytesMin ? '/dev/shm' : undefined
  } catch {
    return undefined
  }
}

function tryPlace(place: string, programs: Programs, runAs: RunAs): RunFolder | string {
  let path: string | undefined
  try {
    const { bavail, bsize } = statfsSync(place)
    if (bavail * bsize < freeBytesMin)
      throw new Error(`only ${Math.floor((bavail * bsize) / 1_048_576)} MB of space are free`)
    path = mkdtempSync(join(realpathSync(place), runFolderPrefix))
    if (Buffer.byteLength(path) > runFolderBytesMax)
      throw new Error(`its path is too long for a socket (${path.length} bytes, at most ${runFolderBytesMax})`)
    writeFileSync(join(path, 'namespace'), processNamespace() ?? '')
    giveTo(runAs, path)
    return equip(path, programs, runAs)
  } catch (error) {
    if (path !== undefined) rmSync(path, { recursive: true, force: true })
    return (error as Error).message
  }
}

/** Where the programs cannot be reached they are brought into the folder: by hard links, and where these fail, as copies. */
function equip(path: string, programs: Programs, runAs: RunAs): RunFolder {
  const attempts: (() => string)[] = [() => programs.home]
  if (runAs.uid !== undefined && programs.kind === 'embedded') {
    attempts.push(() => bringTree(programs.home, join(path, 'linked'), runAs, linkSync))
    attempts.push(() => bringTree(programs.home, join(path, 'copied'), runAs, copyFileSync))
  }
  let seen = ''
  for (const attempt of attempts) {
    try {
      const home = attempt()
      const bin = programs.kind === 'path' ? programs.bin : join(home, 'bin')
      const environment = environmentFor(programs.kind === 'path' ? undefined : linkLibraries(home, path, runAs))
      const answer = askVersion(bin, path, runAs, environment)
      if (typeof answer === 'number') return { path, bin, major: answer, runAs, environment }
      seen = answer
    } catch (error) {
      seen = (error as Error).message
    }
  }
  throw new Error(seen)
}

/** The real question is whether the server's user can run the server from here, so that is what is tried. */
function askVersion(bin: string, path: string, runAs: RunAs, env: Readonly<Record<string, string>>): number | string {
  const commands = 'cd "$1" && : >writable && rm writable && "$2/initdb" --version && "$2/postgres" --version'
  const { stdout, stderr, error } = spawnSync('/bin/sh', ['-c', commands, 'selvedge', path, bin], {
    ...runAs,
    cwd: path,
    env,
    encoding: 'utf8',
  })
  const major = /postgres \(PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1]
  if (major !== undefined) return Number(major)
  return error?.message ?? (stderr.trim().split('\n').at(-1) || 'the programs gave no answer')
}

/**
 * npm packs no links, so the libraries lack the names that the programs ask for. The folder of links alone is not
 * enough: a library's own $ORIGIN is taken from the link's place, so the package's folder follows it.
 */
function linkLibraries(home: string, path: string, runAs: RunAs): string {
  const folder = join(path, 'lib')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  giveTo(runAs, folder)
  const links = JSON.parse(readFileSync(join(home, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links)
    symlinkSync(join(home, 'lib', basename(source)), join(folder, basename(target)))
  return `${folder}:${join(home, 'lib')}`
}

function environmentFor(libraries: string | undefined): Record<string, string> {
  const path = process.env.PATH ?? '/usr/bin:/bin'
  return { PATH: path, LC_ALL: 'C', TZ: 'UTC', ...(libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries }) }
}

/** Folders are handed over; files are not, because a hard link shares its owner with the original. */
function bringTree(from: string, to: string, runAs: RunAs, bring: (from: string, to: string) => void): string {
  mkdirSync(to)
  giveTo(runAs, to)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) bringTree(source, target, runAs, bring)
    else bring(source, target)
    if (bring === copyFileSync && entry.isFile()) giveTo(runAs, target)
  }
  return to
}

/** Hands `path` to the user that the server runs as. */
export function giveTo(runAs: RunAs, path: string): void {
  if (runAs.uid !== undefined && runAs.gid !== undefined) chownSync(path, runAs.uid, runAs.gid)
}

function noRunFolder(seen: readonly string[]): SelvedgeError {
  const places = seen.join('; ')
  const message = `No folder was found to run a PostgreSQL in (${places}).`
  return refused('store/no-run-folder', message, adviceFor(places), { places: seen })
}

function adviceFor(places: string): string {
  const library = /loading shared libraries: ([^:\s]+)/.exec(places)?.[1]
  if (library) return `Install the package of your system that holds ${library}, or pass --database-url.`
  if (/space|ENOSPC/i.test(places)) return 'Free some space, or set TMPDIR to a folder that has some.'
  return 'Set TMPDIR to a short path of a folder that is writable and allows programs to run, or pass --database-url.'
}
