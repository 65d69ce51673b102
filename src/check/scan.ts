/**
 * Finds the keys that may violate an invariant: one bucket scan per side, then the keys of the bad buckets. What it
 * finds are candidates: the sides are read at different moments, so each is read again before anything is said.
 */
import {
  bucketCount,
  finerSpread,
  isIntegerKey,
  type KeyRange,
  type Lane,
  rowText,
  type Spread,
  sameDigest,
  singleBucket,
} from '../digest/digest.ts'
import { isByState, type Shape } from './compare.ts'
import type { Pace } from './pace.ts'
import { noRows, scanDigests, total } from './scan-digests.ts'
import { soleKeys } from './sole-keys.ts'
import type { Digests, HashedRow, InBuckets, SideReader } from './sources/source.ts'
import { scanStates } from './states.ts'
import { streamedScan } from './streamed.ts'

/** Rows of one side that are held at a time; where no index finds the rows of a bucket, each fetch reads the whole table. */
const rowsPerFetch = 5_000
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
  /** About how many keys differ, where the scan stopped before it had seen them all. */
  readonly differsAbout?: number
  /** True when nearly all of what was looked at differs: then the declaration is suspected before the data. */
  readonly nearlyAll: boolean
  /** True when nearly every row has a key that no other side has. */
  readonly isApart?: boolean
}

/** How far a scan has got, on its largest side. */
export interface Progress {
  readonly rows: number
  readonly of: number
}

/** What may be given to a scan. */
export interface ScanOptions {
  readonly onProgress?: (progress: Progress) => void
  /** Keeps out of the way of others; full speed without it. */
  readonly pace?: Pace
  /** First ask only whether anything differs: cheaper where nothing does, and one more scan where something does. */
  readonly isQuick?: boolean
  /** Only the rows with keys in this range, where every side has `bounds`. */
  readonly within?: KeyRange
}

/** Sides that are to be compared row by row. */
export interface Scanned {
  readonly shape: Shape
  readonly readers: readonly SideReader[]
  readonly isSqlAlike: boolean
}

/** Scans an invariant of any kind but references. */
export async function scan(sides: Scanned, options: ScanOptions = {}): Promise<Scan> {
  const { shape } = sides
  const { relation } = shape
  if (isByState(relation)) return scanStates(relation, sides.readers, options)
  const spread = await spreadOf(sides)
  const readers: readonly Scannable[] = spread.lane === 'travel' ? sides.readers.map(travelling) : sides.readers
  const digests = (await scanAtOnce(readers, spread, options)) ?? (await scanDigests(readers, spread, options))
  const rowsWithoutKey = digests.flatMap((found, s) => {
    const rows = Number(found.get(null)?.rows ?? 0n)
    return rows === 0 ? [] : [{ side: readers[s]!.name, rows }]
  })
  const { all, suspects } = badBuckets(digests)
  const plan: Plan = { readers, spread, digests, ...withinOf(options) }
  const told = canTellKeys(plan) ? await soleKeys(plan, suspects.slice(0, candidatesMax)) : undefined
  const drilled = await drill(plan, suspects, told)
  const rowsOf = digests.map((found) => total(found, [...found.keys()]))
  const rows = Math.max(...rowsOf)
  const nearlyAll = suspects.length >= all * 0.9 && drilled.keys.length >= drilled.rows * 0.9
  // Where the scan stopped, what it saw stands for all.
  const rowsOfAll = drilled.stopped ? drilled.rowsOfAll : rowsOf.reduce((sum, one) => sum + one, 0)
  const isApart = nearlyAll && drilled.keys.length > 0 && drilled.keys.length >= rowsOfAll * 0.95
  const differsAbout = estimate(suspects.length, spread.buckets, rows)
  return {
    keys: drilled.keys,
    rows,
    rowsWithoutKey,
    stopped: drilled.stopped,
    ...(drilled.stopped ? { differsAbout } : {}),
    nearlyAll,
    isApart,
  }
}

/** All rows in one bucket; undefined where something differs. */
async function scanAtOnce(
  readers: readonly Scannable[],
  spread: Spread,
  options: ScanOptions,
): Promise<readonly Digests[] | undefined> {
  if (options.isQuick !== true) return undefined
  const digests = await scanDigests(readers, { ...spread, buckets: singleBucket }, options)
  return badBuckets(digests).suspects.length === 0 ? digests : undefined
}

/** How the rows of these sides are spread and hashed. */
export async function spreadOf({ readers, isSqlAlike }: Omit<Scanned, 'shape'>): Promise<Spread> {
  const buckets = bucketCount(Math.max(...readers.map((reader) => reader.rowsPrepared)))
  const byInteger = readers.every((reader) => isIntegerKey(reader.key))
  return { lane: await laneOf(readers, isSqlAlike), buckets, byInteger }
}

/** How many keys differ when so many of the buckets do: several may share one. */
function estimate(bad: number, buckets: number, rows: number): number {
  if (bad >= buckets) return rows
  return Math.min(rows, Math.round(-buckets * Math.log(1 - bad / buckets)))
}

const withinOf = ({ within }: ScanOptions) => (within === undefined ? {} : { within })

interface Plan {
  readonly readers: readonly Scannable[]
  readonly spread: Spread
  readonly digests: readonly Digests[]
  readonly within?: KeyRange
}

/** The fast lane where all sides hash alike and write alike, else the portable hash of canonical text, where SQL can write it. */
async function laneOf(readers: readonly SideReader[], isSqlAlike: boolean): Promise<Lane> {
  if (!isSqlAlike) return 'travel'
  const kinds = readers.map(({ forms }) => [...forms.key, ...forms.columns].map(({ kind }) => kind).join())
  const probes = new Set(await Promise.all(readers.map((reader) => reader.recordProbe())))
  return probes.size === 1 && !probes.has(undefined) && new Set(kinds).size === 1 ? 'record' : 'portable'
}

/** What is asked of a side while it is scanned. */
export type Scannable = Pick<
  SideReader,
  'name' | 'source' | 'rowsAbout' | 'rowsPrepared' | 'shardsMost' | 'bounds' | 'digests' | 'hashes'
>

/** The same side, hashed here. */
function travelling(reader: SideReader): Scannable {
  const { name, source, rowsAbout, rowsPrepared, bounds } = reader
  const found = bounds === undefined ? {} : { bounds }
  return {
    name,
    source,
    rowsAbout,
    rowsPrepared,
    ...found,
    ...streamedScan((how) => reader.stream({ ...how, isBrief: true }), reader.forms),
  }
}

/** Which buckets to look into. */
function badBuckets(digests: readonly Digests[]): { all: number; suspects: string[] } {
  const suspects: string[] = []
  let all = 0
  digests.forEach((found, s) => {
    for (const name of found.keys()) {
      // A bucket of several sides is looked at with the first of them.
      if (name === null || digests.slice(0, s).some((earlier) => earlier.get(name) !== undefined)) continue
      all += 1
      const [first = noRows, ...others] = digests.map((side) => side.get(name) ?? noRows)
      if (others.some((other) => !sameDigest(first, other))) suspects.push(name)
    }
  })
  return { all, suspects: suspects.sort((a, b) => Number(a) - Number(b)) }
}

/** Looks into buckets, some at a time, until all are done or there are too many candidates; of some the keys are told. */
async function drill(
  plan: Plan,
  all: readonly string[],
  told: ReadonlyMap<string, string> = new Map(),
): Promise<{ keys: readonly string[][]; rows: number; rowsOfAll: number; stopped: boolean }> {
  const keys = new Map([...told.values()].map((key) => [rowText([key]), [key]]))
  const suspects = all.filter((bucket) => !told.has(bucket))
  const isLookedInto = suspects.length > suspectsFew && canBeFiner(plan)
  const most = isLookedInto ? rowsPerLook : rowsPerFetch
  const read = plan.digests.map((found) => total(found, [...told.keys()]))
  let next = 0
  while (next < suspects.length && keys.size <= candidatesMax) {
    const batch = takeBatch(plan.digests, suspects, { from: next, rows: most })
    next += batch.length
    for (const [s, found] of plan.digests.entries()) read[s]! += total(found, batch)
    const found = isLookedInto ? await lookInto(plan, batch) : await differingKeys(plan, batch)
    for (const key of found) keys.set(rowText(key), key)
  }
  const sorted = [...keys].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, key]) => key)
  return {
    keys: sorted.slice(0, candidatesMax),
    rows: Math.max(...read),
    rowsOfAll: read.reduce((sum, one) => sum + one, 0),
    stopped: next < suspects.length || sorted.length > candidatesMax,
  }
}

/** Where rows weigh in their digest by their key, and are found by it. */
function canTellKeys(plan: Plan): boolean {
  const { readers, spread } = plan
  return spread.lane === 'record' && readers.length === 2 && areFoundByIndex(plan)
}

/** Whether the rows of a bucket are ranges of an index on every side. */
function areFoundByIndex({ readers, spread }: Plan): boolean {
  return spread.byInteger && readers.every(({ bounds }) => bounds !== undefined)
}

/** So many buckets are fetched as they are; more of them are looked into by digests once more, for mostly one row of each differs. */
const suspectsFew = 100
/** Rows that are looked into at a time: a tenth of a second of one core. */
const rowsPerLook = 200_000

function canBeFiner({ spread }: Plan): boolean {
  return spread.byInteger && spread.lane !== 'travel' && spread.width === undefined
}

/** The keys that differ in some buckets, by way of the ten neighbors in which they are. */
async function lookInto(plan: Plan, buckets: readonly string[]): Promise<readonly string[][]> {
  const spread = finerSpread(plan.spread)
  const digests = await Promise.all(plan.readers.map((reader) => reader.digests(spread, inBuckets(plan, buckets))))
  return (await drill({ ...plan, spread, digests }, badBuckets(digests).suspects)).keys
}

function inBuckets({ spread, within }: Plan, buckets: readonly string[]): InBuckets {
  return { spread, buckets, ...(within === undefined ? {} : { within }) }
}

function takeBatch(
  digests: readonly Digests[],
  suspects: readonly string[],
  most: { readonly from: number; readonly rows: number },
): string[] {
  const batch: string[] = []
  let rows = 0
  for (let i = most.from; i < suspects.length; i += 1) {
    const name = suspects[i]!
    rows += Math.max(...digests.map((found) => total(found, [name])))
    if (batch.length > 0 && rows > most.rows) break
    batch.push(name)
  }
  return batch
}

/** The keys of some buckets that differ between the sides. */
async function differingKeys(plan: Plan, buckets: readonly string[]): Promise<string[][]> {
  const { readers } = plan
  const asked = inBuckets(plan, buckets)
  const fetched = await Promise.all(readers.map((reader) => reader.hashes(asked)))
  const held = new Map<string, { key: readonly string[]; hashes: string[][] }>()
  fetched.forEach((rows: readonly HashedRow[], s) => {
    for (const { key, hash } of rows) {
      const text = rowText(key)
      const entry = held.get(text) ?? { key, hashes: readers.map(() => []) }
      entry.hashes[s]!.push(hash)
      held.set(text, entry)
    }
  })
  const wrong = [...held.values()].filter(({ hashes }) => {
    const [first = '', ...others] = hashes.map((of) => (of.length < 2 ? (of[0] ?? '') : of.sort().join()))
    return others.some((other) => other !== first)
  })
  return wrong.map(({ key }) => [...key])
}
