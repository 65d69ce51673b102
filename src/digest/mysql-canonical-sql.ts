/**
 * Canonical text in MySQL and MariaDB, byte for byte what `canonical-sql.ts` writes in PostgreSQL and `canonical.ts` in
 * TypeScript; a property test over both servers holds the three together.
 *
 * The expressions need the session of `mysqlSettings`: text of a TIMESTAMP follows the time zone, `||` and double quotes
 * follow sql_mode. Floats and JSON are written as the engine writes them; between engines they travel and are written in
 * TypeScript. `0000-00-00` is a text of its own: neither NULL nor any day.
 */
import { rowsPerBucket, type Spread, singleBucket } from './bucket.ts'
import type { Kind } from './kind.ts'
import { kindOfMysql, type MysqlType } from './mysql-type.ts'

/** How all sides of a comparison write a value: its kind, and the digits of the coarsest side. */
interface TextForm {
  readonly kind: Kind
  readonly digits?: number
}

/** A key part or a column: an SQL expression, its type, and the form in which it is written (its own by default). */
export interface MysqlCell {
  readonly sql: string
  readonly type: MysqlType
  readonly form?: TextForm
}

/** What a session must set before the expressions mean what they say. */
export const mysqlSettings: Readonly<Record<string, string>> = { time_zone: "'+00:00'", sql_mode: "''" }

/** Charsets whose bytes are those of utf8mb4 already, so that nothing need be converted. */
const isUtf8 = (charset: string | undefined) => /^(?:utf8(?:mb[34])?|ascii)$/.test(charset ?? '')

/**
 * The canonical text of a cell as an SQL expression; NULL stays NULL.
 *
 * @example
 * mysqlTextSql({ sql: '`paid`', type: { name: 'datetime', digits: 0, isNullable: true } }) // '`paid`'
 */
export function mysqlTextSql(cell: MysqlCell): string {
  return writers[kindOfMysql(cell.type)](cell)
}

/**
 * The row text of cells, one `concat`: `rowText` in TypeScript. It is NULL only where a text outgrew
 * `max_allowed_packet`; whoever hashes must count those rows, or a large value would look like NULL.
 */
export function mysqlRowTextSql(cells: readonly MysqlCell[]): string {
  if (cells.length === 0) return "''"
  const parts = cells.map((cell) => {
    const part = prefixed(cell)
    // Not ifnull: a text that outgrew the limit is NULL as well, and must not be written as one.
    return cell.type.isNullable ? `if(${cell.sql} is null,'~',concat(${part}))` : part
  })
  return `concat(${parts.join(',')})`
}

/** The first 60 bits of md5 in SQL, an unsigned bigint: `hash60` in TypeScript. */
export function mysqlHash60Sql(text: string): string {
  return `cast(conv(left(md5(${text}),15),16,10) as unsigned)`
}

/** The number of a row's bucket, as `bucketSql` computes it in PostgreSQL; NULL when a part of the key is NULL. */
export function mysqlBucketSql(
  { buckets, byInteger, width = rowsPerBucket }: Omit<Spread, 'lane'>,
  key: readonly MysqlCell[],
): string {
  if (buckets === singleBucket) return `if(${key.map((cell) => `${cell.sql} is null`).join(' or ')},null,0)`
  if (byInteger) return `mod(${mysqlTextSql(key[0]!)} div ${width},${buckets})`
  return `mod(${mysqlHash60Sql(`concat(${key.map(prefixed).join(',')})`)},${buckets})`
}

/** Aggregates `rows`, `hashed` (rows whose hash could be computed), `sum` and `product` over a column of hashes. */
export function mysqlDigestColumnsSql(hash: string): string {
  const product = `(${hash} >> 32) * (${hash} & 4294967295)`
  return `count(*) as n, count(${hash}) as hashed, cast(sum(${hash}) as char) as s, cast(sum(${product}) as char) as p`
}

/** The arguments of `concat` that write `<bytes>:<text>`. */
function prefixed(cell: MysqlCell): string {
  const kind = kindOfMysql(cell.type)
  if (kind === 'timestamp' && isOwnForm(cell)) return prefixedTimestamp(cell)
  if (kind === 'bytes' && isOwnForm(cell)) return `2 * octet_length(${cell.sql}),':',${mysqlTextSql(cell)}`
  const text = mysqlTextSql(cell)
  return `octet_length(${text}),':',${text}`
}

function isOwnForm({ type, form }: MysqlCell): boolean {
  return form === undefined || form.kind === kindOfMysql(type)
}

const writers: Readonly<Record<Kind, (cell: MysqlCell) => string>> = {
  integer: integerText,
  boolean: integerText,
  decimal: decimalText,
  // Not plus zero, which makes 0 of -0.
  float8: ({ sql, type }) => (type.isZerofill === true ? `(${sql} * 1e0)` : sql),
  // As a double it shows all its digits; by itself MySQL shows six.
  float4: ({ sql }) => `(${sql} * 1e0)`,
  text: textText,
  timestamp: timestampText,
  date: ({ sql, form }) => (form?.kind === 'timestamp' ? `concat(${sql},' 00:00:00')` : sql),
  uuid: ({ sql }) => `lower(${sql})`,
  bytes: bytesText,
  json: textText,
}

/** Plain columns are their own text; a year, bits and leading zeros become numbers first. */
function integerText({ sql, type }: MysqlCell): string {
  return type.isZerofill === true || type.name === 'bit' || type.name === 'year' ? `(${sql} + 0)` : sql
}

function decimalText({ sql, type, form }: MysqlCell): string {
  const own = type.digits
  const plain = type.isZerofill === true ? `(${sql} + 0)` : sql
  const isCut = form?.kind === 'decimal' && form.digits !== undefined && (own === undefined || form.digits < own)
  const digits = isCut ? form?.digits : own
  const value = isCut ? `round(${plain},${digits})` : plain
  if (digits === 0) return value
  const trimmed = trimmedText(value)
  return digits === undefined ? `if(locate('.',${value}) = 0,${value},${trimmed})` : trimmed
}

/** A text with a point, without trailing zeros and without a point at its end. */
function trimmedText(text: string): string {
  return `trim(trailing '.' from trim(trailing '0' from ${text}))`
}

/** Types that are written in ASCII and have no charset of their own. */
const ownText: ReadonlySet<string> = new Set(['time', 'inet4', 'inet6'])

function textText({ sql, type, form }: MysqlCell): string {
  if (type.name === 'time') return type.digits === 0 ? sql : trimmedText(sql)
  const text = isUtf8(type.charset) || ownText.has(type.name) ? sql : `convert(${sql} using utf8mb4)`
  return form?.kind === 'uuid' ? `lower(${text})` : text
}

/** `2026-01-31 08:00:00` always has this many characters: years have four digits in MySQL. */
const secondsLength = 19
const digitsMost = 6

function timestampDigits({ type, form }: MysqlCell): { own: number; shown: number } {
  const own = type.digits ?? digitsMost
  return { own, shown: Math.min(own, form?.kind === 'timestamp' ? (form.digits ?? own) : own) }
}

function timestampText(cell: MysqlCell): string {
  const { own, shown } = timestampDigits(cell)
  const { sql } = cell
  if (shown === 0) return own === 0 ? sql : `left(${sql},${secondsLength})`
  return `if(microsecond(${sql}) = 0,left(${sql},${secondsLength}),${withFraction(sql, own, shown)})`
}

/** Whole seconds are told apart first: they are most of what is there, and nothing need be trimmed (0.13 s of a million). */
function prefixedTimestamp(cell: MysqlCell): string {
  const { own, shown } = timestampDigits(cell)
  const seconds = `'${secondsLength}:',left(${cell.sql},${secondsLength})`
  if (shown === 0) return seconds
  const text = withFraction(cell.sql, own, shown)
  return `if(microsecond(${cell.sql}) = 0,concat(${seconds}),concat(octet_length(${text}),':',${text}))`
}

function withFraction(sql: string, own: number, shown: number): string {
  return trimmedText(shown < own ? `left(${sql},${secondsLength + 1 + shown})` : sql)
}

/** Where the dashes of a uuid go into its 32 digits, each counted with those before it. */
const dashes = [9, 14, 19, 24]

function bytesText({ sql, form }: MysqlCell): string {
  const hex = `lower(hex(${sql}))`
  if (form?.kind !== 'uuid') return hex
  const uuid = dashes.reduce((text, at) => `insert(${text},${at},0,'-')`, hex)
  return `if(octet_length(${sql}) = 16,${uuid},${hex})`
}
