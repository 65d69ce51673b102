/**
 * Simulated time: it moves only when the world says so, one step for each action, so that a deadline of minutes passes
 * in microseconds and a seed replays.
 *
 * All clocks of a world read one `SimulatedTime`. What a service sees may be off by minutes (its skew), as in real
 * fleets; durations that it measures are right.
 */
import { assert, type Clock, type Random } from '../base/base.ts'

/** The one time of a simulated world. */
export interface SimulatedTime {
  /** True time in milliseconds since 1970; no simulated service can read it, the runner and the deadlines do. */
  readonly nowMs: number
  /** Moves time forward by `ms`, which is zero or more. */
  advanceBy(ms: number): void
  /** Moves time forward to `atMs`; a moment that has passed already changes nothing. */
  advanceTo(atMs: number): void
  /** A clock on this time, off by `skewMs` (default 0), which may be negative. */
  clock(skewMs?: number): Clock
}

/** A fixed start makes times in reports and tests readable, and equal from run to run. */
const startDefault = new Date('2026-03-02T08:00:00Z')

/** Five minutes: what a fleet without time synchronization drifts within weeks, and more than any default bound hides. */
export const skewMsMax = 5 * 60_000

/**
 * A new simulated time.
 *
 * @example
 * const time = simulatedTime()
 * const learner = time.clock(), user = time.clock(-240_000)
 * time.advanceBy(1_000)
 */
export function simulatedTime(start: Date = startDefault): SimulatedTime {
  const startMs = start.getTime()
  let nowMs = startMs
  return {
    get nowMs() {
      return nowMs
    },
    advanceBy(ms) {
      assert(ms >= 0, `Simulated time only moves forward, not by ${ms} ms.`)
      nowMs += ms
    },
    advanceTo(atMs) {
      nowMs = Math.max(nowMs, atMs)
    },
    clock: (skewMs = 0) => ({
      now: () => new Date(nowMs + skewMs),
      monotonicMs: () => nowMs - startMs,
    }),
  }
}

/**
 * How far the clock of each service is off, in whole milliseconds within `maxMs` both ways.
 *
 * The skews are spread over the whole range rather than drawn freely: a run in which all clocks happen to agree would
 * prove nothing about clocks.
 */
export function drawSkews(
  services: readonly string[],
  random: Random,
  maxMs: number = skewMsMax,
): Record<string, number> {
  const shuffled = random.shuffle(services)
  const width = (2 * maxMs) / Math.max(1, services.length)
  const skews = new Map(shuffled.map((name, at) => [name, Math.round((at + random.next()) * width - maxMs)]))
  return Object.fromEntries(services.map((name) => [name, skews.get(name) ?? 0]))
}
