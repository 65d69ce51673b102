/**
 * An incremental check of one invariant: first the keys that were touched, as the owner's log tells, then the slices
 * that are due. A write without an event is seen when its slice's turn comes.
 */
import type { Clock } from '../../base/clock.ts'
import { type KeyBounds, type KeyRange, ordinalOf } from '../../digest/digest.ts'
import { type Comparison, keysThatDiffer } from '../comparison.ts'
import { distinctKeys, type Keys } from '../images.ts'
import { boundsOfAll } from '../key-bounds.ts'
import type { Pace } from '../pace.ts'
import { candidatesMax, type Progress, type Scan } from '../scan.ts'
import type { Entry } from './ledger.ts'
import { decideDue, rangesOf, sliceOf, slicesOf, type Verified, verifiedOf, whole, widthFor } from './slices.ts'

/** What an incremental scan works with. */
export interface DueWork {
  readonly entry: Entry
  /** Keeps what the entry says now. */
  readonly save: () => void
  readonly withinMs: number
  readonly clock: Clock
  readonly pace: Pace
  /**
   * The keys with an event within so many seconds; undefined when a log is there but does not tell, because it does not
   * reach back so far, or they are too many. Absent without a log.
   */
  readonly touched?: (seconds: number) => Promise<Keys | undefined>
  readonly onProgress?: (progress: Progress) => void
}

/** An incremental scan, whose candidates are still to be judged. */
export interface DueScan {
  readonly scan: Scan
  /** Takes the keys that did not come out well, or undefined when that may be any of the candidates; keeps what holds. */
  settled(open: readonly string[] | undefined): void
  verified(): Verified
}

/** Rows that are read by one statement: a second of one core in the slowest lane that is cut. */
const rowsPerRange = 250_000
/** The clocks of this process and of the log may differ by so much, and a tick takes its time. */
const touchedOverlapMs = 60_000
/** How often what was verified is kept while a scan goes on: what is lost by a kill is done again. */
const saveEveryMs = 1_000

/** Scans what is due now. */
export async function scanDue(comparison: Comparison, work: DueWork): Promise<DueScan> {
  const { entry, clock, withinMs } = work
  const nowMs = clock.now().getTime()
  const cut = await cutOf(comparison, entry)
  const touched = await scanTouched(comparison, work, nowMs)
  const sinceMs = entry.ranAtMs === undefined ? 0 : Math.max(0, nowMs - entry.ranAtMs)
  const due = touched.isUnknown
    ? cut.slices
    : decideDue({ slices: cut.slices, ages: entry.ages, nowMs, withinMs, nextMs: nowMs + sinceMs })
  const scanned = await scanSlices(comparison, work, { ...cut, due })
  const keys = distinctKeys([touched.wrong, ...scanned.scans.map((scan) => scan.keys)])
  return {
    scan: { ...togetherOf(scanned.scans, touched, keys), ...suspicionOf(scanned.scans, due, cut.slices) },
    settled(open) {
      const wrong = new Set((open ?? keys.map(([key]) => key ?? '')).map((key) => sliceIn(cut, key)))
      for (const [slice, atMs] of scanned.pending) if (!wrong.has(slice)) entry.ages.set(slice, atMs)
      for (const slice of wrong) entry.ages.delete(slice)
      // What could not be judged is looked at again, whoever touched it.
      if (open !== undefined) entry.touchedAtMs = nowMs
      entry.ranAtMs = nowMs
      work.save()
    },
    verified: () => verifiedOf(cut.slices, entry.ages),
  }
}

interface Cut {
  readonly slices: readonly string[]
  /** Undefined where the sides cannot be cut. */
  readonly width: bigint | undefined
}

/** How the keys are cut now; what is no longer a slice is forgotten. */
async function cutOf(comparison: Comparison, entry: Entry): Promise<Cut> {
  const bounds = await boundsOf(comparison)
  const cut = bounds === undefined ? { slices: [whole], width: undefined } : cutBetween(bounds, comparison, entry)
  if (cut.width !== entry.width) entry.ages.clear()
  entry.width = cut.width
  const now = new Set(cut.slices)
  for (const slice of entry.ages.keys()) if (!now.has(slice)) entry.ages.delete(slice)
  return cut
}

function cutBetween(bounds: KeyBounds, { readers }: Comparison, entry: Entry): Cut {
  const known = entry.width === undefined ? undefined : slicesOf(entry.width, bounds)
  if (known !== undefined) return { slices: known, width: entry.width }
  const width = widthFor(bounds, Math.max(...readers.map(({ rowsPrepared }) => rowsPrepared)))
  return { slices: slicesOf(width, bounds) ?? [whole], width }
}

/** Between which keys slices are cut; undefined where the rows must travel, or have no such keys. */
async function boundsOf(comparison: Comparison): Promise<KeyBounds | undefined> {
  const spread = await comparison.spread()
  return spread === undefined || spread.lane === 'travel' ? undefined : boundsOfAll(comparison.readers)
}

interface Touched {
  readonly keys: number
  readonly wrong: Keys
  /** True when a log is there and cannot tell what was touched. */
  readonly isUnknown: boolean
}

async function scanTouched(comparison: Comparison, work: DueWork, nowMs: number): Promise<Touched> {
  const none = { keys: 0, wrong: [], isUnknown: false }
  const { touchedAtMs } = work.entry
  // What was never verified is due as a whole.
  if (work.touched === undefined || touchedAtMs === undefined) return none
  const keys = await work.touched((Math.max(0, nowMs - touchedAtMs) + touchedOverlapMs) / 1_000)
  if (keys === undefined) return { ...none, isUnknown: true }
  return { keys: keys.length, wrong: await keysThatDiffer(comparison, keys), isUnknown: false }
}

interface Scanned {
  readonly scans: readonly Scan[]
  /** Slices with candidates, and when they were read. */
  readonly pending: ReadonlyMap<string, number>
}

/** Scans the due slices, some neighbors at a time; those without a candidate are verified at once. */
async function scanSlices(
  comparison: Comparison,
  work: DueWork,
  cut: Cut & { readonly due: readonly string[] },
): Promise<Scanned> {
  const { clock, pace, onProgress } = work
  const rowsAbout = Math.max(...comparison.readers.map((reader) => reader.rowsAbout))
  const of = (rowsAbout * cut.due.length) / Math.max(1, cut.slices.length)
  const scans: Scan[] = []
  const pending = new Map<string, number>()
  let [rows, savedMs] = [0, clock.monotonicMs()]
  try {
    for (const { slices, within } of partsOf(
      cut,
      Math.max(...comparison.readers.map((reader) => reader.rowsPrepared)),
    )) {
      const atMs = clock.now().getTime()
      const tell = (progress: Progress) => onProgress?.({ rows: rows + progress.rows, of })
      const scan = await comparison.scan({ pace, onProgress: tell, ...(within === undefined ? {} : { within }) })
      scans.push(scan)
      rows += scan.rows
      for (const slice of keepVerified(work.entry, scan, { slices, atMs, sliceOfKey: (key) => sliceIn(cut, key) }))
        pending.set(slice, atMs)
      if (scans.reduce((sum, { keys }) => sum + keys.length, 0) > candidatesMax) break
      if (clock.monotonicMs() - savedMs < saveEveryMs) continue
      work.save()
      savedMs = clock.monotonicMs()
    }
  } finally {
    // Also when a source dies midway: what was read until then need not be read again.
    work.save()
  }
  return { scans, pending }
}

/** What is read by one statement a side: due neighbors, or all where nothing can be cut. */
function partsOf(
  { width, slices, due }: Cut & { readonly due: readonly string[] },
  rows: number,
): readonly { readonly slices: readonly string[]; readonly within?: KeyRange }[] {
  if (width === undefined) return due.map((slice) => ({ slices: [slice] }))
  const most = Math.max(1, Math.floor((rowsPerRange * slices.length) / Math.max(1, rows)))
  return rangesOf(width, due, most).map((range) => ({ slices: range.slices, within: range }))
}

/** Keeps the slices of a scan that hold, and gives those with candidates. */
function keepVerified(
  { ages }: Entry,
  scan: Scan,
  read: { readonly slices: readonly string[]; readonly atMs: number; sliceOfKey(key: string): string },
): readonly string[] {
  const wrong = new Set(scan.keys.map(([key]) => read.sliceOfKey(key ?? '')))
  const isWhole = !scan.stopped && scan.rowsWithoutKey.length === 0
  for (const slice of read.slices) {
    if (isWhole && !wrong.has(slice)) ages.set(slice, read.atMs)
    else ages.delete(slice)
  }
  return isWhole ? read.slices.filter((slice) => wrong.has(slice)) : []
}

function sliceIn({ width }: Cut, key: string): string {
  return width === undefined ? whole : String(sliceOf(width, ordinalOf(key)))
}

/** One slice may differ as a whole by one lost batch: only when all are due does that put the declaration in doubt. */
function suspicionOf(
  scans: readonly Scan[],
  due: readonly string[],
  slices: readonly string[],
): Pick<Scan, 'nearlyAll' | 'isApart'> {
  const isSuspect = scans.length > 0 && due.length >= slices.length * 0.9
  return {
    nearlyAll: isSuspect && scans.every((scan) => scan.nearlyAll),
    isApart: isSuspect && scans.every((scan) => scan.isApart === true),
  }
}

function togetherOf(scans: readonly Scan[], touched: Touched, keys: Keys): Omit<Scan, 'nearlyAll' | 'isApart'> {
  const stopped = keys.length > candidatesMax || scans.some((scan) => scan.stopped)
  return {
    keys: keys.slice(0, candidatesMax),
    rows: scans.reduce((sum, { rows }) => sum + rows, touched.keys),
    rowsWithoutKey: scans.flatMap((scan) => scan.rowsWithoutKey),
    stopped,
  }
}
