/**
 * The portable hash: the first 60 bits of md5. Sixty, because both PostgreSQL and MySQL hold them in a positive bigint
 * and can add them exactly. md5 is no defense against an adversary and need not be one: rows are compared, not signed.
 */
import { createHash } from 'node:crypto'
import type { Lane } from './lane.ts'

/** 15 hexadecimal digits. */
const hexDigits = 15

/** The first 60 bits of the md5 of `text` in UTF-8; 0n <= hash < 2n ** 60n. */
export function hash60(text: string): bigint {
  return BigInt(`0x${createHash('md5').update(text).digest('hex').slice(0, hexDigits)}`)
}

/** The same in SQL, as a bigint. */
export function hash60Sql(text: string): string {
  return `('x' || substr(md5(${text}), 1, ${hexDigits}))::bit(60)::bigint`
}

/** The low half of a hash, and how far to shift for the other one. */
const halfBits = 32
const halfMask = 2n ** 32n - 1n

/**
 * How rows are folded into one digest: their number, the sum of their hashes, and the sum of high half times low half.
 *
 * Sums, because XOR hides pairs. Two of them for the fast hash, so that what one sum hides (equal shifts in opposite
 * directions, which a linear hash makes of two rows that swap a value) the other shows.
 */
export interface Digest {
  readonly rows: bigint
  readonly sum: bigint
  readonly product: bigint
}

/** The digest of hashes, as PostgreSQL computes it with `digestColumnsSql`. */
export function digestOf(hashes: Iterable<bigint>): Digest {
  let rows = 0n
  let sum = 0n
  let product = 0n
  for (const hash of hashes) {
    rows += 1n
    sum += hash
    product += halvesProduct(hash)
  }
  return { rows, sum, product }
}

/** High half times low half of a hash: what makes two rows that swap a value differ from the same rows unswapped. */
export function halvesProduct(hash: bigint): bigint {
  return (hash >> BigInt(halfBits)) * (hash & halfMask)
}

/**
 * Aggregates `rows`, `sum` and `product` over a bigint column; the product of two halves cannot overflow a bigint. A sum of
 * md5 hides nothing that a second one would show: there the product is 0.
 */
export function digestColumnsSql(hash: string, lane: Lane): string {
  const product = lane === 'record' ? `sum((${hash} >> ${halfBits}) * (${hash} & ${halfMask}))::text` : `'0'`
  return `count(*)::text as rows, sum(${hash})::text as sum, ${product} as product`
}

/** Whether two digests say that the rows are the same. */
export function sameDigest(a: Digest, b: Digest): boolean {
  return a.rows === b.rows && a.sum === b.sum && a.product === b.product
}
