/**
 * One side of an invariant: rows of one database, named by a key. Which SQL reads them is declared here as data; what
 * runs it is `check`.
 */
import { refused } from '../base/error.ts'

/**
 * A key or column of a side. A plain name is a column and is quoted as it is written, so `userId` means "userId".
 * Any other text is your own SQL over the row. `{ column }` names a column whose name looks like SQL, `{ sql }` is SQL
 * that looks like a name.
 */
export type Expression = string | { readonly column: string } | { readonly sql: string }

/** What an invariant needs to know of a contract's entity; `service.entity(…)` gives one. */
export interface EntityLike {
  readonly kind: 'entity'
  readonly name: string
  readonly service: string
  readonly key: string
}

/**
 * Rows as they are declared: of a source's table, or of a query over it.
 *
 * `of` takes source, key and the entity's name from the contract; `source` and `key` say them for a bare table.
 * `columns` are what must agree, by a name that all sides share; an array means columns of that very name.
 * `where` and expressions are your own SQL and reach the database as written.
 */
export interface SideDeclaration {
  readonly of?: EntityLike
  readonly source?: string
  readonly table?: string
  readonly query?: string
  readonly key?: Expression | readonly Expression[]
  readonly columns?: readonly string[] | Readonly<Record<string, Expression>>
  readonly where?: string
}

/** A declared side with its defaults filled in. */
export interface Side {
  readonly source: string
  readonly rows: { readonly kind: 'table'; readonly table: string } | { readonly kind: 'query'; readonly sql: string }
  readonly key: readonly Expression[]
  readonly columns: Readonly<Record<string, Expression>>
  readonly where: string | undefined
  readonly entity: string | undefined
  /** True when each row is a group of the declared rows: its key is what they share, its columns are sums over them. */
  readonly isGrouped?: boolean
}

/**
 * Fills in what a declaration leaves out.
 *
 * @throws refused `invariant/bad-side` when there is no source, not exactly one of table and query, or no key.
 */
export function sideOf(invariant: string, declared: SideDeclaration): Side {
  const source = declared.source ?? declared.of?.service
  if (!source)
    throw bad(
      invariant,
      'a side has no source',
      'Give `source`, the name under which the config lists its database, or `of`, an entity.',
    )
  if ((declared.table === undefined) === (declared.query === undefined))
    throw bad(
      invariant,
      `the side in ${source} needs a table or a query, and one of them only`,
      "Give `table: 'users'` or `query: 'select …'`.",
    )
  const key = declared.key ?? declared.of?.key
  const keys: readonly Expression[] = key === undefined ? [] : isList(key) ? key : [key]
  if (keys.length === 0)
    throw bad(invariant, `the side in ${source} has no key`, "Give `key: 'id'`, or several columns as an array.")
  const rows =
    declared.table === undefined
      ? ({ kind: 'query', sql: declared.query ?? '' } as const)
      : ({ kind: 'table', table: declared.table } as const)
  return {
    source,
    rows,
    key: keys,
    columns: columnsOf(declared.columns ?? {}),
    where: declared.where,
    entity: declared.of?.name,
  }
}

/** How a side is called in findings: `user.users`, or the source alone for a query. */
export function sideName(side: Side): string {
  return side.rows.kind === 'table' ? `${side.source}.${side.rows.table}` : side.source
}

/** @throws refused `invariant/bad-side` when two sides differ in the number of key parts or in the names of their columns. */
export function checkSidesMatch(invariant: string, sides: readonly Side[]): void {
  const [first, ...others] = sides
  if (first === undefined || others.length === 0)
    throw bad(invariant, 'fewer than two sides were given', 'Something must agree with something else.')
  const names = (side: Side) => Object.keys(side.columns).sort().join(', ')
  for (const other of others) {
    if (other.key.length !== first.key.length)
      throw bad(
        invariant,
        `the keys of ${sideName(first)} and ${sideName(other)} have different lengths`,
        'Give each side the same parts in the same order.',
      )
    if (names(other) !== names(first))
      throw bad(
        invariant,
        `${sideName(first)} has the columns (${names(first)}), ${sideName(other)} (${names(other)})`,
        'Columns are matched by name: map each to the same names.',
      )
  }
}

/** The error for a declaration that cannot be checked. */
export function bad(invariant: string, what: string, help: string): Error {
  return refused('invariant/bad-side', `Invariant "${invariant}": ${what}.`, help, { invariant })
}

function columnsOf(
  columns: readonly string[] | Readonly<Record<string, Expression>>,
): Readonly<Record<string, Expression>> {
  return isList(columns) ? Object.fromEntries(columns.map((name) => [name, { column: name }])) : columns
}

/** `Array.isArray` does not narrow readonly arrays. */
function isList<T, O>(value: readonly T[] | O): value is readonly T[] {
  return Array.isArray(value)
}
