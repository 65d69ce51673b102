/**
 * Buckets: rows are spread by their key over so many groups that one differing row makes few others be fetched.
 * The remainder of a hash (or of an integer key) needs no order, no index and no bounds, so a row beyond the largest
 * key of the other side is in a bucket like any other.
 */

import { canonicalSql } from './canonical-sql.ts'
import type { ColumnType, Form } from './form.ts'
import { hash60, hash60Sql } from './hash.ts'
import type { PostgresType } from './kind.ts'
import type { Lane } from './lane.ts'
import { recordHashSql } from './record.ts'
import { hashedTextSql, rowText, rowTextSql } from './row-text.ts'

/** A key or a column: an SQL expression, its type, and the form in which all sides write it (its own by default). */
export interface Cell {
  readonly sql: string
  readonly type: PostgresType
  readonly form?: Form
}

/** About this many rows share a bucket. A thousand scattered differences among a million rows spoil nearly a thousand
 * buckets: with 100 rows each a tenth of the table is looked into, with 1,000 nearly all of it (5.4 s against 2.4 s). */
export const rowsPerBucket = 100
/** Below, a bucket per row would only cost bytes; above, the answer itself would grow beyond some megabytes. */
const bucketsMin = 31
const bucketsMax = 65_521

/** How many buckets for about `rows` rows; a prime, because integer keys often share a factor. */
export function bucketCount(rows: number): number {
  const wanted = Math.min(bucketsMax, Math.max(bucketsMin, Math.ceil(rows / rowsPerBucket)))
  for (let candidate = wanted; ; candidate += 1) if (isPrime(candidate)) return candidate
}

/** How rows are spread over buckets; all sides of a comparison must do it alike. */
export interface Spread {
  readonly lane: Lane
  readonly buckets: number
  /**
   * The key itself instead of its hash: cheaper, and possible when the key is one integer on all sides. Then `width`
   * neighbors share a bucket, so that the rows of a bad one are a range of the key's index.
   */
  readonly byInteger: boolean
  /** `rowsPerBucket` by default. */
  readonly width?: number
}

/**
 * The same rows spread more finely, for looking into buckets that differ: each ten neighbors have a bucket of their own.
 * For integer keys only.
 */
export function finerSpread(spread: Spread): Spread {
  return { ...spread, buckets: bucketsEndless, width: 10 }
}

/** The same rows with a bucket for each integer key: how the rows of some keys are asked for. */
export function keySpread(spread: Spread): Spread {
  return { ...spread, buckets: bucketsEndless, width: 1 }
}

/** No remainder is ever taken by it: ten neighbors of any bigint. */
const bucketsEndless = 9_007_199_254_740_881

/** The bucket of a row in SQL: an integer between -buckets and buckets, NULL when part of the key is NULL. */
export function bucketSql(spread: Spread, key: readonly Cell[]): string {
  if (spread.byInteger) return integerBucketSql(spread, key[0]!.sql)
  if (spread.lane !== 'record')
    return textBucketSql(
      spread,
      key.map((cell) => canonicalSql(cell.type, cell.sql, cell.form)),
    )
  const missing = key.map((cell) => `${cell.sql} is null`).join(' or ')
  if (spread.buckets === singleBucket) return `case when ${missing} then null else 0 end`
  return `case when ${missing} then null else mod(${recordHashSql(key)}, ${spread.buckets}) end`
}

/** One bucket for all rows: asks only whether anything differs, and spares the servers a division a row. */
export const singleBucket = 1

/** The bucket of an integer key. */
export function integerBucketSql({ buckets, width = rowsPerBucket }: Spread, key: string): string {
  if (buckets === singleBucket) return `case when ${key} is null then null else 0 end`
  return `mod(${key}::int8 / ${width}, ${buckets})`
}

/** The bucket of a key whose parts are canonical text already. */
export function textBucketSql({ buckets }: Spread, texts: readonly string[]): string {
  const missing = texts.map((text) => `${text} is null`).join(' or ')
  if (buckets === singleBucket) return `case when ${missing} then null else 0 end`
  return `case when ${missing} then null else mod(${hash60Sql(rowTextSql(texts))}, ${buckets}) end`
}

/** Whether a key can be spread by its own remainder. */
export function isIntegerKey(key: readonly ColumnType[]): boolean {
  return key.length === 1 && key[0]!.kind === 'integer'
}

/** The bucket of a row in TypeScript, as `bucketSql` computes it in lane `portable`. */
export function bucketOf(
  { buckets, byInteger, width = rowsPerBucket }: Spread,
  key: readonly (string | null)[],
): string | null {
  if (key.includes(null)) return null
  if (byInteger) return integerBucketOf(key[0]!, width, buckets)
  return String(hash60(rowText(key)) % BigInt(buckets))
}

/** Numbers where they are exact, for they take a third of the time; quotients of integers below 2^53 are cut as they should be. */
function integerBucketOf(key: string, width: number, buckets: number): string {
  const number = Number(key)
  if (!Number.isSafeInteger(number)) return String((BigInt(key) / BigInt(width)) % BigInt(buckets))
  return String(Math.trunc(number / width) % buckets)
}

/** The hash of a whole row in SQL, a bigint. The key is part of it: two rows that swap all their values differ. */
export function rowHashSql(lane: Lane, cells: readonly Cell[]): string {
  if (lane === 'record') return recordHashSql(cells)
  const texts = cells.map((cell) => canonicalSql(cell.type, cell.sql, cell.form))
  return hash60Sql(
    hashedTextSql(
      texts,
      cells.map(({ form }) => form),
    ),
  )
}

/**
 * The place of a key in its order, where the order is that of numbers: an integer, or a uuid as the number of its digits.
 *
 * @example
 * ordinalOf('00000000-0000-0000-0000-0000000000ff') // 255n
 */
export function ordinalOf(key: string): bigint {
  return isUuid(key) ? BigInt(`0x${key.replaceAll('-', '')}`) : BigInt(key)
}

/** The uuid of a place; the last one for places beyond. */
export function uuidAt(ordinal: bigint): string {
  const bounded = ordinal < 0n ? 0n : ordinal > uuidLast ? uuidLast : ordinal
  const hex = bounded.toString(16).padStart(32, '0')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

const uuidLast = 2n ** 128n - 1n
const isUuid = (key: string) => key.length === 36 && key[8] === '-'

/** Whether a key is one integer or one uuid. */
export function isOrdinalKey(key: readonly ColumnType[]): boolean {
  return key.length === 1 && (key[0]!.kind === 'integer' || key[0]!.kind === 'uuid')
}

/** Keys from `from` to `to`, both included. */
export interface KeyRange {
  readonly from: bigint
  readonly to: bigint
}

/** The least and the greatest of some keys, by their places. */
export interface KeyBounds {
  readonly least: bigint
  readonly greatest: bigint
}

/**
 * The ranges of integer keys that the given buckets hold between `least` and `greatest`; undefined when there are more than
 * `most`, because the keys are sparse. Division truncates to zero in all engines, so the bucket around zero is twice as wide.
 */
export function bucketRanges(
  { buckets, width: wide = rowsPerBucket }: Spread,
  names: readonly string[],
  keys: KeyBounds,
  most: number,
): KeyRange[] | undefined {
  const width = BigInt(wide)
  const count = BigInt(buckets)
  const [low, high] = [keys.least / width, keys.greatest / width]
  if (((high - low) / count + 1n) * BigInt(names.length) > BigInt(most)) return undefined
  const ranges: KeyRange[] = []
  for (const name of names) {
    const bucket = BigInt(name)
    for (let q = low + ((((bucket - low) % count) + count) % count); q <= high; q += count)
      // A remainder has the sign of what is divided: bucket -3 holds no positive keys.
      if (q % count === bucket) ranges.push(rangeOf(q, width))
  }
  return ranges
}

function rangeOf(quotient: bigint, width: bigint): KeyRange {
  if (quotient > 0n) return { from: quotient * width, to: quotient * width + width - 1n }
  if (quotient < 0n) return { from: quotient * width - width + 1n, to: quotient * width }
  return { from: 1n - width, to: width - 1n }
}

function isPrime(n: number): boolean {
  for (let factor = 2; factor * factor <= n; factor += 1) if (n % factor === 0) return false
  return n > 1
}
