/** The actions of a run, drawn before it: which services are stopped and who speaks which version is known from the plan. */
import { type Plan, seededRandom } from 'selvedge/testing'
import { type Action, drawAction, emptyModel } from './actions.ts'

/**
 * All actions of a plan, the same for every variant.
 *
 * @example
 * const actions = actionsOf(drawPlan({ seed: 7, actions: 2000, services: serviceNames, bound, actionMs }))
 */
export function actionsOf(plan: Plan): readonly Action[] {
  const random = seededRandom(plan.seed).fork('actions')
  const model = emptyModel()
  const rollout = plan.faults.find((fault) => fault.kind === 'version-skew')
  const windows = plan.faults.flatMap((fault) => (fault.kind === 'stopped' ? [fault] : []))
  return Array.from({ length: plan.actions }, (_, number) =>
    drawAction(random, model, {
      number,
      userVersion: versionOf(number, rollout, random.int(2) === 0),
      isStopped: (service) =>
        windows.some((window) => window.service === service && window.at <= number && number < window.until),
    }),
  )
}

/** While version 2 is being rolled out some callers still use version 1. */
function versionOf(
  number: number,
  rollout: { readonly at: number; readonly until: number } | undefined,
  isFirst: boolean,
): 1 | 2 {
  if (!rollout || number < rollout.at) return 1
  return number < rollout.until && isFirst ? 1 : 2
}
