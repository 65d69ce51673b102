/**
 * Whether a check has fallen silent: it has not ended within its schedule and a tolerance. A check that stopped running
 * finds nothing, so its silence looks like health: it is an alert of its own, `check-silent`.
 */

/** What is known of one lane of checks. */
export interface SilenceFacts {
  /** When the run was due that has not ended yet; for a lane at rest, when it is due next. */
  readonly dueMs: number
  /** When this process last woke up from a sleep of the machine, or started: nobody could check before. */
  readonly awakeSinceMs: number
  /** When a run of the lane last ended: a time that was missed behind that run counts from its end. */
  readonly lastEndedMs: number
  readonly toleranceMs: number
  readonly nowMs: number
}

/** Whether the lane counts as silent. */
export function decideSilence({ dueMs, awakeSinceMs, lastEndedMs, toleranceMs, nowMs }: SilenceFacts): boolean {
  // An end that lies in the future of this clock says nothing.
  const endedMs = lastEndedMs > nowMs ? 0 : lastEndedMs
  return nowMs > Math.max(dueMs, awakeSinceMs, endedMs) + toleranceMs
}

/** A run of a minute is long for a check of minutes, and an hour is long enough to wait for a check of days. */
const toleranceMsMin = 60_000
const toleranceMsMax = 3_600_000

/** How late a check may be when nobody said: one period of its schedule, within bounds. */
export function decideTolerance(periodMs: number, silentAfterMs: number | undefined): number {
  return silentAfterMs ?? Math.min(toleranceMsMax, Math.max(toleranceMsMin, periodMs))
}

/**
 * When the process last woke up. A gap between two looks that is far longer than was asked for means that the machine
 * slept, or this process was stopped.
 */
export function decideAwakeSince(facts: {
  readonly awakeSinceMs: number
  readonly lastLookMs: number
  readonly waitedMs: number
  readonly nowMs: number
}): number {
  const { awakeSinceMs, lastLookMs, waitedMs, nowMs } = facts
  const isBack = nowMs < lastLookMs
  // A busy event loop is late by seconds, a machine that slept by minutes.
  return isBack || nowMs - lastLookMs > waitedMs + 30_000 ? nowMs : awakeSinceMs
}
