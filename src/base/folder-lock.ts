/**
 * One writer for one folder. The file `lock` says who: process, when it started, machine. It is taken by making it,
 * which only one can; one whose process is gone is taken over under a second lock, so that of two takers one wins.
 *
 * On another machine (a shared disk, a container of another name) a process cannot be looked up: there the holder's
 * last beat decides.
 */
import { mkdirSync, readFileSync, rmdirSync, rmSync, statSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Clock } from './clock.ts'
import { isRunning, type ProcessMark, thisProcess } from './process-life.ts'

/** The lock while it is held. */
export interface FolderLock {
  /** Says that the holder is alive; false when the lock is no longer this one's. */
  beat(): boolean
  release(): void
}

/** Who holds a lock. */
export interface Holder extends ProcessMark {
  readonly host: string
  /** Different for each time the lock is taken. */
  readonly token: string
}

/** Whoever shares a folder with another machine beats every half minute at least; four beats missed is no hiccup. */
const silentMsMax = 120_000

/** A takeover is some file operations; one this old was broken off. */
const takeoverMsMax = 10_000

/** The error for a folder that somebody else holds; who, where that is known. */
export type Held = (holder: Holder | undefined) => Error

/**
 * Takes the lock of a folder that is there.
 *
 * @throws what `held` gives when a living process holds it.
 * @example
 * const lock = lockFolder('.selvedge/history', systemClock, () => new Error('in use'))
 */
export function lockFolder(path: string, clock: Clock, held: Held): FolderLock {
  const file = join(path, 'lock')
  const nowMs = clock.now().getTime()
  const me: Holder = {
    ...{ ...thisProcess(), host: hostname() },
    token: `${process.pid}-${nowMs}-${process.hrtime.bigint()}`,
  }
  if (!take(file, me, clock)) takeOver(path, me, { clock, held })
  return {
    beat() {
      if (holderOf(file)?.token !== me.token) return false
      const now = clock.now()
      utimesSync(file, now, now)
      return true
    },
    release() {
      if (holderOf(file)?.token === me.token) unlinkSync(file)
    },
  }
}

function take(file: string, me: Holder, clock: Clock): boolean {
  try {
    writeFileSync(file, JSON.stringify(me), { flag: 'wx', mode: 0o600 })
    const now = clock.now()
    utimesSync(file, now, now)
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EEXIST') return false
    // A full disk leaves the file without what says whose it is, and the next one would wait for nobody.
    rmSync(file, { force: true })
    throw error
  }
}

function takeOver(path: string, me: Holder, { clock, held }: { readonly clock: Clock; readonly held: Held }): void {
  const file = join(path, 'lock')
  const gate = join(path, 'lock.takeover')
  try {
    mkdirSync(gate)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
    if (ageMs(gate, clock) > takeoverMsMax) rmdirSync(gate)
    throw held(holderOf(file))
  }
  try {
    const holder = holderOf(file)
    if (isAlive(file, holder, clock)) throw held(holder)
    try {
      unlinkSync(file)
    } catch (error) {
      // The holder left on its own just now.
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error
    }
    if (!take(file, me, clock)) throw held(holderOf(file))
  } finally {
    rmdirSync(gate)
  }
}

function isAlive(file: string, holder: Holder | undefined, clock: Clock): boolean {
  // A lock whose content is torn was being written by a process that died, or is being written right now.
  if (holder === undefined) return ageMs(file, clock) < takeoverMsMax
  if (holder.host !== hostname()) return ageMs(file, clock) < silentMsMax
  return isRunning(holder)
}

function holderOf(file: string): Holder | undefined {
  try {
    const written = JSON.parse(readFileSync(file, 'utf8')) as Holder | number
    // A bare process id, as many programs write it, is one of this machine.
    return typeof written === 'number' ? { pid: written, born: '', host: hostname(), token: '' } : written
  } catch {
    return undefined
  }
}

function ageMs(file: string, clock: Clock): number {
  try {
    return clock.now().getTime() - statSync(file).mtimeMs
  } catch {
    return Infinity
  }
}
