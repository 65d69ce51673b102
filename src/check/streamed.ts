/**
 * Digests, hashes and values of a side whose rows can only be read one after the other (an API), or whose values must be
 * written in TypeScript before they can be hashed (lane `travel`). Rows are read once for the digests and once more for
 * the bad buckets; nothing but one batch and the digests is held.
 */
import { bucketOf, type Digest, halvesProduct, hash60, rowText, type Spread } from '../digest/digest.ts'
import type { Digests, HashedRow, ValuedRow } from './sources/source.ts'

type Rows = () => AsyncIterable<readonly ValuedRow[]>

/** One digest for each bucket, as `scanSql` computes them in lane `md5`. */
export async function streamedDigests(rows: Rows, spread: Spread): Promise<Digests> {
  const digests = new Map<string | null, { rows: bigint; sum: bigint; product: bigint } & Digest>()
  for await (const batch of rows())
    for (const row of batch) {
      const bucket = bucketOf(spread, row.key)
      const digest = digests.get(bucket) ?? { rows: 0n, sum: 0n, product: 0n }
      digests.set(bucket, digest)
      const hash = hashOf(row)
      digest.rows += 1n
      digest.sum += hash
      digest.product += halvesProduct(hash)
    }
  return digests
}

/** Key and hash of all rows in some buckets. */
export async function streamedHashes(rows: Rows, spread: Spread, buckets: readonly string[]): Promise<HashedRow[]> {
  const found = await streamedValues(rows, spread, buckets)
  return found.map((row) => ({ key: row.key.map((part) => part ?? ''), hash: String(hashOf(row)) }))
}

/** Key and values of all rows in some buckets. */
export async function streamedValues(rows: Rows, spread: Spread, buckets: readonly string[]): Promise<ValuedRow[]> {
  const wanted = new Set<string | null>(buckets)
  const found: ValuedRow[] = []
  for await (const batch of rows()) for (const row of batch) if (wanted.has(bucketOf(spread, row.key))) found.push(row)
  return found
}

function hashOf({ key, values }: ValuedRow): bigint {
  return hash60(rowText([...key, ...values]))
}
