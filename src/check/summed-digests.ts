/**
 * The digests of many parts or of rows, summed up in place. A table of 25,000,000 rows has 130,000 buckets and parts by the dozen:
 * as objects that replace each other they took 100 MiB more than as numbers in arrays; and of a million rows each makes new sums.
 */
import type { Digest, Spread } from '../digest/digest.ts'
import type { Digests } from './sources/source.ts'

/** Sums modulo 2^64: what differs by a multiple of it is no likelier to be taken for equal than any two hashes. */
export class SummedDigests implements Digests {
  readonly #buckets: number
  readonly #rows: BigUint64Array
  readonly #sums: BigUint64Array
  readonly #products: BigUint64Array

  constructor({ buckets }: Spread) {
    this.#buckets = buckets
    // Buckets from -buckets to buckets, and one for rows without a key.
    const size = 2 * buckets + 2
    this.#rows = new BigUint64Array(size)
    this.#sums = new BigUint64Array(size)
    this.#products = new BigUint64Array(size)
  }

  add(part: Digests): void {
    for (const [bucket, { rows, sum, product }] of part) {
      const at = this.#placeOf(bucket)
      this.#rows[at]! += rows
      // Elements of these arrays are taken modulo 2^64.
      this.#sums[at]! += sum
      this.#products[at]! += product
    }
  }

  /** One row more, with a hash of lane `portable`. */
  addRow(bucket: string | null, hash: bigint): void {
    const at = this.#placeOf(bucket)
    this.#rows[at]! += 1n
    this.#sums[at]! += hash
  }

  get(bucket: string | null): Digest | undefined {
    const at = this.#placeOf(bucket)
    const rows = this.#rows[at]
    if (rows === undefined || rows === 0n) return undefined
    return { rows, sum: this.#sums[at]!, product: this.#products[at]! }
  }

  *keys(): Generator<string | null> {
    for (let at = 0; at < this.#rows.length; at += 1) if (this.#rows[at] !== 0n) yield this.#nameOf(at)
  }

  *[Symbol.iterator](): Generator<readonly [string | null, Digest]> {
    for (const bucket of this.keys()) yield [bucket, this.get(bucket)!]
  }

  #placeOf(bucket: string | null): number {
    return bucket === null ? 2 * this.#buckets + 1 : Number(bucket) + this.#buckets
  }

  #nameOf(at: number): string | null {
    return at === 2 * this.#buckets + 1 ? null : String(at - this.#buckets)
  }
}
