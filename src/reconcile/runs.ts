/** A journal's entries as runs: which steps were begun, what they wrote, and how they came out. */
import type { Fact, JournalEntry, Outcome } from './journal.ts'
import type { PlanStep } from './plan-file.ts'

/** One step of a run. */
export interface RunStep {
  readonly step: PlanStep
  readonly written: Extract<Fact, { kind: 'written' }> | undefined
  /** Undefined while nobody knows how it came out. */
  readonly outcome: { readonly kind: Outcome; readonly why: string; readonly at: string } | undefined
}

/** One run of a plan. */
export interface Run {
  readonly run: string
  readonly plan: string
  readonly at: string
  readonly undoes: string | undefined
  readonly by: readonly string[]
  readonly planned: number
  readonly steps: readonly RunStep[]
  readonly differing: readonly string[]
  readonly stopped: string | undefined
  readonly isEnded: boolean
  /** The hash of the run's last entry so far. */
  readonly hash: string
}

/** All runs, oldest first. */
export function runsOf(entries: readonly JournalEntry[]): readonly Run[] {
  const names = entries.flatMap((entry) => (entry.kind === 'run-started' ? [entry.run] : []))
  return names.map((name) => runOf(entries.filter((entry) => entry.run === name)))
}

function runOf(entries: readonly JournalEntry[]): Run {
  const begun = entries.find((entry) => entry.kind === 'run-started')!
  const steps = new Map<number, RunStep>()
  for (const entry of entries) {
    if (entry.kind === 'started')
      steps.set(entry.step.step, { step: entry.step, written: undefined, outcome: undefined })
    if (entry.kind === 'reset') steps.delete(entry.step)
    const known = 'step' in entry && typeof entry.step === 'number' ? steps.get(entry.step) : undefined
    if (known === undefined) continue
    if (entry.kind === 'written') steps.set(entry.step, { ...known, written: entry })
    if (entry.kind === 'done' || entry.kind === 'skipped' || entry.kind === 'failed')
      steps.set(entry.step, { ...known, outcome: { kind: entry.kind, why: entry.why, at: entry.at } })
  }
  const verified = entries.filter((entry) => entry.kind === 'verified')
  return {
    ...{ run: begun.run, plan: begun.plan, at: begun.at, undoes: begun.undoes, planned: begun.steps },
    by: begun.by === undefined ? begun.approvals.map((approval) => approval.by) : [begun.by],
    steps: [...steps.values()],
    differing: [...new Set(verified.flatMap((entry) => entry.differing))],
    stopped: entries.findLast((entry) => entry.kind === 'stopped')?.why,
    isEnded: entries.some((entry) => entry.kind === 'ended'),
    hash: entries.at(-1)?.hash ?? '',
  }
}
