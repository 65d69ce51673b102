/**
 * One watcher for one history. The file `lock` says who: process, when it started, machine. It is taken by making it,
 * which only one can; one whose process is gone is taken over under a second lock, so that of two takers one wins.
 *
 * On another machine (a shared disk, a container of another name) a process cannot be looked up: there the holder's
 * last beat decides.
 */
import { mkdirSync, readFileSync, rmdirSync, statSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type Clock, refused } from '../base/base.ts'

/** The lock while it is held. */
export interface HistoryLock {
  /** Says that the holder is alive; false when the lock is no longer this one's. */
  beat(): boolean
  release(): void
}

interface Holder {
  readonly pid: number
  /** When the process started, in the ticks of its machine: a number of a process that ended may be given again. */
  readonly born: string
  readonly host: string
  /** Different for each time the lock is taken. */
  readonly token: string
}

/** A watcher beats every half minute at least; four beats missed is no hiccup. */
const silentMsMax = 120_000

/** A takeover is some file operations; one this old was broken off. */
const takeoverMsMax = 10_000

/** @throws refused `watch/history-locked` when a living watcher holds it. */
export function lockHistory(path: string, clock: Clock): HistoryLock {
  const file = join(path, 'lock')
  const nowMs = clock.now().getTime()
  const me: Holder = {
    ...{ pid: process.pid, born: birthOf(process.pid) ?? '', host: hostname() },
    token: `${process.pid}-${nowMs}-${process.hrtime.bigint()}`,
  }
  if (!take(file, me, clock)) takeOver(path, me, clock)
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
    throw error
  }
}

function takeOver(path: string, me: Holder, clock: Clock): void {
  const file = join(path, 'lock')
  const gate = join(path, 'lock.takeover')
  try {
    mkdirSync(gate)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
    if (ageMs(gate, clock) > takeoverMsMax) rmdirSync(gate)
    throw locked(path, holderOf(file))
  }
  try {
    const holder = holderOf(file)
    if (isAlive(file, holder, clock)) throw locked(path, holder)
    try {
      unlinkSync(file)
    } catch (error) {
      // The holder left on its own just now.
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error
    }
    if (!take(file, me, clock)) throw locked(path, holderOf(file))
  } finally {
    rmdirSync(gate)
  }
}

function isAlive(file: string, holder: Holder | undefined, clock: Clock): boolean {
  // A lock whose content is torn was being written by a process that died, or is being written right now.
  if (holder === undefined) return ageMs(file, clock) < takeoverMsMax
  if (holder.host !== hostname()) return ageMs(file, clock) < silentMsMax
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    // Another user's process may not be signaled, and is there.
    if ((error as { code?: unknown }).code !== 'EPERM') return false
  }
  const born = birthOf(holder.pid)
  return born === undefined || holder.born === '' || born === holder.born
}

function holderOf(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder
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

/** The start of a process as Linux counts it; undefined where there is no /proc. */
function birthOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the program may hold spaces and brackets: what is counted comes after the last one.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

function locked(path: string, holder: Holder | undefined): Error {
  const who = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`
  const message = `Another watcher, ${who}, keeps its history in ${path}.`
  const help =
    'One watcher is enough for a configuration. For a second one give it a folder of its own: `watch.history.path`.'
  return refused('watch/history-locked', message, help, { path, pid: holder?.pid ?? 0 })
}
