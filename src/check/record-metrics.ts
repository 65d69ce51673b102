/** Tells the metrics of the process how a check came out. */
import { verdicts } from '../invariant/invariant.ts'
import { metrics } from '../observe/observe.ts'
import type { Report } from './report.ts'

/** Records how long it took from the start of a check to the verdicts of one of its invariants. */
export function recordDuration(invariant: string, durationMs: number): void {
  metrics.checkDuration.record(durationMs / 1_000, { invariant })
}

/** Records findings, rows and, for invariants that were checked as a whole, the time. */
export function recordMetrics(report: Report, now: Date): void {
  for (const { name: invariant, rows, state } of report.invariants) {
    metrics.checkRows.add(rows, { invariant })
    if (state === 'checked') metrics.checkLastSuccessTime.record(now.getTime() / 1000, { invariant })
    for (const verdict of verdicts) {
      const found = report.findings.filter((finding) => finding.invariant === invariant && finding.verdict === verdict)
      // Zero is recorded too: a gauge that is not told keeps what it was told last.
      metrics.checkFindings.record(found.length, { invariant, verdict })
    }
  }
}
