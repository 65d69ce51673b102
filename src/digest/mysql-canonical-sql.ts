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
  readonly isShort?: boolean
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
 * The text of cells that is hashed, one `concat`: `hashedText` in TypeScript. It is NULL only where a text outgrew
 * `max_allowed_packet`; whoever hashes must notice those rows, or a large value would look like NULL.
 */
export function mysqlHashedTextSql(cells: readonly MysqlCell[]): string {
  if (cells.length === 0) return "''"
  const parts = cells.map((cell) => {
    const isShort = cell.form?.isShort === true
    const part = isShort ? mysqlTextSql(cell) : `${octets(cell)},',',${mysqlTextSql(cell)}`
    // Not ifnull: a text that outgrew the limit is NULL as well, and must not be written as one.
    return cell.type.isNullable ? `if(${cell.sql} is null,'${isShort ? '~' : '-1'}',concat(${part}))` : part
  })
  return `concat(${parts.join(",',',")})`
}

/** The first 60 bits of SHA-256 in SQL, an unsigned bigint: `hash60` in TypeScript. */
export function mysqlHash60Sql(text: string): string {
  return `cast(conv(left(sha2(${text},256),15),16,10) as unsigned)`
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

/** More than all hashes of a table make together: each row that has none takes so much from the sum. */
const unhashed = 10n ** 39n

/** How many rows of a sum had no hash. */
export function mysqlUnhashedRows(sum: bigint): bigint {
  return sum < 0n ? (unhashed / 2n - sum) / unhashed : 0n
}

/**
 * Aggregates rows `n` and the sum `s` of hashes, negative when one of them could not be computed. Hashed once: a second
 * aggregate over the hash would compute it again, or need all of them in a table.
 */
export function mysqlDigestColumnsSql(hash: string): string {
  return `count(*) as n, cast(sum(coalesce(${hash},-${unhashed})) as char) as s`
}

/** The arguments of `concat` that write `<bytes>:<text>`. */
function prefixed(cell: MysqlCell): string {
  return `${octets(cell)},':',${mysqlTextSql(cell)}`
}

/** The bytes of a cell's text. */
function octets(cell: MysqlCell): string {
  const isBytes = kindOfMysql(cell.type) === 'bytes' && isOwnForm(cell)
  return isBytes ? `2 * octet_length(${cell.sql})` : `octet_length(${mysqlTextSql(cell)})`
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
