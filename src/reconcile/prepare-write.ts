/** The statements that bring the sides of one key to what they should hold, or one sentence that says why there are none. */
import { rowText, sameValue } from '../digest/digest.ts'
import type { RepairRow, SqlRepair } from '../invariant/invariant.ts'
import type { Writers } from './open-writers.ts'
import { type PlannedWrite, rowHash } from './plan-file.ts'
import { type Comparison, formsOf, type Image, type KeyState } from './sides.ts'
import type { FullRow, WritableTable, Writer } from './writers/writer.ts'

/** A write of one side. */
export interface PreparedWrite {
  readonly target: number
  readonly write: PlannedWrite
}

/** What all sides should hold: the owner's row, or what the policy says; a sentence where nobody says. */
export type Resolved = { readonly row: RepairRow | null } | { readonly why: string }

/** Who is right about a key. */
export function resolved(comparison: Comparison, state: KeyState, repair: SqlRepair, key: string): Resolved {
  const { relation } = comparison.invariant
  const { columnNames, sideNames } = comparison.shape
  const doubled = state.images.findIndex((image) => image.length > 1)
  if (doubled >= 0) return { why: `${sideNames[doubled]} has ${state.images[doubled]?.length} rows with this key` }
  const rows = state.images.map((image) => rowOf(columnNames, image))
  if (relation.kind === 'replicaOf') return { row: rows[0] ?? null }
  if (relation.kind === 'references') return { why: 'a broken reference has no value that could be written' }
  const row = repair.resolve?.(
    sideNames.map((name, i) => ({ name, row: rows[i] })),
    key,
  )
  if (repair.resolve === undefined) return { why: 'no side is the owner, and no `resolve` says who is right' }
  return row === undefined ? { why: 'the policy leaves this key to a person' } : { row }
}

/** A side's only row by the names of the columns. */
export function rowOf(columnNames: readonly string[], image: Image | undefined): RepairRow | undefined {
  const [row] = image ?? []
  return row && Object.fromEntries(columnNames.map((name, i) => [name, row[i] ?? null]))
}

/** One write for each side that does not hold `row`. */
export async function preparedWrites(
  comparison: Comparison,
  writers: Writers,
  state: KeyState,
  { row, repair }: { readonly row: RepairRow | null; readonly repair: SqlRepair },
): Promise<readonly PreparedWrite[] | string> {
  const { shape, invariant } = comparison
  const writes: PreparedWrite[] = []
  for (const [target, side] of invariant.relation.sides.entries()) {
    const now = rowOf(shape.columnNames, state.images[target])
    if (isSame(comparison, now, row)) continue
    const writer = writers.of(side.source)
    if (writer === undefined) return `the source "${side.source}" declares no \`repair\`, so nothing is written there`
    const table = await writer.describe(side)
    if (typeof table === 'string') return table
    const write = await writeOf({ writer, table, comparison, repair }, { state, now, row })
    if (typeof write === 'string') return write
    writes.push({ target, write })
  }
  return writes
}

function isSame(comparison: Comparison, a: RepairRow | undefined, b: RepairRow | null): boolean {
  if (a === undefined || b === null) return a === undefined && b === null
  const { columnNames } = comparison.shape
  const forms = formsOf(comparison.shape)
  return columnNames.every((name, i) => sameValue(forms[i] ?? 'text', a[name] ?? null, b[name] ?? null))
}

interface Target {
  readonly writer: Writer
  readonly table: WritableTable
  readonly comparison: Comparison
  readonly repair: SqlRepair
}

async function writeOf(
  { writer, table, comparison, repair }: Target,
  {
    state,
    now,
    row,
  }: { readonly state: KeyState; readonly now: RepairRow | undefined; readonly row: RepairRow | null },
): Promise<PlannedWrite | string> {
  const found = (await writer.read(table, [state.key])).get(rowText(state.key)) ?? []
  const name = `${table.source}.${table.table}`
  if (found.length > 1) return `${name} has ${found.length} rows with this key`
  const [before] = found
  if (before !== undefined && now === undefined)
    return `${name} has a row with this key that the invariant's \`where\` leaves out: it is not brought back`
  if (before === undefined && now !== undefined) return `${name} lost the row while the plan was made`
  const base = {
    ...{ source: table.source, table: table.table, columns: table.columns.map((column) => column.name) },
    ...(before === undefined ? {} : { before }),
    beforeHash: rowHash(before),
  }
  const key = state.key
  if (row === null) {
    const along = await writer.takesAlong(table)
    if (along !== undefined) return `deleting it would take rows of ${along} along, which no undo would bring back`
    const inverse = writer.restoreOf(table, key, { from: undefined, to: before })
    return { ...base, kind: 'delete', statement: writer.deleteOf(table, key, before!), inverse }
  }
  if (before === undefined) return insertOf({ writer, table, repair }, { base, key, row })
  const { columnNames } = comparison.shape
  const forms = formsOf(comparison.shape)
  const changed = columnNames.filter(
    (column, i) => !sameValue(forms[i] ?? 'text', now?.[column] ?? null, row[column] ?? null),
  )
  const set = Object.fromEntries(changed.map((column) => [table.mapped.get(column)!, row[column] ?? null]))
  const foreign = foreignIn(table, set)
  if (foreign !== undefined) return foreign
  const generated = table.columns.find((column) => column.isGenerated && column.name in set)
  if (generated !== undefined) return `${name} computes ${generated.name} itself`
  const expected = expectedAfter(table, before, set)
  return {
    ...{ ...base, kind: 'update', statement: writer.updateOf(table, key, set, before) },
    inverse: writer.restoreOf(table, key, { from: expected, to: before }),
  }
}

function insertOf(
  { writer, table, repair }: Omit<Target, 'comparison'>,
  {
    base,
    key,
    row,
  }: {
    readonly base: Omit<PlannedWrite, 'kind' | 'statement' | 'inverse'>
    readonly key: readonly string[]
    readonly row: RepairRow
  },
): PlannedWrite | string {
  const mapped = Object.entries(row).map(([column, value]) => [table.mapped.get(column)!, value] as const)
  const set: Record<string, string | null> = { ...repair.insert, ...Object.fromEntries(mapped) }
  const open = table.columns.filter(
    ({ name, isRequired }) => isRequired && !table.key.includes(name) && (set[name] ?? null) === null,
  )
  if (open.length > 0) {
    const names = open.map((column) => column.name).join(', ')
    return `a new row of ${table.source}.${table.table} needs ${names}: say it by \`insert\` in the declared repair`
  }
  const known: Record<string, string | null> = { ...set }
  for (const [i, name] of table.key.entries()) known[name] = key[i] ?? null
  const foreign = foreignIn(table, known)
  if (foreign !== undefined) return foreign
  const texts = table.columns.map((column) => known[column.name] ?? null)
  return {
    ...{ ...base, kind: 'insert', statement: writer.insertOf(table, key, set) },
    inverse: writer.restoreOf(table, key, { from: { texts, stamp: '' }, to: undefined }),
  }
}

/** Of a text that is no bytes MySQL would silently make NULL. */
function foreignIn(table: WritableTable, set: Readonly<Record<string, string | null>>): string | undefined {
  const odd = table.columns.find(({ name, kind }) => kind === 'bytes' && !isHex(set[name] ?? ''))
  return odd && `${table.source}.${table.table} keeps bytes in ${odd.name}, and the value to be written is none`
}

function isHex(text: string): boolean {
  return /^(?:[0-9a-f]{2})*$/i.test(text.replaceAll('-', ''))
}

/** The row as the step should leave it. What the server makes of it is written to the journal, and that is what undo trusts. */
function expectedAfter(table: WritableTable, before: FullRow, set: Readonly<Record<string, string | null>>): FullRow {
  const texts = table.columns.map(({ name }, i) => (name in set ? (set[name] ?? null) : (before.texts[i] ?? null)))
  return { texts, stamp: '' }
}
