/** Two writers that fight: a key that was repaired within a day and differs again is no longer written, but reported. */
import type { JournalEntry } from './journal.ts'
import { type Run, runsOf } from './runs.ts'

/** A day: what puts a wrong value back is usually a job that runs nightly, or a person who works in daytime. */
const fightMs = 86_400_000

/** Says of a key that it was repaired less than a day ago, in one sentence; repairs that were taken back do not count. */
export function fightsOf(
  entries: readonly JournalEntry[],
  now: Date,
): (invariant: string, key: string) => string | undefined {
  const runs = runsOf(entries)
  const takenBack = new Set(runs.flatMap((run) => (run.undoes === undefined ? [] : [run.undoes])))
  const repaired = new Map<string, string>()
  for (const run of runs) {
    if (run.undoes !== undefined || takenBack.has(run.run)) continue
    for (const { name, at } of donesOf(run))
      if (now.getTime() - new Date(at).getTime() < fightMs) repaired.set(name, at)
  }
  return (invariant, key) => {
    const at = repaired.get(nameOf(invariant, key))
    return at === undefined
      ? undefined
      : `it was repaired at ${at} and differs again: two writers fight over it, and a third would not help`
  }
}

function donesOf(run: Run): readonly { readonly name: string; readonly at: string }[] {
  return run.steps.flatMap(({ step, outcome }) =>
    outcome?.kind === 'done' ? [{ name: nameOf(step.invariant, step.key), at: outcome.at }] : [],
  )
}

function nameOf(invariant: string, key: string): string {
  return JSON.stringify([invariant, key])
}
