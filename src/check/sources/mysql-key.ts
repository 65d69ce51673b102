/**
 * How rows are found by the canonical text of their keys. The condition may let more rows through than were asked for
 * (a collation takes 'A' for 'a'): whoever reads compares the keys byte for byte. It never lets fewer through, and where
 * the text can be turned back into the column's type it leaves the column bare, so that an index serves.
 */
import { kindOfMysql, type MysqlCell, type MysqlType, mysqlTextSql } from '../../digest/digest.ts'
import type { Keys } from '../images.ts'
import { canHold } from './mysql-charset.ts'
import { isBytes, mysqlLiteral } from './mysql-sql.ts'

/** A part of a key as an expression and as the literals of a text; undefined where no value can have that text. */
interface Lookup {
  readonly column: string
  readonly literals: (text: string) => readonly string[] | undefined
}

/** Keys in one statement. MariaDB turns a list of 1,000 into a join with a temporary table, which scans. */
export const keysPerStatement = 500

/** A condition for the rows whose key is among `keys`; undefined when none of them can be. */
export function mysqlKeyCondition(key: readonly MysqlCell[], keys: Keys): string | undefined {
  const parts = key.map((cell, i) =>
    lookupOf(
      cell,
      keys.map((texts) => texts[i] ?? ''),
    ),
  )
  const wanted = keys.flatMap((texts) => combined(parts.map((part, i) => part.literals(texts[i] ?? ''))))
  if (wanted.length === 0) return undefined
  if (parts.length === 1) return `${parts[0]!.column} in (${wanted.map(([literal]) => literal).join(',')})`
  return `(${parts.map(({ column }) => column).join(',')}) in (${wanted.map((row) => `(${row.join(',')})`).join(',')})`
}

/** The same, but byte for byte: where the server has to count and sort what is found. */
export function mysqlExactCondition(key: readonly MysqlCell[], keys: Keys): string {
  const column = (cell: MysqlCell) => (isBytes(cell) ? mysqlTextSql(cell) : `cast(${mysqlTextSql(cell)} as binary)`)
  const wanted = keys.map((texts) => `(${key.map((_, i) => mysqlLiteral(texts[i] ?? '')).join(',')})`)
  return `(${key.map(column).join(',')}) in (${wanted.join(',')})`
}

/** Every combination of the literals of a key's parts. */
function combined(parts: readonly (readonly string[] | undefined)[]): string[][] {
  let rows: string[][] = [[]]
  for (const literals of parts) rows = rows.flatMap((row) => (literals ?? []).map((literal) => [...row, literal]))
  return rows
}

function lookupOf(cell: MysqlCell, texts: readonly string[]): Lookup {
  const { sql, type, form } = cell
  const kind = kindOfMysql(type)
  // Text of JSON and of floats is not what the server compares: JSON is compared by the reader, row by row.
  if (kind === 'json' || form?.kind === 'json') return { column: '1', literals: () => ['1'] }
  const isFloat = form?.kind === 'float4' || form?.kind === 'float8'
  if (kind === 'float4' || kind === 'float8') return { column: mysqlTextSql(cell), literals: floatLiterals(kind) }
  if (isFloat) return { column: '1', literals: () => ['1'] }
  if (kind === 'integer' || kind === 'boolean') return { column: sql, literals: integerLiterals(type) }
  if (kind === 'decimal' && form?.digits === undefined) return { column: sql, literals: decimalLiterals }
  const isWhole = kind === 'timestamp' ? (form?.digits ?? 6) >= (type.digits ?? 6) : form?.kind !== 'timestamp'
  // MySQL refuses a statement that compares a day with a text that is none; some columns hold such days all the same.
  if ((kind === 'date' || kind === 'timestamp') && isWhole && texts.every(isInCalendar))
    return { column: sql, literals: (text) => [mysqlLiteral(text)] }
  if (kind === 'uuid') return { column: sql, literals: (text) => (isUuid(text) ? [mysqlLiteral(text)] : undefined) }
  if (kind === 'bytes') return { column: sql, literals: bytesLiterals }
  // A text that is compared as a uuid may be stored in capitals: only a collation that ignores case finds it bare.
  const isFound = form?.kind !== 'uuid' || type.ignoresCase === true
  const isKnown = texts.every((text) => canHold(type.charset, text) !== undefined)
  if (kind === 'text' && type.name !== 'time' && isFound && isKnown)
    return { column: sql, literals: (text) => (canHold(type.charset, text) ? [mysqlLiteral(text)] : undefined) }
  return { column: mysqlTextSql(cell), literals: (text) => [mysqlLiteral(text)] }
}

const int64Max = 2n ** 63n - 1n
const uint64Max = 2n ** 64n - 1n

/** Numbers beyond the type would turn the whole list into decimals, which no index of integers serves. */
function integerLiterals({ isUnsigned }: MysqlType): Lookup['literals'] {
  return (text) => {
    if (!/^-?\d{1,20}$/.test(text)) return undefined
    const value = BigInt(text)
    const fits = isUnsigned === true ? value >= 0n && value <= uint64Max : value <= int64Max && value >= -int64Max - 1n
    return fits ? [String(value)] : undefined
  }
}

function decimalLiterals(text: string): readonly string[] | undefined {
  return /^-?\d{1,65}(?:\.\d{1,30})?$/.test(text) ? [text] : undefined
}

/** A float of four bytes is compared as the double that it is. */
function floatLiterals(kind: 'float4' | 'float8'): Lookup['literals'] {
  return (text) => {
    const number = kind === 'float4' ? Math.fround(Number(text)) : Number(text)
    return Number.isFinite(number) && text.trim() !== '' ? [number.toExponential()] : undefined
  }
}

function bytesLiterals(text: string): readonly string[] | undefined {
  const hex = text.replaceAll('-', '')
  return /^(?:[0-9a-f]{2})*$/.test(hex) ? [`x'${hex}'`] : undefined
}

function isInCalendar(text: string): boolean {
  const parts = /^(\d{4}-\d\d-\d\d)(?: ([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?)?$/.exec(text)
  const day = new Date(`${parts?.[1]}T00:00:00Z`)
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(parts![1]!)
}

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
}
