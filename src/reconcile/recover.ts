/**
 * Finds out how the steps came out that a dead process had begun.
 *
 *     started, nothing written           -> reset: its transaction cannot have been committed, `written` is on disk before
 *     written, transaction committed     -> done, after the look at the owner that an insert still owes
 *     written, transaction aborted       -> reset
 *     written, outcome unknown           -> the row is as the step leaves it: done; as it was before: reset; else skipped
 */

import { settleInsert, unlikeBefore } from './guarded-write.ts'
import type { PlanStep } from './plan-file.ts'
import { rowHash } from './plan-file.ts'
import { type Run, type RunStep, runsOf } from './runs.ts'
import { invariantOf, type StepOutcome, type Workbench } from './workbench.ts'
import type { FullRow } from './writers/writer.ts'

/** A killed client's transaction is over when the server notices; the lock would be gone with it. */
const lookAgainMs = 50
const looksMax = 200

/** Resolves every open step of every run, and gives back what it did, a sentence each. */
export async function recover(bench: Omit<Workbench, 'run'>): Promise<readonly string[]> {
  const said: string[] = []
  for (const run of runsOf(bench.journal.entries)) {
    for (const open of run.steps.filter((step) => step.outcome === undefined)) {
      const outcome = await outcomeOf({ ...bench, run: run.run }, open)
      const { step } = open.step
      if (outcome === undefined) {
        const why = 'a process ended before the step took effect'
        bench.journal.append({ kind: 'reset', run: run.run, step, why })
      } else bench.journal.append({ ...outcome, run: run.run, step })
      said.push(`step ${step} of ${run.run}: ${outcome === undefined ? 'had not taken effect' : outcome.kind}`)
    }
  }
  return said
}

/** Runs that were begun and never ended. */
export function unfinished(bench: Omit<Workbench, 'run'>): readonly Run[] {
  return runsOf(bench.journal.entries).filter((run) => !run.isEnded)
}

/** Undefined when the step took no effect. */
async function outcomeOf(bench: Workbench, { step, written }: RunStep): Promise<StepOutcome | undefined> {
  if (written === undefined) return undefined
  const source = step.write?.source ?? invariantOf(bench.config, step.invariant)?.relation.sides[step.target]?.source
  const writer = bench.writers.of(source ?? '')
  if (writer === undefined)
    return { kind: 'failed', why: 'its source may no longer be written, so it cannot be looked up' }
  if (written.transaction !== undefined) {
    const known = await waitForOutcome(bench, () => writer.outcomeOf(written.transaction!))
    if (known === 'aborted') return undefined
    if (known === 'committed')
      return step.write === undefined ? { kind: 'done', why: 'found committed' } : settleInsert(bench, step)
  }
  return step.write === undefined ? undefined : byRow(bench, step, written.after ?? undefined)
}

async function waitForOutcome(
  bench: Workbench,
  ask: () => Promise<'committed' | 'aborted' | 'running' | undefined>,
): Promise<'committed' | 'aborted' | undefined> {
  for (let looks = 0; looks < looksMax; looks += 1) {
    const known = await ask()
    if (known !== 'running') return known
    await bench.scheduler.sleep(lookAgainMs)
  }
  return undefined
}

async function byRow(bench: Workbench, step: PlanStep, after: FullRow | undefined): Promise<StepOutcome | undefined> {
  const side = invariantOf(bench.config, step.invariant)?.relation.sides[step.target]
  const writer = bench.writers.of(step.write!.source)
  const table = side === undefined ? undefined : await writer?.describe(side)
  if (writer === undefined || table === undefined || typeof table === 'string')
    return { kind: 'failed', why: 'its row can no longer be read' }
  // Locked, so that a transaction of the dead process that the server still runs is waited for.
  const found = await writer.write((session) => session.lock(table, step.parts))
  if (found.length < 2 && rowHash(found[0]) === rowHash(after)) return settleInsert(bench, step)
  if (unlikeBefore(found, step.write!.before) === undefined) return undefined
  return { kind: 'skipped', why: 'changed-meanwhile: a process ended during the step, and the row was written since' }
}
