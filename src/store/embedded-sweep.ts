/**
 * Finds and removes what dead runs left: a run folder whose program was killed before its keeper existed.
 *
 * A folder is dead when it is older than a minute and no process works in it. That can be seen only among the processes
 * of one PID namespace, so each folder names its own.
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../base/clock.ts'

/** What the name of every run folder begins with. */
export const runFolderPrefix = 'selvedge-pg-'

/** A run folder younger than this may belong to a program whose keeper is about to start. */
const sweepAfterMs = 60_000

/** Removes the run folders of dead runs: those of our users, older than a minute, that no process works in. */
export function sweepRunFolders(
  places: readonly string[] = [tmpdir(), '/tmp', '/dev/shm'],
  clock: Clock = systemClock,
): string[] {
  const bornBefore = clock.now().getTime() - sweepAfterMs
  const namespace = processNamespace()
  // Without a list of processes a live run cannot be told from a dead one: then all are left alone.
  if (namespace === undefined) return []
  const stale = [...new Set(places)]
    .flatMap((place) => foldersIn(place))
    .filter((folder) => isStale(folder, { namespace, bornBefore }))
  for (const folder of stale) rmSync(folder, { recursive: true, force: true })
  return stale
}

/** Whether a process of this machine works in `folder`: PostgreSQL stays in its data folder, a keeper in its run folder. */
export function isWorkedIn(folder: string): boolean {
  const isInside = (path: string | undefined) => path === folder || path?.startsWith(`${folder}/`) === true
  return foldersIn('/proc', /^\d+$/).some((entry) => isInside(linkTarget(join(entry, 'cwd'))))
}

function isStale(folder: string, { namespace, bornBefore }: { namespace: string; bornBefore: number }): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false })
  if (!found?.isDirectory() || found.mtimeMs > bornBefore) return false
  const uid = process.getuid?.()
  if (uid !== 0 && found.uid !== uid) return false
  try {
    // A container may share the folder and not its processes: what we cannot see must not look dead to us.
    if (readFileSync(join(folder, 'namespace'), 'utf8') !== namespace) return false
  } catch {
    return false
  }
  return !isWorkedIn(folder)
}

function foldersIn(place: string, names = new RegExp(`^${runFolderPrefix}`)): string[] {
  try {
    return readdirSync(place)
      .filter((name) => names.test(name))
      .map((name) => join(place, name))
  } catch {
    return []
  }
}

/** The PID namespace of this process, or `undefined` where there is no /proc. */
export function processNamespace(): string | undefined {
  return linkTarget('/proc/self/ns/pid')
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
