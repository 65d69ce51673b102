/**
 * Digests and hashes of a side whose rows can only be read one after the other (an API), or whose values must be
 * written in TypeScript before they can be hashed (lane `travel`). Rows are read once for the digests and, at least those
 * of the bad buckets, once more; nothing is held but one batch, the digests, and what is asked for.
 */
import { briefText, bucketOf, hash60, hashedText, rowText, type Spread, wholeBytesMost } from '../digest/digest.ts'
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
  StreamAsked,
  ValuedRow,
} from './sources/source.ts'
import { SummedDigests } from './summed-digests.ts'

type Rows = (how?: StreamAsked) => AsyncIterable<readonly ValuedRow[]>

/** What a scan asks of a side, by reading all its rows. */
export function streamedScan(rows: Rows, forms: Forms): Pick<SideReader, 'shardsMost' | 'digests' | 'hashes'> {
  return {
    shardsMost: 1,
    digests: (spread) => streamedDigests(rows, forms, spread),
    hashes: ({ spread, buckets }) => streamedHashes(rows, forms, { spread, buckets }),
  }
}

/** A side of which nothing can be asked but all its rows. */
export function streamedReader(described: Described, forms: Forms, stream: Rows): SideReader {
  return {
    ...described,
    ...streamedScan(stream, forms),
    forms,
    stream: ({ isBrief = false } = {}) => (isBrief ? briefRows(stream, forms) : stream()),
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

async function* briefRows(stream: Rows, forms: Forms): AsyncGenerator<ValuedRow[]> {
  for await (const batch of stream()) yield batch.map((row) => ({ ...row, values: briefed(row.values, forms) }))
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

/** One digest for each bucket, as `scanSql` computes them in lane `portable`. */
async function streamedDigests(rows: Rows, forms: Forms, spread: Spread): Promise<Digests> {
  const digests = new SummedDigests(spread)
  for await (const batch of rows())
    for (const row of batch) digests.addRow(bucketOf(spread, row.key), hashOf(row, forms))
  return digests
}

/** Key and hash of all rows in some buckets; each is hashed as it comes, for a row may be megabytes. */
async function streamedHashes(rows: Rows, forms: Forms, wanted: InBuckets): Promise<HashedRow[]> {
  const found: HashedRow[] = []
  for await (const row of rowsIn(rows, wanted))
    found.push({ key: row.key.map((part) => part ?? ''), hash: String(hashOf(row, forms)) })
  return found
}

async function* rowsIn(rows: Rows, inBuckets: InBuckets): AsyncGenerator<ValuedRow> {
  const { spread, buckets } = inBuckets
  const wanted = new Set<string | null>(buckets)
  // SQL knows the bucket of an integer; other keys may be written otherwise there, as floats are.
  const asked: StreamAsked = spread.byInteger ? { inBuckets } : {}
  for await (const batch of rows(asked)) for (const row of batch) if (wanted.has(bucketOf(spread, row.key))) yield row
}

function hashOf({ key, values }: ValuedRow, forms: Forms): bigint {
  return hash60(hashedText([...key, ...shortened(values)], [...forms.key, ...forms.columns]))
}

/**
 * Of long values their hashes are hashed, or a row of JSON of megabytes would be put together as one more text; which ones
 * those are is said behind them, so that no short value is taken for the hash that it spells.
 */
function shortened(values: ValuedRow['values']): ValuedRow['values'] {
  const isLong = (value: string | null) => value !== null && value.length > wholeBytesMost
  if (!values.some(isLong)) return values
  const places = values.flatMap((value, i) => (isLong(value) ? [i] : []))
  return [...values.map((value) => (isLong(value) ? String(hash60(value!)) : value)), places.join(' ')]
}
