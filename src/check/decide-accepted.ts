/**
 * Which findings a baseline accepts, and which of its entries have had their day.
 *
 *     entry --until passed--> expired: what it accepted is a finding again, and the entry is named while that is so
 *     entry --its invariant checked as a whole, no such finding--> stale: named, so that it is taken out
 *
 * One way of judging, wherever the entries were written.
 */
import { allKeys, type Baseline, type Finding } from '../invariant/invariant.ts'
import { incidentIdOf } from './classify-incidents.ts'

/** A finding that a baseline accepts, with the entry that does. */
export interface AcceptedFinding extends Finding {
  readonly acceptance: Baseline
}

/** What a baseline makes of findings. */
export interface Acceptance {
  readonly findings: readonly Finding[]
  readonly accepted: readonly AcceptedFinding[]
  /** Entries past their day whose findings are still there. */
  readonly expired: readonly Baseline[]
  /** Entries that match nothing any more. */
  readonly stale: readonly Baseline[]
}

/** Decides about all findings; the order of both lists is kept. `today` is a day in UTC, as `2026-12-31`. */
export function decideAccepted({
  findings,
  baseline,
  today,
  isFullyChecked,
}: {
  readonly findings: readonly Finding[]
  readonly baseline: readonly Baseline[]
  readonly today: string
  /** Whether an invariant was checked so that a missing finding means that there is none. */
  readonly isFullyChecked: (invariant: string) => boolean
}): Acceptance {
  const open: Finding[] = []
  const accepted: AcceptedFinding[] = []
  const matched = new Set<Baseline>()
  const entries = indexed(baseline)
  for (const finding of findings) {
    const matching = entriesFor(finding, entries)
    for (const entry of matching) matched.add(entry)
    const acceptance = matching.find((entry) => entry.until >= today)
    if (acceptance === undefined) open.push(finding)
    else accepted.push({ ...finding, acceptance })
  }
  const expired = baseline.filter((entry) => matched.has(entry) && entry.until < today)
  const stale = baseline.filter((entry) => !matched.has(entry) && isFullyChecked(entry.invariant))
  return { findings: open, accepted, expired, stale }
}

type Index = ReadonlyMap<string, ReadonlyMap<string, readonly Baseline[]>>

/** By invariant, then by key: a baseline of thousands of entries must not be walked for each of thousands of findings. */
function indexed(baseline: readonly Baseline[]): Index {
  const index = new Map<string, Map<string, Baseline[]>>()
  for (const entry of baseline) {
    const byKey = index.get(entry.invariant) ?? new Map<string, Baseline[]>()
    byKey.set(entry.key, [...(byKey.get(entry.key) ?? []), entry])
    index.set(entry.invariant, byKey)
  }
  return index
}

function entriesFor(finding: Finding, index: Index): readonly Baseline[] {
  const byKey = index.get(finding.invariant)
  if (byKey === undefined) return []
  const candidates = [...(byKey.get(finding.key) ?? []), ...(finding.key === allKeys ? [] : (byKey.get(allKeys) ?? []))]
  if (candidates.every((entry) => entry.incident === undefined)) return candidates
  const id = incidentIdOf(finding)
  return candidates.filter((entry) => entry.incident === undefined || entry.incident === id)
}
