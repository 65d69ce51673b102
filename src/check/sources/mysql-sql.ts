/** One side of an invariant as SQL of MySQL and MariaDB: pure text, nothing is run here. */

import { refused } from '../../base/error.ts'
import {
  isBriefable,
  kindOfMysql,
  type MysqlCell,
  mysqlBriefSql,
  mysqlBucketSql,
  mysqlDigestColumnsSql,
  mysqlHash60Sql,
  mysqlHashedTextSql,
  mysqlTextSql,
  type Spread,
} from '../../digest/digest.ts'
import { columnNameOf, type Expression, expressionText, queryOf, type Side } from '../../invariant/invariant.ts'
import type { InBuckets } from './source.ts'

/** What the builders need: the side, and its expressions with types and forms. */
export interface MysqlSide {
  readonly side: Side
  readonly key: readonly MysqlCell[]
  readonly columns: readonly MysqlCell[]
}

/** `select list from rows`, with the side's own condition and perhaps others. */
export function selectMysql(side: Side, list: string, ...conditions: readonly (string | undefined)[]): string {
  // Newlines end a comment in the user's SQL, which would swallow our parenthesis.
  const rows = side.rows.kind === 'table' ? mysqlTable(side.rows.table) : `(${queryOf(side)}\n) as selvedge_rows`
  const all = [side.where === undefined ? undefined : `(${side.where}\n)`, ...conditions]
  const given = all.filter((part) => part !== undefined)
  return `select ${list} from ${rows}${given.length === 0 ? '' : ` where ${given.join(' and ')}`}`
}

/** One row per bucket: its number (NULL for rows without a key) and its digest. */
export function mysqlScanSql(from: MysqlSide, spread: Spread, condition?: string): string {
  const list = `${mysqlBucketSql(spread, from.key)} as selvedge_b, ${mysqlDigestColumnsSql(hashSql(from))}`
  return `${selectMysql(from.side, list, condition)} group by 1`
}

/** Key and hash of the rows for which the condition holds. */
export function mysqlHashesSql(from: MysqlSide, wanted: string): string {
  return selectMysql(from.side, `${keyList(from)}, cast(${hashSql(from)} as char) as h`, wanted)
}

/**
 * Key and columns of a row as they travel. With `hasAllDigits` values keep digits that their form would cut; with `isBrief`
 * long ones are their length and SHA-256, with `isBriefText` those that are texts. Bytes otherwise go as they are: their hex
 * would be NULL beyond half of `max_allowed_packet`.
 */
export function mysqlRowList(
  from: MysqlSide,
  { hasAllDigits = false, isBrief = false, isBriefText = false } = {},
): string {
  const columns = from.columns.map((cell, i) => {
    const whole = hasAllDigits && cell.form !== undefined ? { ...cell, form: { kind: cell.form.kind } } : cell
    const becomesBrief = isBriefCell(whole) && (isBrief || (isBriefText && !isBytes(whole)))
    return `${becomesBrief ? brief(whole) : travelling(whole)} as c${i}`
  })
  return [keyList(from), ...columns].filter((part) => part !== '').join(', ')
}

/** Whether a cell travels as `brief` writes it. */
export function isBriefCell({ type, form }: MysqlCell): boolean {
  return isBriefable(form?.kind ?? kindOfMysql(type))
}

/** Stands before the hex of bytes that travel brief, or alone for bytes whose hex outgrew `max_allowed_packet`. */
export const hexMark = 'x'

/** NULL only where the value is. */
function brief(cell: MysqlCell): string {
  if (!isBytes(cell)) return `cast(${mysqlBriefSql(mysqlTextSql(cell))} as char)`
  const hex = `concat('${hexMark}',${mysqlBriefSql(mysqlTextSql(cell))})`
  return `cast(if(${cell.sql} is null,null,coalesce(${hex},'')) as char)`
}

/** The key of a row as it travels, k0, k1 … */
export function keyList(from: Pick<MysqlSide, 'key'>): string {
  return from.key.map((cell, i) => `${travelling(cell)} as k${i}`).join(', ')
}

/** Every column of a side's rows, beside others in one list. */
export function allColumns({ rows }: Side): string {
  return `${rows.kind === 'table' ? mysqlTable(rows.table) : 'selvedge_rows'}.*`
}

/** Distinct columns of rows where none is NULL, and how many rows have them. */
export function mysqlReferencesSql(from: MysqlSide): string {
  const isGiven = from.columns.map((cell) => `${cell.sql} is not null`).join(' and ')
  const list = from.columns.map((cell, i) => `${grouped(cell)} as c${i}`).join(', ')
  return `${selectMysql(from.side, `${list}, count(*) as n`, isGiven)} group by ${from.columns.map((_, i) => i + 1).join(', ')}`
}

/** A name is quoted as it is; anything else is the user's own SQL, kept together by parentheses. */
export function mysqlExpression(expression: Expression): string {
  const name = columnNameOf(expression)
  return name === undefined ? `(${expressionText(expression)}\n)` : quoteMysql(name)
}

/** The parts of `table`, `database.table`, `"Odd.Name"."Table"` or the same in backticks. */
export function mysqlTableParts(name: string): readonly string[] {
  const parts = name.match(/"(?:[^"]|"")*"|`(?:[^`]|``)*`|[^.]+/g) ?? ['']
  return parts.map((part) => {
    const quote = part[0]
    if (part.length < 2 || (quote !== '"' && quote !== '`')) return part
    return part.slice(1, -1).replaceAll(quote + quote, quote)
  })
}

/** A table's name, quoted. */
export const mysqlTable = (name: string) => mysqlTableParts(name).map(quoteMysql).join('.')

/** MySQL's own limit, in characters. */
const identifierMost = 64

/**
 * A quoted identifier.
 *
 * @throws refused `check/bad-identifier` when it is empty, holds a NUL or is longer than 64 characters.
 */
export function quoteMysql(name: string): string {
  if (name === '' || name.includes('\0') || name.length > identifierMost)
    throw refused(
      'check/bad-identifier',
      `${JSON.stringify(name)} is not a name MySQL can hold.`,
      `Use 1 to ${identifierMost} characters without NUL.`,
      { name },
    )
  return `\`${name.replaceAll('`', '``')}\``
}

/** A quoted text. Backslashes are doubled, as our sql_mode reads them. */
export function mysqlLiteral(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\0', '\\0')}'`
}

/** Whether a cell travels as bytes. */
export function isBytes({ type }: MysqlCell): boolean {
  return kindOfMysql(type) === 'bytes'
}

function travelling(cell: MysqlCell): string {
  if (!isBytes(cell)) return `cast(${mysqlTextSql(cell)} as char)`
  // The driver would make an object of a geometry, and all objects are one text.
  return cell.type.name === 'geometry' ? `cast(${cell.sql} as binary)` : cell.sql
}

/** Grouped byte by byte: by their collation 'A', 'a' and 'a ' would be one reference. Numbers and days need no such care. */
function grouped(cell: MysqlCell): string {
  const isPlain = /^(?:integer|boolean|date)$/.test(kindOfMysql(cell.type)) && mysqlTextSql(cell) === cell.sql
  if (isBytes(cell)) return travelling(cell)
  return isPlain ? cell.sql : mysqlBytesSql(cell)
}

/** The bytes of a cell's text, which no collation takes for one another. */
export function mysqlBytesSql(cell: MysqlCell): string {
  return `cast(${mysqlTextSql(cell)} as binary)`
}

function hashSql(from: MysqlSide): string {
  return mysqlHash60Sql(mysqlHashedTextSql([...from.key, ...from.columns]))
}

/** The rows of some buckets, by reading all. */
export function inMysqlBuckets(from: MysqlSide, { spread, buckets }: InBuckets): string {
  return `${mysqlBucketSql(spread, from.key)} in (${buckets.map((bucket) => BigInt(bucket)).join(',')})`
}
