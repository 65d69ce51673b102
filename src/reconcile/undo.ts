/** Takes a run back: each row that still is as the run left it becomes what it was before. */
import { refused } from '../base/error.ts'
import type { Config } from '../invariant/invariant.ts'
import { type Applied, type ApplyOptions, endOthers, newRun, runPlan, withBench } from './apply.ts'
import { configDigest } from './config-digest.ts'
import { withJournalLock } from './journal-lock.ts'
import { type Plan, type PlanStep, planFormat, planSha256, rowHash } from './plan-file.ts'
import { recover } from './recover.ts'
import { type Run, type RunStep, runsOf } from './runs.ts'
import type { Workbench } from './workbench.ts'

/** Who takes back which run. */
export interface UndoOptions extends Omit<ApplyOptions, 'allowDelete'> {
  readonly by: string
}

/**
 * Takes the writes of a run back, newest first. What was said by an event, asked of a service or let go again cannot be
 * taken back; it is counted as left.
 *
 * @throws Refused `reconcile/unknown-run` when the journal has no such run, or it wrote nothing.
 */
export async function undo(config: Config, run: string, options: UndoOptions): Promise<Applied> {
  return withJournalLock(options.folder, () =>
    withBench(config, options, async (bench) => {
      await recover(bench)
      endOthers(bench, undefined)
      const found = runsOf(bench.journal.entries).find((one) => one.run === run)
      const plan = found === undefined ? undefined : await inversePlan(bench, config, found)
      if (plan === undefined || plan.steps.length === 0)
        throw refused(
          'reconcile/unknown-run',
          `The journal has no run "${run}" that could be taken back.`,
          'See the runs: selvedge reconcile log',
        )
      const named = { ...bench, run: newRun(bench.clock) }
      const { by } = options
      return runPlan(named, plan, { left: undefined, sha: planSha256(plan), options, undoes: run, by })
    }),
  )
}

async function inversePlan(bench: Omit<Workbench, 'run'>, config: Config, run: Run): Promise<Plan> {
  const done = run.steps.filter(({ outcome }) => outcome?.kind === 'done')
  const steps: PlanStep[] = []
  for (const one of [...done].reverse()) steps.push(await inverseStep(bench, config, { one, number: steps.length + 1 }))
  const now = bench.clock.now().toISOString()
  return {
    ...{ steps, approvals: [] },
    header: {
      ...{ format: planFormat, created: now, expires: now, config: configDigest(config), steps: steps.length },
      ...{ byRepair: {}, deletes: 0, settled: 0, tables: [], body: '' },
    },
  }
}

async function inverseStep(
  bench: Omit<Workbench, 'run'>,
  config: Config,
  { one, number }: { readonly one: RunStep; readonly number: number },
): Promise<PlanStep> {
  const { step, written } = one
  const side = config.invariants.find(({ name }) => name === step.invariant)?.relation.sides[step.target]
  const writer = bench.writers.of(step.write?.source ?? '')
  const table = side === undefined ? undefined : await writer?.describe(side)
  const left = (why: string): PlanStep => ({ ...step, step: number, repair: 'person', why, before: [] })
  if (step.write === undefined || written === undefined) return left('only writes by SQL can be taken back')
  if (writer === undefined || table === undefined || typeof table === 'string')
    return left('its table may not be written')
  const [from, to] = [written.after ?? undefined, step.write.before]
  return {
    ...{ ...step, step: number, before: [], why: 'taken back' },
    write: {
      ...{ kind: from === undefined ? 'insert' : to === undefined ? 'delete' : 'update' },
      ...{ source: step.write.source, table: step.write.table, columns: step.write.columns },
      ...(from === undefined ? {} : { before: from }),
      beforeHash: rowHash(from),
      restores: rowHash(to),
      statement: writer.restoreOf(table, step.parts, { from, to }),
      inverse: writer.restoreOf(table, step.parts, { from: to && { ...to, stamp: '' }, to: from }),
    },
  }
}
