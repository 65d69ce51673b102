/**
 * A check as a stream of lines, each one JSON object: the findings of an invariant as soon as it is judged, then a line
 * about the invariant, and at the end one `summary`. A stream without a summary was cut off.
 *
 *     {"format":"selvedge/check-stream@1","kind":"finding","incident":"…","invariant":"…","key":"42",…}
 *     {"format":"selvedge/check-stream@1","kind":"accepted",…}
 *     {"format":"selvedge/check-stream@1","kind":"invariant","name":"…","state":"checked",…}
 *     {"format":"selvedge/check-stream@1","kind":"summary","findings":2,"incidents":[…],"incomplete":false,…}
 */
import { incidentIdOf } from '../classify-incidents.ts'
import type { Judged, Report } from '../report.ts'

/** The version of the lines: fields may be added to it, none changes its meaning. */
export const streamFormat = 'selvedge/check-stream@1'

/** The lines of one invariant, as objects. */
export function streamedInvariant({ report, findings, accepted }: Judged): readonly object[] {
  return [
    ...findings.map((finding) => ({
      ...{ format: streamFormat, kind: 'finding', incident: incidentIdOf(finding) },
      ...finding,
    })),
    ...accepted.map((finding) => ({ format: streamFormat, kind: 'accepted', ...finding })),
    { format: streamFormat, kind: 'invariant', ...report },
  ]
}

/** The last line. */
export function streamedSummary(report: Report): object {
  const { findings, accepted, incidents, baseline, invariants, incomplete } = report
  return {
    ...{ format: streamFormat, kind: 'summary' },
    ...{ findings: findings.length, accepted: accepted.length, invariants: invariants.length, incomplete },
    ...{ incidents, baseline },
  }
}
