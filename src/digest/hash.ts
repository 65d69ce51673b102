/**
 * The portable hash: the first 60 bits of SHA-256 (docs/decisions/0008). Sixty, because both PostgreSQL and MySQL hold them in
 * a positive bigint and can add them exactly.
 */
import { hash } from 'node:crypto'
import type { Lane } from './lane.ts'

/** 15 hexadecimal digits. */
const hexDigits = 15

/** The first 60 bits of the SHA-256 of `text` in UTF-8; 0n <= hash < 2n ** 60n. */
export function hash60(text: string): bigint {
  return BigInt(`0x${hash('sha256', text).slice(0, hexDigits)}`)
}

/** The same in SQL, as a bigint; the cast to `bit(60)` takes the first 60 of 64 bits. */
export function hash60Sql(text: string): string {
  return `('x' || encode(substring(${sha256Sql(text)} from 1 for 8), 'hex'))::bit(60)::bigint`
}

/**
 * The SHA-256 of a text in UTF-8, as bytes. `textsend` gives the text in the encoding of the session, which checks set to
 * UTF-8: with `convert_to` the hashes of a million rows took a tenth longer.
 */
export function sha256Sql(text: string): string {
  return `sha256(textsend(${text}))`
}

/** The low half of a hash, and how far to shift for the other one. */
const halfBits = 32
const halfMask = 2n ** 32n - 1n
/** As many low bits of an integer key as weigh its row: their product with half a hash still is a positive bigint. */
const weightMask = 2n ** 31n - 1n

/**
 * How rows are folded into one digest: their number, the sum of their hashes, and a sum of products: the low half of a hash
 * times the low bits of the row's integer key, or times the high half where the key is no integer.
 *
 * Sums, because XOR hides pairs. Two of them for the fast hash, so that what one sum hides (equal shifts in opposite
 * directions, which a linear hash makes of two rows that swap a value) the other shows. Keys rather than halves, because
 * they tell which row it is where one alone differs (`soleDifference`).
 */
export interface Digest {
  readonly rows: bigint
  readonly sum: bigint
  readonly product: bigint
}

/** The digest of hashes, as PostgreSQL computes it with `digestColumnsSql`; with the integer keys of their rows where it does. */
export function digestOf(hashes: Iterable<bigint>, keys?: Iterable<bigint>): Digest {
  const weights = keys === undefined ? undefined : [...keys].map((key) => key & weightMask)
  let rows = 0n
  let sum = 0n
  let product = 0n
  for (const hash of hashes) {
    product += (weights?.[Number(rows)] ?? hash >> BigInt(halfBits)) * (hash & halfMask)
    sum += hash
    rows += 1n
  }
  return { rows, sum, product }
}

/** How much a row weighs in its digest, by its integer key. */
export function weightSql(key: string): string {
  return `(${key}::int8 & ${weightMask})`
}

/**
 * Aggregates `rows`, `sum` and `product` over a bigint column, and over weights where there are any; no product overflows
 * a bigint. A sum of portable hashes hides nothing that a second one would show: there the product is 0.
 */
export function digestColumnsSql(hash: string, lane: Lane, weight = `(${hash} >> ${halfBits})`): string {
  const product = lane === 'record' ? `sum(${weight} * (${hash} & ${halfMask}))::text` : `'0'`
  return `count(*)::text as rows, sum(${hash})::text as sum, ${product} as product`
}

/**
 * The key of the one row by which two digests with weights differ, if it is one: a row that only one side has, or that both
 * have with other values. A guess, since several rows may look like one: whoever asks must see that this key makes up
 * for the whole difference. Undefined where no key below 2^31 would.
 *
 * @example
 * soleDifference(digestOf([7n], [42n]), digestOf([], [])) // 42n
 */
export function soleDifference(a: Digest, b: Digest): bigint | undefined {
  const more = a.rows - b.rows
  if (more < -1n || more > 1n) return undefined
  const [sum, product] = [low64(a.sum - b.sum), low64(a.product - b.product)]
  const lowHalf = sum & halfMask
  // One hash alone keeps its sign; the difference of two is known but for that of its low half.
  const halves = more === 1n ? [lowHalf] : more === -1n ? [lowHalf - halfMask - 1n] : [lowHalf, lowHalf - halfMask - 1n]
  for (const half of halves) {
    if (half === 0n || product % half !== 0n) continue
    const key = product / half
    if (key >= 0n && key <= weightMask) return key
  }
  return undefined
}

/** Whether two wholes differ by just what two of their parts differ by. */
export function isWholeDifference(wholes: readonly [Digest, Digest], parts: readonly [Digest, Digest]): boolean {
  return (['rows', 'sum', 'product'] as const).every((of) => {
    const [whole, part] = [wholes, parts].map(([a, b]) => low64(a[of] - b[of]))
    return whole === part
  })
}

/** Digests of parts are summed up modulo 2^64; a difference of two is small, and known by that. */
function low64(difference: bigint): bigint {
  return BigInt.asIntN(64, difference)
}

/** Whether two digests say that the rows are the same. */
export function sameDigest(a: Digest, b: Digest): boolean {
  return a.rows === b.rows && a.sum === b.sum && a.product === b.product
}
