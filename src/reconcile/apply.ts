/**
 * Applies an approved plan, step by step.
 *
 *     recover -> refuse? -> run-started -> for each batch of an invariant: steps -> verify -> differing more? stop -> ended
 *
 * A run that a dead process left is finished by applying the same plan again: what was done stays done, what was not is
 * run. Every step looks at its rows itself, so it makes no difference how much later that is, as long as the plan is valid.
 */
import { randomBytes } from 'node:crypto'
import { type Clock, systemClock } from '../base/clock.ts'
import { refused } from '../base/error.ts'
import { type Scheduler, systemScheduler } from '../base/scheduler.ts'
import { type Config, defineConfig, type Invariant } from '../invariant/invariant.ts'
import { configDigest } from './config-digest.ts'
import { limitsOf, refusalOf } from './decide-refusal.ts'
import { guardedWrite } from './guarded-write.ts'
import { openJournal } from './journal.ts'
import { withJournalLock } from './journal-lock.ts'
import { openWriters } from './open-writers.ts'
import { callHttp, reEmit, unblock } from './other-steps.ts'
import { type Plan, type PlanStep, planSha256 } from './plan-file.ts'
import { recover, unfinished } from './recover.ts'
import { type Run, runsOf } from './runs.ts'
import { openSides } from './sides.ts'
import { countDiffering, restoredSteps, verifySteps } from './verify.ts'
import { errorText, invariantOf, type Moment, type StepOutcome, type Workbench } from './workbench.ts'

/** What may be given to `apply`. */
export interface ApplyOptions {
  /** Where the journal is kept. */
  readonly folder: string
  readonly clock?: Clock
  readonly scheduler?: Scheduler
  readonly allowDelete?: boolean
  readonly onProgress?: (line: string) => void
  /** Told each moment before the next thing is done; tests end the process there. */
  readonly atMoment?: (moment: Moment, step: number) => void | Promise<void>
}

/** What became of a plan. */
export interface Applied {
  readonly run: string
  readonly done: number
  readonly skipped: number
  readonly failed: number
  /** Steps for a person: nothing was done about them. */
  readonly left: number
  /** Keys that were written by others meanwhile: the next check looks at them. */
  readonly again: readonly { readonly invariant: string; readonly key: string; readonly why: string }[]
  readonly failures: readonly { readonly invariant: string; readonly key: string; readonly why: string }[]
  /** Keys that were repaired and do not hold; of an undone run, those whose rows are not what they were. */
  readonly differing: readonly string[]
  readonly stopped?: string
  /** The journal's hash after the run: kept elsewhere, it shows later that nothing was taken from the end. */
  readonly hash: string
}

/** Rows between two looks at what became of them. */
const stepsPerBatch = 25
/** So many failures in a row are no accident of one row. */
const failuresMax = 3
/** Live data moves: a few keys more that differ for a moment are no sign. */
const risingSlack = 10

/**
 * Applies a plan.
 *
 * Never rejects because of a step: what failed, or was written by others meanwhile, is counted and named.
 *
 * @throws Refused `reconcile/…` when the plan may not be applied: not approved, too old, another configuration, a limit.
 */
export async function apply(config: Config, plan: Plan, options: ApplyOptions): Promise<Applied> {
  defineConfig(config)
  return withJournalLock(options.folder, () =>
    withBench(config, options, async (bench) => {
      for (const line of await recover(bench)) options.onProgress?.(line)
      const sha = planSha256(plan)
      const left = unfinished(bench).find((run) => run.plan === sha)
      endOthers(bench, sha)
      const refusal = refusalOf(plan, {
        ...{ configDigest: configDigest(config), now: bench.clock.now() },
        ...{ allowDelete: options.allowDelete === true, invariants: config.invariants },
      })
      if (refusal !== undefined) throw refused(refusal.code, refusal.message, refusal.help)
      if (left === undefined && runsOf(bench.journal.entries).some((run) => run.plan === sha))
        throw refused(
          'reconcile/applied',
          'This plan was applied already.',
          'Check again, and plan what is left: selvedge reconcile plan',
        )
      return runPlan({ ...bench, run: left?.run ?? newRun(bench.clock) }, plan, { left, sha, options })
    }),
  )
}

/** What a run of any kind needs, opened and closed around `work`. */
export async function withBench<T>(
  config: Config,
  options: Pick<ApplyOptions, 'folder' | 'clock' | 'scheduler' | 'atMoment'>,
  work: (bench: Omit<Workbench, 'run'>) => Promise<T>,
): Promise<T> {
  const clock = options.clock ?? systemClock
  const scheduler = options.scheduler ?? systemScheduler()
  const sides = openSides(config, options.clock)
  const writers = openWriters(config)
  const journal = openJournal(options.folder, clock)
  try {
    return await work({ config, sides, writers, journal, clock, scheduler, at: options.atMoment ?? (() => undefined) })
  } finally {
    await Promise.all([sides.close(), writers.close()])
    if (options.scheduler === undefined) await scheduler.stop()
  }
}

/** Runs of other plans that a dead process left: their open steps are resolved, and what was not begun is not done. */
export function endOthers(bench: Omit<Workbench, 'run'>, sha: string | undefined): void {
  for (const run of unfinished(bench)) {
    if (run.plan === sha) continue
    bench.journal.append({ kind: 'stopped', run: run.run, why: 'its process ended, and another repair was begun' })
    bench.journal.append({ kind: 'ended', run: run.run, ...countsOf(run) })
  }
}

/** The name of a run: its moment and a few random letters. */
export function newRun(clock: Clock): string {
  return `${clock.now().toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}-${randomBytes(3).toString('hex')}`
}

interface Running {
  readonly left: Run | undefined
  readonly sha: string
  readonly options: Pick<ApplyOptions, 'onProgress'>
  readonly undoes?: string
  readonly by?: string
}

/** Runs the steps of a plan that has been accepted. */
export async function runPlan(bench: Workbench, plan: Plan, running: Running): Promise<Applied> {
  const { journal, run } = bench
  const changing = plan.steps.filter((step) => step.repair !== 'person')
  if (running.left === undefined) {
    const { undoes, by, sha } = running
    journal.append({
      ...{ kind: 'run-started', run, plan: sha, steps: changing.length, approvals: plan.approvals },
      ...(undoes === undefined ? {} : { undoes }),
      ...(by === undefined ? {} : { by }),
    })
    await bench.at('run-started', 0)
  }
  const over = new Set((running.left?.steps ?? []).map(({ step }) => step.step))
  const stopped = await runInvariants(bench, changing, { over, running })
  if (stopped !== undefined) journal.append({ kind: 'stopped', run, why: stopped })
  const result = runsOf(journal.entries).find((one) => one.run === run)!
  const entry = journal.append({ kind: 'ended', run, ...countsOf(result) })
  await bench.at('ended', 0)
  return appliedOf(result, { left: plan.steps.length - changing.length, hash: entry.hash })
}

async function runInvariants(
  bench: Workbench,
  steps: readonly PlanStep[],
  { over, running }: { readonly over: ReadonlySet<number>; readonly running: Running },
): Promise<string | undefined> {
  for (const name of new Set(steps.map((step) => step.invariant))) {
    const invariant = invariantOf(bench.config, name)
    if (invariant === undefined) continue
    const own = steps.filter((step) => step.invariant === name)
    running.options.onProgress?.(`repairing: ${name}`)
    const stopped = await runInvariant(bench, invariant, { own, over, isUndo: running.undoes !== undefined })
    if (stopped !== undefined) return stopped
  }
  return undefined
}

async function runInvariant(
  bench: Workbench,
  invariant: Invariant,
  {
    own,
    over,
    isUndo,
  }: { readonly own: readonly PlanStep[]; readonly over: ReadonlySet<number>; readonly isUndo: boolean },
): Promise<string | undefined> {
  // Taking a repair back makes keys differ again, as it should: only that the rows are what they were is verified.
  const before = isUndo ? 0 : await countDiffering(bench, invariant)
  const pauseMs = 60_000 / limitsOf(invariant).perMinute
  let failures = 0
  for (let from = 0; from < own.length; from += stepsPerBatch) {
    const batch = own.slice(from, from + stepsPerBatch)
    const done: PlanStep[] = batch.filter((step) => over.has(step.step) && isDone(bench, step))
    for (const step of batch.filter((one) => !over.has(one.step))) {
      const begunMs = bench.clock.monotonicMs()
      const outcome = await runStep(bench, step)
      if (outcome.kind === 'done') done.push(step)
      failures = outcome.kind === 'failed' ? failures + 1 : 0
      if (failures >= failuresMax) return `${failures} steps in a row failed, the last because: ${outcome.why}`
      await bench.scheduler.sleep(Math.max(0, pauseMs - (bench.clock.monotonicMs() - begunMs)))
    }
    if (done.length === 0) continue
    const verified = isUndo ? restoredSteps(bench, invariant, done) : await verifySteps(bench, invariant, done)
    bench.journal.append({ kind: 'verified', run: bench.run, ...verified })
    await bench.at('verified', 0)
    if (isUndo) continue
    const now = await countDiffering(bench, invariant)
    if (now > before + risingSlack)
      return `${now} keys of "${invariant.name}" differ, and ${before} did when the repair began: something else makes more`
  }
  return undefined
}

function isDone(bench: Workbench, step: PlanStep): boolean {
  const run = runsOf(bench.journal.entries).find((one) => one.run === bench.run)
  return run?.steps.some((one) => one.step.step === step.step && one.outcome?.kind === 'done') ?? false
}

const runners: Readonly<Record<string, (bench: Workbench, step: PlanStep) => Promise<StepOutcome>>> = {
  sql: guardedWrite,
  unblock: unblock,
  're-emit': reEmit,
  http: callHttp,
}

async function runStep(bench: Workbench, step: PlanStep): Promise<StepOutcome> {
  bench.journal.append({ kind: 'started', run: bench.run, step })
  await bench.at('started', step.step)
  const outcome = await outcomeOf(bench, step)
  bench.journal.append({ ...outcome, run: bench.run, step: step.step })
  await bench.at('done', step.step)
  return outcome
}

async function outcomeOf(bench: Workbench, step: PlanStep): Promise<StepOutcome> {
  try {
    return (await runners[step.repair]?.(bench, step)) ?? { kind: 'failed', why: `nobody knows how to ${step.repair}` }
  } catch (error) {
    return { kind: 'failed', why: errorText(error) }
  }
}

function countsOf(run: Run): { readonly done: number; readonly skipped: number; readonly failed: number } {
  const count = (kind: string) => run.steps.filter(({ outcome }) => outcome?.kind === kind).length
  return { done: count('done'), skipped: count('skipped'), failed: count('failed') }
}

function appliedOf(run: Run, { left, hash }: { readonly left: number; readonly hash: string }): Applied {
  const of = (kind: string) =>
    run.steps.flatMap(({ step, outcome }) =>
      outcome?.kind === kind ? [{ invariant: step.invariant, key: step.key, why: outcome.why }] : [],
    )
  return {
    ...{ run: run.run, ...countsOf(run), left, again: of('skipped'), failures: of('failed') },
    ...{ differing: run.differing, hash },
    ...(run.stopped === undefined ? {} : { stopped: run.stopped }),
  }
}
