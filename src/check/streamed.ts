/**
 * Digests, hashes and values of a side whose rows can only be read one after the other (an API), or whose values must be
 * written in TypeScript before they can be hashed (lane `travel`). Rows are read once for the digests and once more for
 * the bad buckets; nothing but one batch and the digests is held.
 */
import { briefText, bucketOf, type Digest, hash60, hashedText, rowText, type Spread } from '../digest/digest.ts'
import { byRowText, heldOf } from './images.ts'
import type {
  Described,
  Digests,
  Forms,
  HashedRow,
  InBuckets,
  Keys,
  ReferenceBatch,
  SideReader,
  ValuedRow,
} from './sources/source.ts'

type Rows = () => AsyncIterable<readonly ValuedRow[]>

/** What a scan asks of a side, by reading all its rows. */
export function streamedScan(
  rows: Rows,
  forms: Forms,
): Pick<SideReader, 'shardsMost' | 'digests' | 'hashes' | 'values'> {
  return {
    shardsMost: 1,
    digests: (spread) => streamedDigests(rows, forms, spread),
    hashes: ({ spread, buckets }) => streamedHashes(rows, forms, { spread, buckets }),
    values: (wanted) => streamedValues(rows, wanted),
  }
}

/** A side of which nothing can be asked but all its rows. */
export function streamedReader(described: Described, forms: Forms, stream: Rows): SideReader {
  return {
    ...described,
    ...streamedScan(stream, forms),
    forms,
    stream,
    rows: async (keys, { isBrief = false } = {}) => {
      const asked = new Set(keys.map(rowText))
      const found: ValuedRow[] = []
      for await (const row of each(stream))
        if (asked.has(rowText(row.key))) found.push(isBrief ? { ...row, values: briefed(row.values, forms) } : row)
      return heldOf(found)
    },
    references: () => referencesOf(stream),
    missing: async (keys: Keys) => {
      const gone = new Set(keys.map(rowText))
      for await (const { key } of each(stream)) gone.delete(rowText(key))
      return gone
    },
    keysOf: async (references, most) => {
      const wanted = new Set(references.map(rowText))
      const keys: string[][] = []
      for await (const { key, values } of each(stream))
        if (wanted.has(rowText(values))) keys.push(key.map((part) => part ?? ''))
      return keys.sort(byRowText).slice(0, most)
    },
  }
}

/** Values as a verdict needs them: of long ones only what tells them apart is kept. */
export function briefed(values: ValuedRow['values'], { columns }: Forms): (string | null)[] {
  return values.map((value, i) => briefText(columns[i] ?? 'text', value))
}

async function* each(stream: Rows): AsyncGenerator<ValuedRow> {
  for await (const batch of stream()) yield* batch
}

async function* referencesOf(stream: Rows): AsyncGenerator<ReferenceBatch> {
  for await (const batch of stream()) {
    const named = batch.map(({ values }) => values).filter((row): row is readonly string[] => !row.includes(null))
    yield { references: [...new Map(named.map((row) => [rowText(row), row])).values()], rows: named.length }
  }
}

/** One digest for each bucket, as `scanSql` computes them in lane `md5`. */
async function streamedDigests(rows: Rows, forms: Forms, spread: Spread): Promise<Digests> {
  const digests = new Map<string | null, { rows: bigint; sum: bigint } & Digest>()
  for await (const batch of rows())
    for (const row of batch) {
      const bucket = bucketOf(spread, row.key)
      const digest = digests.get(bucket) ?? { rows: 0n, sum: 0n, product: 0n }
      digests.set(bucket, digest)
      digest.rows += 1n
      digest.sum += hashOf(row, forms)
    }
  return digests
}

/** Key and hash of all rows in some buckets. */
async function streamedHashes(rows: Rows, forms: Forms, wanted: InBuckets): Promise<HashedRow[]> {
  const found = await streamedValues(rows, wanted)
  return found.map((row) => ({ key: row.key.map((part) => part ?? ''), hash: String(hashOf(row, forms)) }))
}

/** Key and values of all rows in some buckets. */
async function streamedValues(rows: Rows, { spread, buckets }: InBuckets): Promise<ValuedRow[]> {
  const wanted = new Set<string | null>(buckets)
  const found: ValuedRow[] = []
  for await (const batch of rows()) for (const row of batch) if (wanted.has(bucketOf(spread, row.key))) found.push(row)
  return found
}

function hashOf({ key, values }: ValuedRow, forms: Forms): bigint {
  return hash60(hashedText([...key, ...values], [...forms.key, ...forms.columns]))
}
