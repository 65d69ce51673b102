/** One process at a time writes a journal: two repairs at once would each count only their own rows against the limits. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { refused } from '../base/error.ts'
import { type Holder, lockFolder } from '../base/folder-lock.ts'
import { usable } from './journal.ts'

/**
 * Runs `work` while nobody else repairs from this folder. A process that died leaves its lock; the next one takes it over.
 *
 * @throws Refused `reconcile/busy` while another process holds it.
 */
export async function withJournalLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = usable(folder, () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return lockFolder(folder, systemClock, (holder) => busy(folder, holder))
  })
  try {
    return await work()
  } finally {
    lock.release()
  }
}

function busy(folder: string, holder: Holder | undefined): Error {
  if (holder === undefined)
    return refused('reconcile/busy', 'Another process took the lock of this folder.', 'Wait until it has ended.')
  const { pid } = holder
  const help = `Wait until it has ended. If ${pid} is no repair, remove ${join(folder, 'lock')}.`
  return refused('reconcile/busy', `Process ${pid} repairs from this folder.`, help, { pid })
}
