/**
 * Finds the keys that may violate an invariant: one bucket scan per side, then the keys of the bad buckets. What it
 * finds are candidates: the sides are read at different moments, so each is read again before anything is said.
 */
import {
  bucketCount,
  type Digest,
  isIntegerKey,
  kindOf,
  type Lane,
  rowText,
  type Spread,
  sameDigest,
} from '../digest/digest.ts'
import type { Relation } from '../invariant/invariant.ts'
import type { Shape } from './compare.ts'
import { holds } from './compare.ts'
import { bucketRowsSql, bucketValuesSql, type SideReader, scanSql } from './side-reader.ts'

/** Rows of one side that are held at a time: some tens of megabytes of keys and hashes. */
const rowsPerFetch = 100_000
/**
 * Candidates of one invariant. Beyond it the declaration or a whole feed is broken, a person reads no longer list, and
 * every further key would only cost the databases; the report says that it stopped.
 */
export const candidatesMax = 10_000

/** What a scan found. */
export interface Scan {
  /** Keys to read again, sorted. */
  readonly keys: readonly (readonly string[])[]
  /** Rows of the largest side. */
  readonly rows: number
  /** Rows of any side whose key is NULL: they cannot be compared. */
  readonly rowsWithoutKey: readonly { readonly side: string; readonly rows: number }[]
  /** True when the scan stopped at `candidatesMax`. */
  readonly stopped: boolean
  /** True when nearly all of what was looked at differs: then the declaration is suspected before the data. */
  readonly nearlyAll: boolean
}

/** Scans an invariant of kind replicaOf, agree or correspondsTo. */
export async function scan(shape: Shape, readers: readonly SideReader[]): Promise<Scan> {
  const buckets = bucketCount(Math.max(...readers.map((reader) => reader.rowsAbout)))
  const byInteger = readers.every((reader) => isIntegerKey(reader.key))
  const spread: Spread = { lane: await laneOf(readers), buckets, byInteger }
  const digests = await Promise.all(readers.map((reader) => bucketDigests(reader, spread)))
  const rowsWithoutKey = digests.flatMap((found, s) => {
    const rows = Number(found.get(null)?.rows ?? 0n)
    return rows === 0 ? [] : [{ side: readers[s]!.name, rows }]
  })
  const { all, suspects } = badBuckets(shape.relation, digests)
  const drilled = await drill({ shape, readers, spread, digests }, suspects)
  const rows = Math.max(...digests.map((found) => total(found, [...found.keys()])))
  const nearlyAll = suspects.length >= all * 0.9 && drilled.keys.length >= drilled.rows * 0.9
  return { keys: drilled.keys, rows, rowsWithoutKey, stopped: drilled.stopped, nearlyAll }
}

type Digests = ReadonlyMap<string | null, Digest>

interface Plan {
  readonly shape: Shape
  readonly readers: readonly SideReader[]
  readonly spread: Spread
  readonly digests: readonly Digests[]
}

/** The fast lane where all sides hash alike and hold the same kinds, else md5 over canonical text. */
async function laneOf(readers: readonly SideReader[]): Promise<Lane> {
  const probes = await Promise.all(readers.map((reader) => reader.source.hashProbe()))
  const kinds = readers.map((reader) => [...reader.key, ...reader.columns].map((cell) => kindOf(cell.type)).join())
  return new Set(probes).size === 1 && new Set(kinds).size === 1 ? 'record' : 'md5'
}

async function bucketDigests(reader: SideReader, spread: Spread): Promise<Digests> {
  const { rows } = await reader.source.read((snapshot) =>
    snapshot.query<{ bucket: string | null; rows: string; sum: string; product: string }>(scanSql(reader, spread)),
  )
  return new Map(
    rows.map((row) => [row.bucket, { rows: BigInt(row.rows), sum: BigInt(row.sum), product: BigInt(row.product) }]),
  )
}

const noRows: Digest = { rows: 0n, sum: 0n, product: 0n }

/** Which buckets to look into. Where only some pairs of states may be, equal digests mean nothing: all of them. */
function badBuckets(relation: Relation, digests: readonly Digests[]): { all: number; suspects: string[] } {
  const names = new Set(digests.flatMap((found) => [...found.keys()].filter((name) => name !== null)))
  const byState = relation.kind === 'correspondsTo' && relation.allowed !== undefined
  const suspects = [...names].filter((name) => {
    const [first = noRows, ...others] = digests.map((found) => found.get(name) ?? noRows)
    return byState || others.some((other) => !sameDigest(first, other))
  })
  return { all: names.size, suspects: suspects.sort((a, b) => Number(a) - Number(b)) }
}

/** Looks into buckets, some at a time, until all are done or there are too many candidates. */
async function drill(
  plan: Plan,
  suspects: readonly string[],
): Promise<{ keys: readonly string[][]; rows: number; stopped: boolean }> {
  const keys = new Map<string, string[]>()
  let rows = 0
  let next = 0
  while (next < suspects.length && keys.size <= candidatesMax) {
    const batch = takeBatch(plan.digests, suspects, next)
    next += batch.length
    rows += Math.max(...plan.digests.map((found) => total(found, batch)))
    for (const key of await differingKeys(plan, batch)) keys.set(rowText(key), key)
  }
  const sorted = [...keys].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, key]) => key)
  return {
    keys: sorted.slice(0, candidatesMax),
    rows,
    stopped: next < suspects.length || sorted.length > candidatesMax,
  }
}

function takeBatch(digests: readonly Digests[], suspects: readonly string[], from: number): string[] {
  const batch: string[] = []
  let rows = 0
  for (const name of suspects.slice(from)) {
    rows += Math.max(...digests.map((found) => total(found, [name])))
    if (batch.length > 0 && rows > rowsPerFetch) break
    batch.push(name)
  }
  return batch
}

function total(digests: Digests, names: readonly (string | null)[]): number {
  return names.reduce((sum, name) => sum + Number(digests.get(name)?.rows ?? 0n), 0)
}

type Fetched = Readonly<Record<string, string | null>>

/** The keys of some buckets that differ between the sides, by hash, or by state where only some pairs may be. */
async function differingKeys(plan: Plan, buckets: readonly string[]): Promise<string[][]> {
  const { shape, readers, spread } = plan
  const byState = shape.relation.kind === 'correspondsTo' && shape.relation.allowed !== undefined
  const sql = byState ? bucketValuesSql : bucketRowsSql
  const fetched = await Promise.all(
    readers.map(async (reader) => {
      const answer = await reader.source.read((snapshot) => snapshot.query<Fetched>(sql(reader, spread), [buckets]))
      return answer.rows
    }),
  )
  const held = new Map<string, { key: string[]; values: (string | null)[][] }>()
  fetched.forEach((rows, s) => {
    for (const row of rows) {
      const key = readers[s]!.key.map((_, i) => row[`k${i}`] ?? '')
      const text = rowText(key)
      const entry = held.get(text) ?? { key, values: readers.map(() => []) }
      entry.values[s]!.push((byState ? row.c0 : row.h) ?? null)
      held.set(text, entry)
    }
  })
  const wrong = [...held.values()].filter(({ key, values }) => {
    if (byState)
      return !holds(shape, { key, images: values.map((states) => states.map((state) => [state])), stamps: [] })
    const [first = '', ...others] = values.map((hashes) => hashes.sort().join())
    return others.some((other) => other !== first)
  })
  return wrong.map(({ key }) => key)
}
