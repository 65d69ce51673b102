/**
 * Lag: how far a reader is behind a log. Counted in events by position, and in time as the age of the oldest event
 * that is not applied - never as "now minus last activity", by which an idle service would seem to fall behind.
 */
import { type Duration, milliseconds } from '../base/base.ts'
import { metrics } from './metrics.ts'

/** How far a consumer is behind a service. Both are zero when it has applied everything. */
export interface Lag {
  readonly events: number
  readonly behind: Duration
}

/** What lag is computed from; `oldestAt` and `now` are of one clock, the owner's. */
export interface LagFacts {
  /** Events of the log that the consumer has not applied. */
  readonly events: number
  /** When the oldest of them was committed; `undefined` when there is none. */
  readonly oldestAt: Date | undefined
  readonly now: Date
}

/** The lag that follows from the facts. A clock that jumped back makes it zero, not negative. */
export function lagOf(facts: LagFacts): Lag {
  const { events, oldestAt, now } = facts
  if (events <= 0 || oldestAt === undefined) return { events: Math.max(0, events), behind: milliseconds(0) }
  return { events, behind: milliseconds(Math.max(0, now.getTime() - oldestAt.getTime())) }
}

/** Records a lag as the metrics `selvedge.consumer.lag` and `selvedge.consumer.lag_time`. */
export function recordLag(of: { readonly service: string; readonly consumer: string }, lag: Lag): void {
  metrics.consumerLag.record(lag.events, { service: of.service, consumer: of.consumer })
  metrics.consumerLagTime.record(lag.behind.milliseconds / 1_000, { service: of.service, consumer: of.consumer })
}
