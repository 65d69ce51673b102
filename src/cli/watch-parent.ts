/**
 * Tells when the program that started this one is gone. `npm start` runs a shell that runs Node: when npm is killed, nobody
 * tells the others, and a demo would run on unseen.
 */
import { parentOf } from '../base/process-life.ts'
import type { Scheduler } from '../base/scheduler.ts'

/** How often the parents are looked at: a demo that lost them ends well within five seconds. */
const lookEveryMs = 500

/** Calls `gone` once the process that npm runs as, or the shell between, is no longer there. Does nothing when npm did not start us. */
export function watchParent(
  scheduler: Pick<Scheduler, 'task'>,
  environment: Readonly<Record<string, string | undefined>>,
  gone: () => void,
): void {
  // Anyone else who starts a demo may mean it to outlive them, as `nohup` does.
  if (environment.npm_command === undefined && environment.npm_lifecycle_event === undefined) return
  const before = parents()
  scheduler.task('parents', async () => {
    if (parents() !== before) {
      gone()
      return 'idle'
    }
    return lookEveryMs
  })
}

/** The parent and the parent's parent, as one text. */
function parents(): string {
  const parent = process.ppid
  return `${parent} ${parentOf(parent) ?? ''}`
}
