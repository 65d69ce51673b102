/**
 * What must agree between services, declared as data.
 *
 * ```ts
 * agree('Enrollment and progress know the same courses of every learner',
 *   { source: 'enrollment', table: 'enrollments', key: ['user_id', 'course_id'] },
 *   { source: 'progress', table: 'course_progress', key: ['user_id', 'course_id'] })
 * ```
 */
import { type Duration, seconds } from '../base/duration.ts'
import type { Repair } from './repair.ts'
import {
  bad,
  checkSidesMatch,
  type EntityLike,
  type Expression,
  type Side,
  type SideDeclaration,
  sideName,
  sideOf,
} from './side.ts'
import { isExpression, type Transit } from './transit.ts'
import { checkSchedule, type Schedule } from './watch-declaration.ts'

export {
  allKeys,
  type Baseline,
  type Config,
  defineConfig,
  faultOf,
  isDay,
  placeOfUrl,
  type SourceDeclaration,
} from './config.ts'
export {
  byInvariantAndKey,
  type Cause,
  type ColumnDifference,
  type Finding,
  keyParts,
  keyText,
  type Proof,
  type Verdict,
  verdicts,
} from './finding.ts'
export {
  type HttpRepair,
  lastWriterWinsBy,
  type ReEmitRepair,
  type Repair,
  type RepairLimits,
  type RepairRow,
  type Resolve,
  type SqlRepair,
  type UnblockRepair,
} from './repair.ts'
export {
  type CodeRows,
  columnNameOf,
  type EntityLike,
  type Expression,
  expressionText,
  type HttpRows,
  queryOf,
  type Side,
  type SideDeclaration,
  sideName,
} from './side.ts'
export type { Amount, Moved, Transit } from './transit.ts'
export type {
  Schedule,
  TextOrVariable,
  WatchDeclaration,
  WebhookDeclaration,
  WebhookOccasion,
} from './watch-declaration.ts'

/** Long enough for a consumer to restart, short enough that a person would call the copy stale. */
const deadlineDefault = seconds(30)

/** How the rows of an invariant are tied to the owner's log, where it has one. */
export interface StreamLink {
  /** The stream of a key, as in `User/42`. */
  readonly streamOf: (key: string) => string
  /** The consumer that keeps the copy; by default all that read this owner must be past the change. */
  readonly consumer?: string
}

/** The states that may stand beside each other; `null` means that the row is absent. */
export type AllowedStates = readonly (readonly [left: string | null, right: string | null])[]

/** What an invariant of each kind compares. The first side of a replica is its owner, of a reference its child. */
export type Relation =
  | { readonly kind: 'replicaOf'; readonly sides: readonly [owner: Side, copy: Side] }
  | { readonly kind: 'agree'; readonly sides: readonly Side[] }
  | { readonly kind: 'conserves'; readonly sides: readonly Side[] }
  | { readonly kind: 'custom'; readonly sides: readonly Side[] }
  | { readonly kind: 'publishes'; readonly sides: readonly [owner: Side] }
  | {
      readonly kind: 'references'
      readonly sides: readonly [child: Side, parent: Side]
      readonly by: readonly Expression[]
    }
  | {
      readonly kind: 'correspondsTo'
      readonly sides: readonly [left: Side, right: Side]
      readonly allowed: AllowedStates | undefined
    }

/** A declared invariant. Its methods give a changed copy, so a declaration reads as one sentence. */
export interface Invariant {
  readonly name: string
  readonly relation: Relation
  readonly deadline: Duration
  readonly entity: string | undefined
  readonly problem: string | undefined
  readonly link: StreamLink | undefined
  /** What is under way between the sides of a sum. */
  readonly transit: Transit | undefined
  /** How its findings may be repaired; none means that they are only reported. */
  readonly repairs: readonly Repair[]
  /** When `selvedge watch` checks it; by default as `watch.every` of the configuration says. */
  readonly schedule: Schedule | undefined
  /** How long the sides may differ: within it a difference is no finding. 30 s by default. */
  within(deadline: Duration): Invariant
  /** The entity that its keys name, for `selvedge explain`. */
  about(entity: EntityLike | string): Invariant
  /** The problem under which reports group it. */
  under(problem: string): Invariant
  /** Ties keys to streams of the owner's log; an owner declared by `of` is tied to `<Entity>/<key>` already. */
  viaStream(streamOf: (key: string) => string, options?: { readonly consumer?: string }): Invariant
  /**
   * Of `conserves` with two sides, where the first one's service has our log: the sums then agree when what the second
   * side has not applied yet makes up the difference, exactly. Positions decide, at once; nothing is waited for.
   *
   * @throws refused `invariant/bad-side` for another kind, or more than two sides.
   * @example
   * conserves('What was captured is what seats were sold for', captured, sold).inFlight({
   *   of: { PaymentCaptured: (data: { courseId: string; amount: string }) => ({ key: data.courseId, sum: data.amount }) },
   * })
   */
  inFlight(transit: Transit): Invariant
  /** Declares how findings may be repaired, by `selvedge reconcile` and within limits. */
  repairedBy(...repairs: readonly Repair[]): Invariant
  /** A schedule of its own under `selvedge watch`: a cron pattern or a duration. */
  every(schedule: Schedule): Invariant
}

/**
 * The copy holds what the owner holds: the same keys, the same columns.
 *
 * @example
 * replicaOf('Progress knows the name of every user', {
 *   owner: { of: User, table: 'users', columns: ['name'] },
 *   copy: { source: 'progress', table: 'learners', key: 'user_id', columns: ['name'] },
 * }).within(seconds(5))
 */
export function replicaOf(
  name: string,
  pair: { readonly owner: SideDeclaration; readonly copy: SideDeclaration },
): Invariant {
  const sides = [sideOf(name, pair.owner), sideOf(name, pair.copy)] as const
  checkSidesMatch(name, sides)
  return declare(name, { kind: 'replicaOf', sides })
}

/**
 * All sides hold the same keys and the same columns, and none of them is the owner.
 *
 * @example
 * agree('Billing and enrollment count the same seats', { source: 'billing', query: 'select …', key: 'course' }, { … })
 */
export function agree(name: string, ...declared: readonly SideDeclaration[]): Invariant {
  const sides = declared.map((side) => sideOf(name, side))
  checkSidesMatch(name, sides)
  return declare(name, { kind: 'agree', sides })
}

/**
 * Sides that your own code reads hold the same keys and the same columns; a side may also be a table or a query.
 *
 * @example
 * custom('The ledger and the bank count the same money',
 *   { source: 'bank', key: 'account', columns: ['cents'], read: () => bank.balances() },
 *   { source: 'ledger', query: 'select account, sum(cents) as cents from entries group by 1', key: 'account', columns: ['cents'] })
 */
export function custom(name: string, ...declared: readonly SideDeclaration[]): Invariant {
  const sides = declared.map((side) => sideOf(name, side))
  checkSidesMatch(name, sides)
  return declare(name, { kind: 'custom', sides })
}

/**
 * Whoever writes the owner's table publishes an event of the row, in the same transaction. The table has to be captured
 * (`capture`); a write is found when neither its own transaction nor a later one has told of the row.
 *
 * @throws refused `invariant/bad-side` for anything but a table with one key column.
 * @example
 * publishes('Every change of a user is published', { of: User, table: 'users' })
 */
export function publishes(name: string, owner: SideDeclaration): Invariant {
  const side = sideOf(name, { ...owner, columns: [] })
  if (side.rows.kind !== 'table' || side.key.length !== 1)
    throw bad(name, 'only the writes of a table with one key column are captured', "Give `table: 'users', key: 'id'`.")
  return declare(name, { kind: 'publishes', sides: [side] })
}

/** Rows that are summed up: the key says which rows belong together, and without one all of them do. */
export type SummedDeclaration = Omit<SideDeclaration, 'columns'> & {
  /** What is summed: a column, your own SQL, or several by a name that all sides share. */
  readonly sum: Expression | Readonly<Record<string, Expression>>
}

/**
 * What goes out at one side comes in at the other: the sums of all sides are equal, group by group. A group that sums up
 * to nothing may as well be absent.
 *
 * @example
 * conserves('What was captured is what seats were sold for',
 *   { source: 'payment', table: 'payments', key: 'course_id', sum: "case kind when 'refund' then -amount else amount end" },
 *   { source: 'enrollment', table: 'seats', key: 'course_id', sum: 'price' })
 */
export function conserves(name: string, ...declared: readonly SummedDeclaration[]): Invariant {
  const sides = declared.map(({ sum, ...rest }): Side => {
    const columns = isExpression(sum) ? { sum } : sum
    if (Object.keys(columns).length === 0) throw bad(name, 'a side sums up nothing', "Give `sum: 'amount'`.")
    if (rest.http !== undefined)
      throw bad(name, 'an API cannot sum up its rows', 'Compare its items with `agree`, or sum up a table or a query.')
    return { ...sideOf(name, { key: { sql: "'all'" }, ...rest, columns }), isGrouped: true }
  })
  checkSidesMatch(name, sides)
  return declare(name, { kind: 'conserves', sides })
}

/**
 * Every child names a parent that is there, or none (NULL).
 *
 * @example
 * references('Every enrollment is of a user', {
 *   child: { source: 'enrollment', table: 'enrollments', key: 'id', by: 'user_id' },
 *   parent: { of: User, table: 'users' },
 * })
 */
export function references(
  name: string,
  pair: {
    readonly child: SideDeclaration & { readonly by: Expression | readonly Expression[] }
    readonly parent: SideDeclaration
  },
): Invariant {
  const child = sideOf(name, pair.child)
  const parent = sideOf(name, pair.parent)
  const by = Array.isArray(pair.child.by) ? (pair.child.by as readonly Expression[]) : [pair.child.by as Expression]
  if (by.length !== parent.key.length)
    throw bad(
      name,
      `\`by\` has ${by.length} parts, the key of ${sideName(parent)} has ${parent.key.length}`,
      'Give the same parts in the same order.',
    )
  return declare(name, { kind: 'references', sides: [child, parent], by })
}

/**
 * Each row stands beside one with the same key on the other side, in a state that goes with its own.
 *
 * Without `allowed`, both rows must be there. With it, only the listed pairs may be; `null` stands for no row, and a state
 * that is NULL is written 'NULL'.
 *
 * @example
 * correspondsTo('An active enrollment is paid', {
 *   left: { source: 'enrollment', table: 'enrollments', key: 'id', state: 'status' },
 *   right: { source: 'payment', table: 'payments', key: 'enrollment_id', state: 'status' },
 *   allowed: [['active', 'captured'], ['cancelled', 'refunded'], ['cancelled', null]],
 * })
 */
export function correspondsTo(
  name: string,
  pair: {
    readonly left: SideDeclaration & { readonly state?: Expression }
    readonly right: SideDeclaration & { readonly state?: Expression }
    readonly allowed?: AllowedStates
  },
): Invariant {
  if (pair.allowed?.length === 0)
    throw bad(
      name,
      '`allowed` lists no pair, so that every row would be wrong',
      "List the pairs of states that may be together, as [['active', 'captured'], ['cancelled', null]], or leave it out.",
    )
  const sides = [stateSide(name, pair.left, pair.allowed), stateSide(name, pair.right, pair.allowed)] as const
  checkSidesMatch(name, sides)
  return declare(name, { kind: 'correspondsTo', sides, allowed: pair.allowed })
}

function stateSide(
  name: string,
  declared: SideDeclaration & { readonly state?: Expression },
  allowed: AllowedStates | undefined,
): Side {
  const side = sideOf(name, declared)
  if (allowed === undefined) return { ...side, columns: {} }
  if (declared.state === undefined)
    throw bad(
      name,
      `the side in ${side.source} has no state`,
      'Where `allowed` lists states, each side names its own: `state: "status"`.',
    )
  return { ...side, columns: { state: declared.state } }
}

function declare(name: string, relation: Relation): Invariant {
  if (name.trim() === '') throw bad(name, 'it has no name', 'Name it by the sentence that must be true.')
  const [first] = relation.sides
  const entity = first?.entity
  const link =
    relation.kind === 'replicaOf' && entity !== undefined
      ? { streamOf: (key: string) => `${entity}/${key}` }
      : undefined
  return built({
    name,
    relation,
    deadline: deadlineDefault,
    entity,
    problem: undefined,
    link,
    transit: undefined,
    repairs: [],
    schedule: undefined,
  })
}

type Plain = Omit<Invariant, 'within' | 'about' | 'under' | 'viaStream' | 'inFlight' | 'repairedBy' | 'every'>

function built(plain: Plain): Invariant {
  return {
    ...plain,
    within: (deadline) => built({ ...plain, deadline }),
    about: (entity) => built({ ...plain, entity: typeof entity === 'string' ? entity : entity.name }),
    under: (problem) => built({ ...plain, problem }),
    viaStream: (streamOf, options = {}) => built({ ...plain, link: { streamOf, ...options } }),
    inFlight: (transit) => built({ ...plain, transit: checkedTransit(plain, transit) }),
    repairedBy: (...repairs) => built({ ...plain, repairs }),
    every: (schedule) => built({ ...plain, schedule: checkSchedule(schedule, `The schedule of "${plain.name}"`) }),
  }
}

function checkedTransit({ name, relation }: Plain, transit: Transit): Transit {
  if (relation.kind !== 'conserves' || relation.sides.length !== 2)
    throw bad(name, 'nothing can be in flight in it', 'Declare `inFlight` of a `conserves` with two sides.')
  if (Object.keys(transit.of).length === 0)
    throw bad(name, 'no event moves anything', 'Give `of: { PaymentCaptured: (data) => ({ key, sum }) }`.')
  return transit
}
