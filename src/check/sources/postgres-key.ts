/**
 * How rows are found by the canonical text of their keys. Where that text can be turned back into the column's type,
 * an index serves; elsewhere the texts are compared, which is slower and just as right.
 */
import { type Cell, canonicalSql, type Kind, kindOf } from '../../digest/digest.ts'

interface Lookup {
  /** Which texts can be a value of the type at all: `abc` is no bigint, so no row can have it as its key. */
  readonly fits: (text: string) => boolean
  readonly column: (cell: Cell) => string
  readonly type: string
}

const int8Max = 2n ** 63n - 1n

const lookups: Partial<Record<Kind, Lookup>> = {
  integer: {
    fits: isInt8,
    column: (cell) => (cell.type.name === 'oid' ? `${cell.sql}::int8` : cell.sql),
    type: 'int8',
  },
  uuid: {
    fits: (text) => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text),
    column: (cell) => cell.sql,
    type: 'uuid',
  },
  text: {
    fits: () => true,
    column: (cell) => (cell.type.name === 'text' ? cell.sql : canonicalSql(cell.type, cell.sql)),
    type: 'text',
  },
}

const byText: Lookup = {
  fits: () => true,
  column: (cell) => canonicalSql(cell.type, cell.sql, cell.form),
  type: 'text',
}

/** A condition for rows by key. */
export interface KeyCondition {
  readonly sql: string
  readonly values: unknown[]
  /** Keys that no row can have: `abc` where the column holds numbers. */
  readonly impossible: readonly (readonly string[])[]
}

/** A condition for the rows whose key is among `keys`; undefined when none of them can be. */
export function keyCondition(key: readonly Cell[], keys: readonly (readonly string[])[]): KeyCondition | undefined {
  const parts = key.map(lookupOf)
  const possible = keys.filter((texts) => parts.every((part, i) => part.fits(texts[i] ?? '')))
  if (possible.length === 0) return undefined
  const impossible = possible.length === keys.length ? [] : keys.filter((texts) => !possible.includes(texts))
  const values = parts.map((_, i) => possible.map((texts) => texts[i]))
  return { sql: exactly(key, (columns) => isWanted(columns, parts)), values, impossible }
}

function isWanted(columns: readonly string[], parts: readonly Lookup[]): string {
  if (parts.length === 1) return `${columns[0]} = any($1::text[]::${parts[0]!.type}[])`
  const names = parts.map((part, i) => `selvedge_wanted.w${i}::${part.type}`).join(', ')
  const lists = parts.map((_, i) => `$${i + 1}::text[]`).join(', ')
  const wanted = `select ${names} from unnest(${lists}) as selvedge_wanted(${parts.map((_, i) => `w${i}`).join(', ')})`
  return `(${columns.join(', ')}) in (${wanted})`
}

/**
 * A condition on columns that their indexes serve, and the same byte for byte where they are text: a column's own collation may
 * take 'A' for 'a'.
 */
function exactly(key: readonly Cell[], condition: (columns: readonly string[]) => string): string {
  const columns = key.map((cell) => lookupOf(cell).column(cell))
  const bytes = columns.map((column, i) => (lookupOf(key[i]!).type === 'text' ? `${column} collate "C"` : column))
  const isExact = columns.every((column, i) => column === bytes[i])
  return isExact ? condition(columns) : `${condition(columns)} and ${condition(bytes)}`
}

/** How a key of one part is looked for, where its text can be turned back into the column's type. */
export function singleLookup(
  key: readonly Cell[],
): { readonly isEqualTo: (value: string) => string; readonly type: string } | undefined {
  const [cell] = key
  const lookup = cell === undefined || key.length > 1 ? byText : lookupOf(cell)
  if (lookup === byText) return undefined
  return { isEqualTo: (value) => exactly(key, ([column]) => `${column} = ${value}`), type: lookup.type }
}

/** A column that writes its values in the form of another type is found by that text. */
function lookupOf({ type, form }: Cell): Lookup {
  const kind = kindOf(type)
  const isOwnForm = form === undefined || (form.kind === kind && form.digits === undefined)
  return (isOwnForm ? lookups[kind] : undefined) ?? byText
}

function isInt8(text: string): boolean {
  if (!/^-?\d{1,19}$/.test(text)) return false
  const value = BigInt(text)
  return value <= int8Max && value >= -int8Max - 1n
}
