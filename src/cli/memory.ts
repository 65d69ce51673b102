/** How much memory a process and all it started use together, each shared page counted once. */
import { readdirSync, readFileSync } from 'node:fs'

/**
 * The sum of PSS of the processes of a demo, in MiB: this process, what it started, and the PostgreSQL whose run folder
 * is named; undefined where the system does not tell. Processes of another user can be read by root only.
 */
export function memoryMiB(root: number = process.pid): number | undefined {
  try {
    const processes = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
    const parents = new Map(processes.map((pid) => [pid, parentOf(pid)]))
    const belongs = (pid: number): boolean => {
      for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
        if (at === root) return true
      return false
    }
    const kilobytes = processes.filter(belongs).reduce((sum, pid) => sum + pssOf(pid), 0)
    return Math.round(kilobytes / 1_024)
  } catch {
    return undefined
  }
}

function parentOf(pid: number): number | undefined {
  const stat = readOrNothing(`/proc/${pid}/stat`)
  return stat === '' ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

/** A process that ends while it is looked at has no memory. */
function pssOf(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readOrNothing(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0)
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
