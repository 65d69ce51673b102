/** Keys that digests tell: of buckets of two sides that differ by one row. */
import {
  bucketOf,
  type Digest,
  digestOf,
  isWholeDifference,
  type KeyRange,
  keySpread,
  type Spread,
  soleDifference,
} from '../digest/digest.ts'
import { noRows } from './scan-digests.ts'
import type { Digests, HashedRow, SideReader } from './sources/source.ts'

/** Two sides whose rows weigh in their digests by an integer key that an index finds. */
export interface Weighed {
  readonly readers: readonly Pick<SideReader, 'hashes'>[]
  readonly spread: Spread
  readonly digests: readonly Digests[]
  readonly within?: KeyRange
}

/**
 * The keys by their buckets. Digests say which row it would be, and its hashes on both sides say whether it is: whatever else
 * differs in a bucket, or was written since, makes it none of these. Of a thousand differences scattered over a million
 * rows that is nearly all, for the price of a lookup each; the rows of their buckets would be a tenth of the table.
 */
export async function soleKeys(
  { readers, spread, digests, within }: Weighed,
  suspects: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const guesses = suspects.flatMap((bucket) => {
    const [a = noRows, b = noRows] = digests.map((side) => side.get(bucket))
    const key = soleDifference(a, b)
    return key !== undefined && bucketOf(spread, [String(key)]) === bucket ? [{ bucket, key: String(key), a, b }] : []
  })
  if (guesses.length === 0) return new Map()
  const buckets = guesses.map(({ key }) => key)
  const asked = { spread: keySpread(spread), buckets, ...(within === undefined ? {} : { within }) }
  const held = await Promise.all(readers.map(async (reader) => hashesByKey(await reader.hashes(asked))))
  const sole = guesses.filter(({ key, a, b }) => {
    const [ofA = noRows, ofB = noRows] = held.map((side) => digestOfKey(key, side.get(key) ?? []))
    return isWholeDifference([a, b], [ofA, ofB])
  })
  return new Map(sole.map(({ bucket, key }) => [bucket, key]))
}

function hashesByKey(rows: readonly HashedRow[]): ReadonlyMap<string, readonly bigint[]> {
  const held = new Map<string, bigint[]>()
  for (const { key, hash } of rows) held.set(key[0]!, [...(held.get(key[0]!) ?? []), BigInt(hash)])
  return held
}

function digestOfKey(key: string, hashes: readonly bigint[]): Digest {
  return digestOf(
    hashes,
    hashes.map(() => BigInt(key)),
  )
}
