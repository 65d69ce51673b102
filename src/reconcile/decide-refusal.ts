/** Whether a plan may be applied at all. Each refusal is of the whole plan: nothing of it is written. */
import type { Invariant, RepairLimits } from '../invariant/invariant.ts'
import type { Plan, PlannedTable, PlanStep } from './plan-file.ts'

/** Limits with their defaults filled in. */
export type Limits = Required<RepairLimits>

const limitsDefault: Limits = {
  rows: 100,
  share: 0.001,
  perMinute: 600,
  deletes: 0,
  secondApproval: 50,
  oneColumn: 0.8,
  mismatches: 0.05,
}

/** So many rows are within any share: a thousandth of a table of 500 rows is none. */
const rowsAlways = 10
/** Fewer findings than this say nothing about a mapping: one wrong row of ten is 10 %. */
const findingsTelling = 20

/** The limits of an invariant: what its repairs declare, over the defaults. */
export function limitsOf(invariant: Invariant): Limits {
  return Object.assign({}, limitsDefault, ...invariant.repairs.map((repair) => repair.limits ?? {})) as Limits
}

/** Why a plan is not applied. */
export interface Refusal {
  readonly code: string
  readonly message: string
  readonly help: string
}

/** What a plan is held against. */
export interface Terms {
  readonly configDigest: string
  readonly now: Date
  readonly allowDelete: boolean
  readonly invariants: readonly Invariant[]
}

/** How an automatic plan is signed. */
export const automatically = 'the declaration (automatic)'

/** The first reason not to apply; undefined when there is none. */
export function refusalOf(plan: Plan, terms: Terms): Refusal | undefined {
  const changing = plan.steps.filter((step) => step.repair !== 'person')
  return (
    configRefusal(plan, terms) ??
    ageRefusal(plan, terms) ??
    first(plan.header.tables, (table) => tableRefusal(table, changing, terms)) ??
    deleteRefusal(plan, terms) ??
    approvalRefusal(plan, changing, terms)
  )
}

function configRefusal(plan: Plan, { configDigest }: Terms): Refusal | undefined {
  if (plan.header.config === configDigest) return undefined
  return {
    code: 'reconcile/other-config',
    message: 'The plan was made with another configuration.',
    help: 'Nothing was written. Make the plan anew with this one.',
  }
}

function ageRefusal({ header }: Plan, { now }: Terms): Refusal | undefined {
  if (now.getTime() <= new Date(header.expires).getTime()) return undefined
  return {
    code: 'reconcile/too-old',
    message: `The plan was made at ${header.created} and could be applied until ${header.expires}.`,
    help: 'Nothing was written. Make the plan anew: the data went on.',
  }
}

function tableRefusal(table: PlannedTable, changing: readonly PlanStep[], terms: Terms): Refusal | undefined {
  const steps = changing.filter((step) => step.invariant === table.invariant)
  const invariant = terms.invariants.find((one) => one.name === table.invariant)
  if (steps.length === 0 || invariant === undefined) return undefined
  const limits = limitsOf(invariant)
  const most = Math.min(limits.rows, Math.max(rowsAlways, Math.floor(table.rows * limits.share)))
  if (steps.length > most)
    return {
      code: 'reconcile/limit',
      message: `The plan changes ${steps.length} rows for "${table.invariant}"; its limit is ${most} (${limits.rows} rows, and ${limits.share} of ${table.rows}).`,
      help: 'Nothing was written. Plan fewer (--only, --most), or declare larger `limits` if so many are right.',
    }
  return mappingRefusal(table, limits)
}

function mappingRefusal(table: PlannedTable, limits: Limits): Refusal | undefined {
  if (table.findings < findingsTelling) return undefined
  const help =
    'Nothing was written. It looks like a mapping or schema error: correct the declaration, or declare `limits` that allow it.'
  if (table.findings > table.rows * limits.mismatches)
    return {
      code: 'reconcile/mapping',
      message: `${table.findings} of ${table.rows} rows differ for "${table.invariant}".`,
      help,
    }
  const [column, count = 0] = Object.entries(table.byColumn).sort((a, b) => b[1] - a[1])[0] ?? []
  if (column === undefined || table.columns < 2 || count <= table.findings * limits.oneColumn) return undefined
  return {
    code: 'reconcile/mapping',
    message: `${column} alone explains ${count} of ${table.findings} findings of "${table.invariant}".`,
    help,
  }
}

function deleteRefusal({ steps }: Plan, { allowDelete, invariants }: Terms): Refusal | undefined {
  if (allowDelete) return undefined
  for (const invariant of invariants) {
    const deletes = steps.filter((step) => step.invariant === invariant.name && step.write?.kind === 'delete').length
    const allowed = limitsOf(invariant).deletes
    if (deletes > allowed)
      return {
        code: 'reconcile/deletes',
        message: `The plan deletes ${deletes} rows for "${invariant.name}"; ${allowed} are allowed.`,
        help: 'Nothing was written. Apply it with --allow-delete if these rows must go.',
      }
  }
  return undefined
}

function approvalRefusal(plan: Plan, changing: readonly PlanStep[], { invariants }: Terms): Refusal | undefined {
  const names = new Set(plan.approvals.map((approval) => approval.by))
  if (names.has(automatically) && changing.every((step) => step.isAutomatic)) return undefined
  names.delete(automatically)
  if (names.size === 0)
    return {
      code: 'reconcile/not-approved',
      message: 'Nobody approved the plan.',
      help: 'Nothing was written. Look at it and sign it: selvedge reconcile approve plan.jsonl --by <name>',
    }
  const least = Math.min(...invariants.map((invariant) => limitsOf(invariant).secondApproval))
  if (changing.length <= least || names.size > 1) return undefined
  return {
    code: 'reconcile/second-approval',
    message: `The plan changes ${changing.length} rows, and above ${least} a second person approves.`,
    help: 'Nothing was written. Let somebody else sign it too: selvedge reconcile approve plan.jsonl --by <name>',
  }
}

function first<T, R>(items: readonly T[], of: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = of(item)
    if (found !== undefined) return found
  }
  return undefined
}
