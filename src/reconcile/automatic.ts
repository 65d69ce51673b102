/** Repairs without a person: what positions prove, for invariants that declare it, within their limits. */
import { isSelvedgeError } from '../base/error.ts'
import type { Report } from '../check/check.ts'
import type { Config } from '../invariant/invariant.ts'
import { type Applied, type ApplyOptions, apply } from './apply.ts'
import { automatically } from './decide-refusal.ts'
import { plan } from './plan.ts'
import { type Plan, type PlanStep, planSha256, sealed } from './plan-file.ts'

/** What an automatic repair did. */
export type AutomaticRepair =
  /** No finding may be repaired without a person. */
  | ({ readonly kind: 'nothing' } & Left)
  | ({ readonly kind: 'applied'; readonly applied: Applied } & Left)
  /** A limit holds all of it back: a person must look. */
  | ({ readonly kind: 'refused'; readonly code: string; readonly message: string; readonly help: string } & Left)

/** What a person must look at. */
export interface Left {
  readonly left: number
  /** Why the first of those that were planned for a person is. */
  readonly leftWhy?: string
  /** Findings that held by the time of the plan, or differed otherwise than the check had said: nothing was done about them. */
  readonly settled: number
}

/**
 * Plans and applies what may be repaired without a person; everything else is left and counted.
 *
 * A plan that a limit refuses is an answer, not an error: whoever watches tells people.
 *
 * @throws what `plan` throws, and Refused `reconcile/busy` while another process repairs from the folder.
 * @example
 * const outcome = await reconcileAutomatically(config, await check(config), { folder: '.selvedge/reconcile' })
 */
export async function reconcileAutomatically(
  config: Config,
  report: Report,
  options: ApplyOptions,
): Promise<AutomaticRepair> {
  const { folder, clock } = options
  const made = await plan(config, report, { folder, ...(clock === undefined ? {} : { clock }) })
  const own = onlyAutomatic(made)
  const left = { ...leftOf(made), settled: made.header.settled }
  if (own.steps.length === 0) return { kind: 'nothing', ...left }
  const at = made.header.created
  const signed = { ...own, approvals: [{ by: automatically, at, sha256: planSha256(own) }] }
  try {
    return { kind: 'applied', applied: await apply(config, signed, options), ...left }
  } catch (error) {
    if (!isSelvedgeError(error) || error.kind !== 'refused' || error.code === 'reconcile/busy') throw error
    return {
      kind: 'refused',
      code: error.code,
      message: error.message,
      help: error.help,
      left: made.steps.length,
      settled: made.header.settled,
    }
  }
}

function isOwn({ isAutomatic, repair }: PlanStep): boolean {
  return isAutomatic && repair !== 'person'
}

function leftOf({ steps }: Plan): Omit<Left, 'settled'> {
  const others = steps.filter((step) => !isOwn(step))
  const first = others[0]
  if (first === undefined) return { left: 0 }
  // A step that could be applied after an approval says how it repairs, not why nobody may without asking.
  const leftWhy = first.repair === 'person' ? first.why : `${first.repair} needs an approval here`
  return { left: others.length, leftWhy }
}

function onlyAutomatic({ header, steps, approvals }: Plan): Plan {
  const own = steps.filter(isOwn)
  const numbered = own.map((step, i) => ({ ...step, step: i + 1 }))
  const byRepair: Record<string, number> = {}
  for (const { repair } of numbered) byRepair[repair] = (byRepair[repair] ?? 0) + 1
  const deletes = numbered.filter((step) => step.write?.kind === 'delete').length
  const { body: _body, ...rest } = header
  const counted = { ...rest, steps: numbered.length, byRepair, deletes }
  return { header: sealed(counted, numbered), steps: numbered, approvals }
}
