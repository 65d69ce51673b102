/** Plans, runs and what came of them, for people. */
import { counted } from '../base/counted.ts'
import type { Applied, Plan, PlanStep, Run } from '../reconcile/reconcile.ts'
import type { Terminal } from './terminal.ts'
import { columnsText, valueText } from './text.ts'

/** Steps that are listed; `show` and `--json` list all. */
const stepsShownMax = 20
/** A key may be of any length. */
const keyCharactersMax = 200

/** Prints the steps of a plan, and with `isWhole` their statements. */
export function printPlan(made: Plan, terminal: Terminal, { isWhole = false } = {}): void {
  const { paint } = terminal
  const shown = isWhole ? made.steps : made.steps.slice(0, stepsShownMax)
  let invariant: string | undefined
  for (const step of shown) {
    if (step.invariant !== invariant) terminal.out(paint.strong(step.invariant))
    invariant = step.invariant
    terminal.out(`  ${step.step}. ${lineOf(step)}`)
    if (isWhole && step.write !== undefined) {
      terminal.out(`      ${paint.faint(step.write.statement.text)}`)
      terminal.out(`      ${paint.faint(`with ${valueText(step.write.statement.values, terminal.width)}`)}`)
      terminal.out(`      ${paint.faint(`undone by ${step.write.inverse.text}`)}`)
    }
  }
  if (made.steps.length > shown.length)
    terminal.out(`  … and ${made.steps.length - shown.length} more; \`reconcile show\` lists them all`)
  for (const approval of made.approvals) terminal.out(`approved by ${approval.by} at ${approval.at}`)
  const counts = Object.entries(made.header.byRepair).map(([repair, count]) => `${count} by ${repair}`)
  const settled = made.header.settled === 0 ? '' : `; ${counted(made.header.settled, 'finding')} settled meanwhile`
  terminal.out(`${counted(made.steps.length, 'step')}: ${counts.join(', ') || 'nothing to repair'}${settled}.`)
}

function lineOf(step: PlanStep): string {
  const [what] = step.before
  const change =
    step.write === undefined ? '' : ` ${step.write.kind} ${step.write.source}.${step.write.table}${valuesOf(step)}`
  return `${step.key === '' ? (what?.side ?? '') : valueText(step.key, keyCharactersMax)} ${step.verdict} -> ${step.repair}${change}: ${step.why}`
}

function valuesOf(step: PlanStep): string {
  const now = step.before[step.target]?.rows[0]
  if (now === undefined || !step.after) return ''
  const changes = Object.entries(step.after).filter(([name, value]) => now[name] !== value)
  const told = changes.map(([name, value]) => `${name} ${valueText(now[name] ?? null, 30)} → ${valueText(value, 30)}`)
  return ` (${told.join(', ')})`
}

/** Prints what became of a run. */
export function printApplied(applied: Applied, terminal: Terminal, { isUndo = false } = {}): void {
  const { paint } = terminal
  const named = (key: string) => valueText(key, keyCharactersMax)
  for (const { invariant, key, why } of applied.failures)
    terminal.out(`  ${paint.bad('✗')} ${invariant}: ${named(key)} failed: ${why}`)
  for (const { invariant, key, why } of applied.again) terminal.out(`  ? ${invariant}: ${named(key)} skipped: ${why}`)
  const unlike = isUndo
    ? 'was taken back, and its row is not what it was: a trigger?'
    : 'was repaired and still differs'
  for (const key of applied.differing) terminal.out(`  ${paint.bad('✗')} ${named(key)} ${unlike}`)
  if (applied.stopped !== undefined) terminal.out(paint.bad(`stopped: ${applied.stopped}`))
  const isWhole = applied.failed + applied.skipped + applied.differing.length === 0 && applied.stopped === undefined
  const left = applied.left === 0 ? '' : `; ${applied.left} left to a person`
  terminal.out(
    `${isWhole ? paint.good('✓') : paint.bad('✗')} run ${applied.run}: ${applied.done} done, ${applied.skipped} skipped, ${applied.failed} failed${left}.`,
  )
  if (applied.again.length > 0) terminal.out('Check again: what was written meanwhile won.')
  terminal.out(paint.faint(`journal ends with ${applied.hash}`))
}

/** Prints the runs of a journal. */
export function printRuns(runs: readonly Run[], terminal: Terminal): void {
  const lines = runs.map((run) => {
    const count = (kind: string) => run.steps.filter(({ outcome }) => outcome?.kind === kind).length
    const state = run.stopped === undefined ? (run.isEnded ? '' : 'unfinished') : `stopped: ${run.stopped}`
    const what = run.undoes === undefined ? `plan ${run.plan.slice(0, 12)}` : `undoes ${run.undoes}`
    const counts = `${count('done')} done, ${count('skipped')} skipped, ${count('failed')} failed`
    return [run.run, run.at, what, `by ${run.by.join(' and ')}`, counts, state]
  })
  for (const line of columnsText(lines)) terminal.out(line)
  terminal.out(
    runs.length === 0
      ? 'Nothing was repaired from here.'
      : `${counted(runs.length, 'run')}; the chain of the journal is whole.`,
  )
}
