/**
 * Waits with all candidates of all invariants together: a check of ten invariants takes one deadline, not ten. It
 * sleeps until the next key is due, asks the key's judge, and ends when nothing waits any more.
 */
import type { Clock } from '../base/clock.ts'
import type { Scheduler } from '../base/scheduler.ts'
import type { Finding } from '../invariant/invariant.ts'
import type { Keys } from './images.ts'
import { type Judge, textOf } from './judge.ts'

/** Looks at one key. Beyond it the key is inconclusive, even when the clock of a test stands still. */
const looksMax = 16

/** Keys of one invariant that wait for a verdict. */
export interface Case {
  readonly judge: Judge
  readonly keys: Keys
}

/** What came out of one case. `failed` is the error that ended it early. */
export interface Settled {
  readonly findings: readonly Finding[]
  readonly inconclusive: number
  readonly failed?: unknown
}

interface Waiting {
  readonly key: readonly string[]
  dueMs: number
  looks: number
}

interface Open {
  readonly judge: Judge
  readonly waiting: Map<string, Waiting>
  readonly findings: Finding[]
  inconclusive: number
  failed?: unknown
}

/** Settles all cases; the answers stand in their order. `onSettled` hears of each case once, as soon as it is. */
export async function settle(
  cases: readonly Case[],
  clock: Clock,
  scheduler: Scheduler,
  onSettled: (index: number, settled: Settled) => void = () => {},
): Promise<Settled[]> {
  const startMs = clock.monotonicMs()
  const open = cases.map(({ judge, keys }): Open => {
    const waiting = new Map(keys.map((key) => [textOf(key), { key, dueMs: startMs, looks: 0 }]))
    return { judge, waiting, findings: [], inconclusive: 0 }
  })
  const told = new Set<Open>()
  for (;;) {
    open.forEach((entry, i) => {
      if (entry.waiting.size > 0 || told.has(entry)) return
      told.add(entry)
      onSettled(i, settledOf(entry))
    })
    const dueMs = nextDueMs(open)
    if (dueMs === Infinity) return open.map(settledOf)
    const waitMs = dueMs - clock.monotonicMs()
    if (waitMs > 0) await scheduler.sleep(waitMs)
    // Timers may fire a moment early: whoever was slept for is looked at, and its judge asks for the rest.
    const nowMs = Math.max(dueMs, clock.monotonicMs())
    for (const entry of open) await lookAt(entry, nowMs, clock)
  }
}

function settledOf({ findings, inconclusive, failed }: Open): Settled {
  return { findings, inconclusive, ...(failed === undefined ? {} : { failed }) }
}

/** When the next key is due; not by `Math.min(...keys)`, which overflows the stack when there are very many. */
function nextDueMs(open: readonly Open[]): number {
  let dueMs = Infinity
  for (const { waiting } of open) for (const key of waiting.values()) dueMs = Math.min(dueMs, key.dueMs)
  return dueMs
}

async function lookAt(entry: Open, nowMs: number, clock: Clock): Promise<void> {
  const due = [...entry.waiting.values()].filter((waiting) => waiting.dueMs <= nowMs)
  if (due.length === 0) return
  try {
    const judgements = await entry.judge.look(due.map((waiting) => waiting.key))
    for (const [text, judgement] of judgements) {
      const waiting = entry.waiting.get(text)
      if (waiting === undefined) continue
      waiting.looks += 1
      if (judgement.kind === 'wait' && waiting.looks < looksMax) {
        waiting.dueMs = clock.monotonicMs() + judgement.againInMs
        continue
      }
      entry.waiting.delete(text)
      if (judgement.kind === 'finding') entry.findings.push(judgement.finding)
      else if (judgement.kind !== 'holds') entry.inconclusive += 1
    }
  } catch (error) {
    // One unreadable source must not cost the verdicts of the others; the report names it.
    entry.failed = error
    entry.waiting.clear()
  }
}
