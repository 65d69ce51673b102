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

/** The column that an expression names; undefined for SQL. */
export function columnNameOf(expression: Expression): string | undefined {
  if (typeof expression === 'object') return 'column' in expression ? expression.column : undefined
  return /^[\p{L}_][\p{L}\p{N}_$]*$/u.test(expression) ? expression : undefined
}

/** An expression as it was written: the name of a column, a path, or SQL. */
export function expressionText(expression: Expression): string {
  return typeof expression === 'string' ? expression : 'column' in expression ? expression.column : expression.sql
}

/** What an invariant needs to know of a contract's entity; `service.entity(…)` gives one. */
export interface EntityLike {
  readonly kind: 'entity'
  readonly name: string
  readonly service: string
  readonly key: string
}

/**
 * Rows that an API lists as JSON. Key and columns of such a side are dotted paths into an item: `address.city`.
 *
 * @example
 * { path: '/users?limit=500', items: 'data', next: 'meta.next_cursor', one: '/users/{key}' }
 */
export interface HttpRows {
  /** The first page, below the URL of the source. */
  readonly path: string
  /** The path to the list in a page; the body itself by default. */
  readonly items?: string
  /** The path to the cursor, or the address, of the next page; by default the Link header's `rel="next"` is followed. */
  readonly next?: string
  /**
   * How many items a full page has, where `path` does not ask for a number of them: a shorter page is then known to be the
   * last, also where the API leaves `next` out on it.
   */
  readonly pageSize?: number
  /** The parameter that takes the cursor; `cursor` by default. */
  readonly cursorParam?: string
  /** Where one item is found by its key; `{key}`, or `{name}` for each part of a longer key. Else pages are read again. */
  readonly one?: string
  /** The path to the item in the answer of `one`; the body itself by default. */
  readonly item?: string
  /** The path to what changes whenever the item does: it tells an item that was changed and changed back. */
  readonly version?: string
}

/** Your own code that reads all rows of a side; key and columns are names of their members. */
export type CodeRows = () =>
  | AsyncIterable<Readonly<Record<string, unknown>>>
  | Iterable<Readonly<Record<string, unknown>>>
  | Promise<Iterable<Readonly<Record<string, unknown>>>>

/**
 * Rows as they are declared: of a source's table, of a query over it, or of an API.
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
  readonly http?: HttpRows
  /** Code of yours that reads all rows; `source` is then only a name in findings. */
  readonly read?: CodeRows
  readonly key?: Expression | readonly Expression[]
  readonly columns?: readonly string[] | Readonly<Record<string, Expression>>
  readonly where?: string
}

/** A declared side with its defaults filled in. */
export interface Side {
  readonly source: string
  readonly rows:
    | { readonly kind: 'table'; readonly table: string }
    | { readonly kind: 'query'; readonly sql: string }
    | { readonly kind: 'http'; readonly http: HttpRows }
    | { readonly kind: 'code'; readonly read: CodeRows }
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
 * @throws refused `invariant/bad-side` when there is no source, not exactly one of table, query and http, or no key.
 */
export function sideOf(invariant: string, declared: SideDeclaration): Side {
  const source = declared.source ?? declared.of?.service
  if (!source)
    throw bad(
      invariant,
      'a side has no source',
      'Give `source`, the name under which the config lists its database, or `of`, an entity.',
    )
  const rows = rowsOf(invariant, source, declared)
  const key = declared.key ?? declared.of?.key
  const keys: readonly Expression[] = key === undefined ? [] : isList(key) ? key : [key]
  if (keys.length === 0)
    throw bad(invariant, `the side in ${source} has no key`, "Give `key: 'id'`, or several columns as an array.")
  if (rows.kind === 'http') checkHttp(invariant, source, declared, keys)
  return {
    source,
    rows,
    key: keys,
    columns: columnsOf(declared.columns ?? {}),
    where: declared.where,
    entity: declared.of?.name,
  }
}

function rowsOf(invariant: string, source: string, declared: SideDeclaration): Side['rows'] {
  const { table, query, http, read } = declared
  if ([table, query, http, read].filter((given) => given !== undefined).length !== 1)
    throw bad(
      invariant,
      `the side in ${source} needs a table, a query or the path of an API (or code that reads), and one of them only`,
      "Give `table: 'users'`, `query: 'select …'` or `http: { path: '/users' }`.",
    )
  if (http !== undefined) return { kind: 'http', http }
  if (read !== undefined) return { kind: 'code', read }
  return table === undefined ? { kind: 'query', sql: query ?? '' } : { kind: 'table', table }
}

/** An API knows no SQL, and finds one item only by the whole of its key. */
function checkHttp(
  invariant: string,
  source: string,
  { where, http, columns = {} }: SideDeclaration,
  keys: readonly Expression[],
): void {
  const all = [...keys, ...Object.values(columnsOf(columns))]
  if (where !== undefined || all.some((expression) => typeof expression === 'object' && 'sql' in expression))
    throw bad(
      invariant,
      `the side in ${source} is an API, which knows no SQL`,
      'Leave `where` and `sql` out; filter by parameters in `http.path`, and name columns by dotted paths.',
    )
  if (http?.pageSize !== undefined && !(Number.isInteger(http.pageSize) && http.pageSize > 0))
    throw bad(invariant, `\`pageSize\` of the side in ${source} is no number of items`, 'Give a whole number above 0.')
  if (http?.one === undefined) return
  const names = keys.map(expressionText)
  const named = [...http.one.matchAll(/\{([^{}]+)\}/g)].map(([, name = '']) => name)
  const isWhole = names.every((name) => named.includes(name) || (names.length === 1 && named.includes('key')))
  const isKnown = named.every((name) => names.includes(name) || (names.length === 1 && name === 'key'))
  if (!isWhole || !isKnown)
    throw bad(
      invariant,
      `\`one\` of the side in ${source} does not name its key and nothing else`,
      names.length === 1 ? 'Write `{key}` where the key stands.' : `Write {${names.join('}, {')}} where they stand.`,
    )
}

/** The text of a side's query, for an engine that knows SQL; the configuration gives it no other side. */
export function queryOf({ rows }: Side): string {
  return rows.kind === 'query' ? rows.sql.replace(/;\s*$/, '') : ''
}

/** How a side is called in findings: `user.users`, `shop/users` for an API, or the source alone for a query. */
export function sideName(side: Side): string {
  if (side.rows.kind === 'table') return `${side.source}.${side.rows.table}`
  // Parameters may hold a secret.
  if (side.rows.kind === 'http') return `${side.source}/${side.rows.http.path.replace(/^\/|\?.*$/g, '')}`
  return side.source
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
