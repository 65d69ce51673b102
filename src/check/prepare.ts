/** Makes an invariant ready for its verdicts: opens its sides, scans them, and chooses who judges. */
import type { Clock } from '../base/clock.ts'
import { isSelvedgeError } from '../base/error.ts'
import type { Finding, Invariant } from '../invariant/invariant.ts'
import { type Comparison, keysThatDiffer, openComparison } from './comparison.ts'
import { distinctKeys } from './images.ts'
import { doubleReadJudge, type Judge } from './judge.ts'
import type { Pace } from './pace.ts'
import { findPositions, type Positions, positionsJudge, tickerFinding } from './positions/positions.ts'
import { findTransit, groupsInFlight, type TransitSides, transitJudge } from './positions/transit.ts'
import { publishedJudge } from './published.ts'
import type { Unchecked } from './report.ts'
import { candidatesMax, type Progress, type Scan } from './scan.ts'
import { isPostgresReader } from './sources/postgres-side.ts'
import type { Source } from './sources/source.ts'
import { touchedKeys } from './touched.ts'
import type { Ledger } from './verified/ledger.ts'
import { type DueScan, scanDue } from './verified/scan-due.ts'

/** An invariant that was scanned. */
export interface Scanned {
  readonly kind: 'scanned'
  readonly comparison: Comparison
  readonly scan: Scan
  readonly judge: Judge
  readonly proof: 'positions' | 'double-read'
  /** What was found beside the keys. */
  readonly findings: readonly Finding[]
  /** Of an incremental check: what is to hear how its candidates came out. */
  readonly due?: DueScan
}

/** An invariant that was scanned, or that could not be, and why. */
export type Prepared =
  | Scanned
  | { readonly kind: 'unread'; readonly invariant: Invariant; readonly unchecked: Unchecked }

/** What all invariants of a check share. */
export interface Workshop {
  sourceOf(name: string): Source
  readonly clock: Clock
  /** Owners whose ticker was looked at: it is said once, however many invariants read them. */
  readonly asked: Set<Source>
  readonly pace: Pace
  /** Only keys with an event in the last so many seconds, where a log tells them. */
  readonly touchedSeconds?: number
  /** First ask only whether anything differs. */
  readonly isQuick?: boolean
  /** Only what was touched and what is due. */
  readonly incremental?: Incremental
  readonly onProgress?: (line: string) => void
}

/** What an incremental check goes by. */
export interface Incremental {
  readonly ledger: Ledger
  readonly withinMs: number
  fingerprintOf(invariant: Invariant): string
}

/** Never rejects: what cannot be read is said. */
export async function prepare(invariant: Invariant, workshop: Workshop): Promise<Prepared> {
  try {
    const comparison = await openComparison(invariant, workshop.sourceOf)
    const positions = await findPositions(comparison)
    const transit = await findTransit(comparison)
    const { scan, due } = await scanned(comparison, { positions, transit }, workshop)
    const findings = positions === undefined ? [] : await silentTicker(comparison, positions, workshop.asked)
    const byPositions = judgeByPositions(comparison, { positions, transit })
    return {
      kind: 'scanned',
      comparison,
      scan,
      judge: byPositions ?? doubleReadJudge(comparison, workshop.clock),
      proof: byPositions === undefined ? 'double-read' : 'positions',
      findings,
      ...(due === undefined ? {} : { due }),
    }
  } catch (error) {
    return { kind: 'unread', invariant, unchecked: uncheckedBy(error) }
  }
}

/** The judge that reads the log, where that is there. */
function judgeByPositions(comparison: Comparison, { positions, transit }: Logged): Judge | undefined {
  if (positions !== undefined) return positionsJudge(comparison, positions)
  const [owner] = comparison.readers
  if (comparison.invariant.relation.kind === 'publishes' && owner !== undefined && isPostgresReader(owner))
    return publishedJudge(comparison, owner)
  return transit && transitJudge(comparison, transit)
}

/** What the log of a side offers for an invariant. */
interface Logged {
  readonly positions: Positions | undefined
  readonly transit: TransitSides | undefined
}

interface Made {
  readonly scan: Scan
  readonly due?: DueScan
}

async function scanned(comparison: Comparison, { positions, transit }: Logged, workshop: Workshop): Promise<Made> {
  const { incremental } = workshop
  if (transit !== undefined) return { scan: await scannedInFlight(comparison, transit, workshop) }
  if (incremental === undefined) return { scan: await scannedAtOnce(comparison, positions, workshop) }
  const { invariant } = comparison
  // What was written in silence is a list already, and a day is too long for it.
  if (invariant.relation.kind === 'publishes') return { scan: await comparison.scan() }
  const due = await scanDue(comparison, {
    entry: incremental.ledger.entry(invariant.name, incremental.fingerprintOf(invariant)),
    save: () => incremental.ledger.save(),
    withinMs: incremental.withinMs,
    clock: workshop.clock,
    pace: workshop.pace,
    ...(positions === undefined ? {} : { touched: (seconds) => touchedKeys(comparison, positions, seconds) }),
    ...progressOf(invariant, workshop),
  })
  return { scan: due.scan, due }
}

/** Sums are few: they are compared as a whole each time, and those to which something is under way are looked at too. */
async function scannedInFlight(comparison: Comparison, transit: TransitSides, { pace }: Workshop): Promise<Scan> {
  const scan = await comparison.scan({ pace })
  const moving = (await groupsInFlight(transit)) ?? []
  const all = distinctKeys([scan.keys, moving])
  return { ...scan, keys: all.slice(0, candidatesMax), stopped: scan.stopped || all.length > candidatesMax }
}

async function scannedAtOnce(
  comparison: Comparison,
  positions: Positions | undefined,
  workshop: Workshop,
): Promise<Scan> {
  const { pace, touchedSeconds, isQuick = false } = workshop
  const keys =
    touchedSeconds === undefined || positions === undefined
      ? undefined
      : await touchedKeys(comparison, positions, touchedSeconds)
  if (keys === undefined) return comparison.scan({ pace, isQuick, ...progressOf(comparison.invariant, workshop) })
  const wrong = await keysThatDiffer(comparison, keys)
  return {
    keys: wrong.slice(0, candidatesMax),
    rows: keys.length,
    rowsWithoutKey: [],
    stopped: wrong.length > candidatesMax,
    nearlyAll: false,
  }
}

/** What an error kept from being checked, and the way out that it names. */
export function uncheckedBy(error: unknown): Unchecked {
  if (isSelvedgeError(error)) return { why: error.message, help: error.help }
  return { why: error instanceof Error ? error.message : String(error) }
}

function progressOf({ name }: Invariant, { onProgress }: Workshop): { onProgress?: (progress: Progress) => void } {
  if (onProgress === undefined) return {}
  // A count of a moving table may exceed what was estimated.
  return { onProgress: ({ rows, of }) => onProgress(`comparing: ${name}: ${rows} of about ${Math.max(rows, of)} rows`) }
}

async function silentTicker(comparison: Comparison, positions: Positions, asked: Set<Source>): Promise<Finding[]> {
  const { source } = positions.owner
  if (asked.has(source)) return []
  const finding = await tickerFinding(comparison, positions)
  // An owner that another invariant finds silent by a shorter deadline is still to be told.
  if (finding !== undefined) asked.add(source)
  return finding === undefined ? [] : [finding]
}
