/** Repairs what a check found: only what a plan names, only while it still is as the plan saw it, and so that it can be taken back. */
import { type Clock, systemClock } from '../base/clock.ts'
import { refused } from '../base/error.ts'
import { type Approval, type Plan, planSha256 } from './plan-file.ts'

export { type Applied, type ApplyOptions, apply } from './apply.ts'
export { type AutomaticRepair, reconcileAutomatically } from './automatic.ts'
export { type Limits, limitsOf } from './decide-refusal.ts'
export { type JournalEntry, openJournal } from './journal.ts'
export { type PlanOptions, plan } from './plan.ts'
export {
  type Approval,
  type Plan,
  type PlanHeader,
  type PlannedWrite,
  type PlanStep,
  parsePlan,
  planSha256,
  planText,
  type RepairKind,
} from './plan-file.ts'
export { type Run, type RunStep, runsOf } from './runs.ts'
export { type UndoOptions, undo } from './undo.ts'
export type { Moment } from './workbench.ts'

/** A name written otherwise is no second person. */
const isSame = (a: string, b: string) => a.trim().toLowerCase() === b.trim().toLowerCase()

/**
 * Signs a plan: who approved it, when, and the hash of what was approved.
 *
 * @throws Refused `reconcile/unsigned` without a name; `reconcile/signed` when that person has signed already.
 */
export function approve(plan: Plan, by: string, clock: Clock = systemClock): Plan {
  if (by.trim() === '')
    throw refused('reconcile/unsigned', 'A plan is approved only by a named person.', 'Give your name by --by.')
  if (plan.approvals.some((approval) => isSame(approval.by, by)))
    throw refused('reconcile/signed', `${by} has approved this plan already.`, "A second approval is another person's.")
  const approval: Approval = { by, at: clock.now().toISOString(), sha256: planSha256(plan) }
  return { ...plan, approvals: [...plan.approvals, approval] }
}
