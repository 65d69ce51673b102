/**
 * Preflight: when nearly all rows differ, the declaration is suspected before the data. A sample of the differing keys
 * is judged first; when one column explains nearly all of it, that is said once, instead of a hundred thousand times.
 */
import type { Finding, Verdict } from '../invariant/invariant.ts'
import type { Comparison } from './comparison.ts'
import type { Keys } from './images.ts'
import type { Scan } from './scan.ts'

/** Keys of the sample: enough that nine in ten of them is no accident. */
const sampleMax = 200
/** With fewer common rows a handful of real differences would look like a wrong mapping. */
const sampleMin = 20
/** How much of the sample one column must explain. */
const share = 0.9

/** Causes that a wrong mapping can look like; a proved one, such as a stream that is parked, is none. */
const unexplained: ReadonlySet<Verdict> = new Set<Verdict>(['diverged', 'misapplied'])

/** The keys to judge first, and those to judge only if no mapping is wrong. */
export function sampleOf(comparison: Comparison, scan: Scan): { readonly first: Keys; readonly rest: Keys } {
  const isSuspect = scan.nearlyAll && scan.keys.length >= sampleMin && comparison.shape.columnNames.length > 0
  const { kind } = comparison.invariant.relation
  if (!isSuspect || kind === 'references' || kind === 'correspondsTo') return { first: scan.keys, rest: [] }
  return { first: scan.keys.slice(0, sampleMax), rest: scan.keys.slice(sampleMax) }
}

/** The finding that one column is mapped wrongly, when the judged sample says so. */
export function mappingError(comparison: Comparison, scan: Scan, findings: readonly Finding[]): Finding | undefined {
  const { invariant, shape } = comparison
  if (!scan.nearlyAll || invariant.relation.kind === 'references') return undefined
  const common = findings.filter((finding) => finding.absent.length === 0 && unexplained.has(finding.verdict))
  if (common.length < sampleMin) return undefined
  for (const column of shape.columnNames) {
    const differing = common.filter((finding) => finding.columns.some((entry) => entry.column === column))
    if (differing.length < common.length * share) continue
    const example = differing[0]!
    const because = `${column} differs in ${differing.length} of ${common.length} sampled rows that all sides have, as in ${example.key}: either it is mapped wrongly or it was never copied`
    const columns = example.columns.filter((entry) => entry.column === column)
    const problem = invariant.problem === undefined ? {} : { problem: invariant.problem }
    return {
      invariant: invariant.name,
      ...problem,
      key: '',
      verdict: 'mapping-error',
      proof: 'sample',
      because,
      present: shape.sideNames,
      absent: [],
      columns,
    }
  }
  return undefined
}
