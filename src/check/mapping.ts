/**
 * Preflight: when nearly all rows differ, the declaration is suspected before the data. A sample of the differing keys
 * is judged first; when one column, or the key, explains nearly all of it, that is said once, instead of a hundred thousand
 * times.
 */
import type { Finding, Verdict } from '../invariant/invariant.ts'
import type { Comparison } from './comparison.ts'
import type { Keys } from './images.ts'
import type { Scan } from './scan.ts'

/** Keys of the sample: enough that nine in ten of them is no accident. */
const sampleMax = 200
/** With fewer rows a handful of real differences would look like a wrong mapping. */
const sampleMin = 20
/** How much of the sample one column must explain. */
const share = 0.9

/** Causes that a wrong mapping can look like; a proved one, such as a stream that is parked, is none. */
const unexplained: ReadonlySet<Verdict> = new Set<Verdict>(['diverged', 'misapplied'])

/** The keys to judge first, and those to judge only if no mapping is wrong. */
export function sampleOf(comparison: Comparison, scan: Scan): { readonly first: Keys; readonly rest: Keys } {
  const isOfColumns = scan.nearlyAll && comparison.shape.columnNames.length > 0
  const isSuspect = scan.keys.length >= sampleMin && (isOfColumns || scan.isApart === true)
  const { kind } = comparison.invariant.relation
  if (!isSuspect || kind === 'references' || kind === 'correspondsTo') return { first: scan.keys, rest: [] }
  // From the whole list: sorted keys of one side may stand before all of the other.
  const step = Math.max(1, Math.ceil(scan.keys.length / sampleMax))
  const isFirst = (_: unknown, i: number) => i % step === 0
  return { first: scan.keys.filter(isFirst), rest: scan.keys.filter((key, i) => !isFirst(key, i)) }
}

/** The finding that one column or the key is mapped wrongly, when the judged sample says so. */
export function mappingError(comparison: Comparison, scan: Scan, findings: readonly Finding[]): Finding | undefined {
  const { kind } = comparison.invariant.relation
  if (kind === 'references') return undefined
  const open = findings.filter((finding) => unexplained.has(finding.verdict))
  return (scan.nearlyAll ? columnError(comparison, open) : undefined) ?? keyError(comparison, scan, open)
}

function columnError(comparison: Comparison, findings: readonly Finding[]): Finding | undefined {
  const common = findings.filter((finding) => finding.absent.length === 0)
  if (common.length < sampleMin) return undefined
  for (const column of comparison.shape.columnNames) {
    const differing = common.filter((finding) => finding.columns.some((entry) => entry.column === column))
    if (differing.length < common.length * share) continue
    const example = differing[0]!
    const because = `${column} differs in ${differing.length} of ${common.length} sampled rows that all sides have, as in ${example.key}: either it is mapped wrongly or it was never copied`
    return saidOnce(comparison, { because, columns: example.columns.filter((entry) => entry.column === column) })
  }
  return undefined
}

/** No key is on two sides, and each side has some: a part of the key may be another column there, or in another order. */
function keyError(comparison: Comparison, scan: Scan, findings: readonly Finding[]): Finding | undefined {
  const { sideNames } = comparison.shape
  const alone = sideNames.map((side) => findings.filter(({ present }) => present.length === 1 && present[0] === side))
  const few = alone.filter((of) => of.length < sampleMin / 2)
  if (scan.isApart !== true || few.length > 0) return undefined
  const examples = alone.map(([example], s) => `${example?.key} of ${sideNames[s]}`)
  const because = `none of ${findings.length} sampled keys is on two sides, such as ${examples.join(' and ')}: either the key is mapped wrongly or the sides hold different rows`
  return saidOnce(comparison, { because, columns: [] })
}

function saidOnce({ invariant, shape }: Comparison, said: Pick<Finding, 'because' | 'columns'>): Finding {
  return {
    invariant: invariant.name,
    ...(invariant.problem === undefined ? {} : { problem: invariant.problem }),
    ...{ key: '', verdict: 'mapping-error', proof: 'sample', ...said },
    ...{ present: shape.sideNames, absent: [] },
  }
}
