/**
 * References through keys of several columns: `(order_id, line_no)` of a shipment's lines, in the lines of orders. One
 * reference says more than one for each column, of which the second says nothing.
 */
import { columnFacts, columnsFacts } from './column-facts.ts'
import { areComparable, type Candidate, type ParentKey, sharedOf } from './decide-candidates.ts'
import { aboutsOf } from './decide-modules.ts'
import { homeOf, type NamedKey, nameMatch, nameScore } from './decide-name-match.ts'
import { bestParents, type Probed, type ProposedReference, shareOf } from './decide-references.ts'
import { isPeriod } from './measures.ts'
import type { SurveyTable } from './survey.ts'

/** Keys of more columns are looked at by nobody. */
const partsMax = 4
/** Nine in ten must be there, as of one column. */
const shareSure = 0.9
/** Pairs drawn from the values of both columns must be there less often than this. */
const chanceMax = 1e-3
/** And less often than this where they are the key of both tables, which may say different things of the same pairs. */
const sameKeyChanceMax = 1e-6

/** Tables whose columns are named after all the parts of a key elsewhere. */
export function compositeCandidatesOf(tables: readonly SurveyTable[]): Candidate[] {
  const abouts = aboutsOf(tables)
  const named = tables.map((table): NamedTable => {
    const about = { ...abouts.get(table)!, shared: sharedOf(table) }
    return { table, named: table.columns.map(({ name }) => ({ ...about, column: name })) }
  })
  return named
    .flatMap(compositeKeysOf)
    .flatMap((parent) => named.flatMap((child) => (child.table === parent.table ? [] : candidateOf(child, parent))))
}

/** A table with its columns as names see them. */
interface NamedTable {
  readonly table: SurveyTable
  readonly named: readonly NamedKey[]
}

function compositeKeysOf({ table, named }: NamedTable): ParentKey[] {
  return table.keys.flatMap((columns, i) => {
    if (columns.length < 2 || columns.length > partsMax) return []
    if (columns.some((column) => columnFacts(table, column).kind === 'other')) return []
    const parts = columns.map((column) => named.find((one) => one.column === column)!)
    const isPrimary = i === 0 && table.hasPrimaryKey
    const home = Math.min(...parts.map(homeOf))
    return [{ table, columns, isPrimary, home, facts: columnsFacts(table, columns), named: parts }]
  })
}

function candidateOf({ table, named }: NamedTable, parent: ParentKey): Candidate[] {
  const matches: Match[] = []
  for (const part of parent.named) {
    const of = columnFacts(parent.table, part.column)
    const [best] = named
      .filter(({ column }) => !matches.some((one) => one.column === column))
      .map((one) => ({ column: one.column, name: nameMatch(one, part) }))
      .filter(({ column, name }) => name >= nameScore.ending && areComparable(columnFacts(table, column), of, name))
      .sort((a, b) => b.name - a.name)
    if (best === undefined) return []
    matches.push(best)
  }
  const columns = matches.map(({ column }) => column)
  const name = Math.min(...matches.map((one) => one.name))
  const values = { density: densityOf(parent), isSpread: false, coincidence: 1, isDrawn: false }
  return [{ table, columns, facts: columnsFacts(table, columns), parent, name, hasKeyWord: true, ...values }]
}

interface Match {
  readonly column: string
  readonly name: number
}

/** How many of all combinations of the parts' values are keys: near 1 they are found whatever is asked for. */
function densityOf({ table, columns }: ParentKey): number {
  const combinations = columns.reduce((product, column) => product * columnFacts(table, column).counts.size, 1)
  return combinations === 0 ? 1 : Math.min(1, table.rows / combinations)
}

/** Whether the values say so: nearly all are there, and would not be by chance, or the key numbers rows of its own. */
function isFound(probed: Probed, targets: readonly Probed[]): boolean {
  if (probed.asked < 3 || shareOf(probed) < shareSure) return false
  const { parent, name } = probed
  // `(warehouse_id, product_id)` may be of any two; `(order_id, line_no)` is of lines. What is said of each shop and year
  // is said beside what else is said of them.
  const periods = parent.columns.filter(isPeriod)
  const hasOwn = parent.columns.some(
    (column) => !periods.includes(column) && !targets.some((one) => isOf(one, parent.table, column)),
  )
  if (periods.length > 0 && !(hasOwn && parent.columns.length > 2)) return false
  const isSameKey = probed.table.keys.some(
    (key) => key.length === probed.columns.length && key.every(isIn(probed.columns)),
  )
  const isUnlikely = probed.density ** probed.found < (isSameKey ? sameKeyChanceMax : chanceMax)
  return isUnlikely || (hasOwn && name >= nameScore.sameKey)
}

function isIn(columns: readonly string[]): (column: string) => boolean {
  return (column) => columns.includes(column)
}

function isOf({ table, columns }: Probed, of: SurveyTable, column: string): boolean {
  return table === of && columns[0] === column
}

/** What is proposed through keys of several columns, and of the others what that does not say already. */
export function decideComposites(
  composites: readonly Probed[],
  { singles, probed }: { readonly singles: readonly ProposedReference[]; readonly probed: readonly Probed[] },
): ProposedReference[] {
  const targets = bestParents(probed).map(({ best }) => best)
  const found = composites
    .filter((one) => isFound(one, targets))
    .filter((one, _, all) => !all.some((other) => isBetter(other, one)))
  const isSaid = (single: ProposedReference) =>
    found.some((one) => {
      const at = one.table === single.table ? one.columns.indexOf(single.columns[0]!) : -1
      const { table, columns } = single.parent
      const isPart = one.parent.table === table && one.parent.columns[at] === columns[0]
      return at >= 0 && (isPart || refersTo(one.parent, at, table, targets))
    })
  const proposed = found.flatMap((one): ProposedReference[] =>
    one.parent.table.source === one.table.source ? [] : [{ ...one, kind: 'references', confidence: 'sure' }],
  )
  return [...singles.filter((single) => !isSaid(single)), ...proposed]
}

/** Of two that hold the same keys one is the parent: not the one whose columns are found in the other, too. */
function isBetter(other: Probed, than: Probed): boolean {
  if (other === than) return false
  const isReverse = other.table === than.parent.table && other.parent.table === than.table
  if (isReverse) return other.parent.table.rows > than.parent.table.rows || isLonger(than.parent, other.parent)
  const isSameChild = other.table === than.table && than.columns.every((column) => other.columns.includes(column))
  return isSameChild && (other.columns.length > than.columns.length || isCloser(other, than))
}

function isLonger(one: ParentKey, other: ParentKey): boolean {
  return one.table.rows === other.table.rows && aboutOf(one).length > aboutOf(other).length
}

function aboutOf({ named }: ParentKey): string {
  return named[0]?.entity.join('') ?? ''
}

function isCloser(other: Probed, than: Probed): boolean {
  if (other.columns.length !== than.columns.length) return false
  const [a, b] = [rankOf(other), rankOf(than)]
  return a > b || (a === b && other.parent.table.name < than.parent.table.name)
}

function rankOf({ name, parent }: Probed): number {
  return name + Number(parent.isPrimary) / 10 - parent.table.rows / 1e12
}

/** Whether a part of the parent's key refers to the table itself: then who has the whole key refers to it as well. */
function refersTo(parent: ParentKey, at: number, table: SurveyTable, targets: readonly Probed[]): boolean {
  const column = parent.columns[at]!
  const isDeclared = parent.table.foreignKeys.some(
    ({ columns, table: name }) =>
      columns.length === 1 && columns[0] === column && name === table.name && parent.table.source === table.source,
  )
  return isDeclared || targets.some((one) => isOf(one, parent.table, column) && one.parent.table === table)
}
