/** Whether a process of this machine is the one that it was: its id may be given to another after it ended. */
import { readFileSync } from 'node:fs'

/** A process, and when it started. */
export interface ProcessMark {
  readonly pid: number
  /** In the ticks of its machine; empty where the system does not tell. */
  readonly born: string
}

/** This process, as others will look for it. */
export function thisProcess(): ProcessMark {
  return { pid: process.pid, born: statField(process.pid, startField) ?? '' }
}

/** Whether the process runs, and is the same one as far as can be told. */
export function isRunning({ pid, born }: ProcessMark): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // Another user's process may not be signaled, and is there.
    if ((error as { code?: unknown }).code !== 'EPERM') return false
  }
  const now = statField(pid, startField)
  return now === undefined || born === '' || born === now
}

/** The process that started another; undefined where the system does not tell. */
export function parentOf(pid: number): string | undefined {
  return statField(pid, parentField)
}

/** Fields of `/proc/<pid>/stat`, counted from behind the name of the program, which may hold blanks and brackets. */
const parentField = 1
const startField = 19

function statField(pid: number, field: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[field]
  } catch {
    return undefined
  }
}
