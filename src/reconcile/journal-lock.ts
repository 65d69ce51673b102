/** One process at a time writes a journal: two repairs at once would each count only their own rows against the limits. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { refused } from '../base/error.ts'

/**
 * Runs `work` while nobody else repairs from this folder. A process that died leaves its lock; the next one takes it over.
 *
 * @throws Refused `reconcile/busy` while another process holds it.
 */
export async function withJournalLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, 'lock')
  take(path)
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

function take(path: string): void {
  for (let tries = 0; tries < 2; tries += 1) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx', mode: 0o600 })
      return
    } catch (error) {
      if ((error as { code?: string }).code !== 'EEXIST') throw error
    }
    const pid = Number(readHolder(path))
    if (isAlive(pid))
      throw refused(
        'reconcile/busy',
        `Process ${pid} repairs from this folder.`,
        `Wait until it has ended. If ${pid} is no repair, remove ${path}.`,
        { pid },
      )
    rmSync(path, { force: true })
  }
  throw refused('reconcile/busy', 'Another process took the lock of this folder.', 'Wait until it has ended.')
}

function readHolder(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  // The same process twice: the first run of it has not ended.
  if (pid === process.pid) return true
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'
  }
}
