/**
 * Spans of time at the edge of the API: `seconds(5)` cannot be mistaken for milliseconds. Inside, a plain number
 * carries its unit in its name (`lagMs`).
 */
import { refused } from './error.ts'

/** A span of time; never negative. */
export interface Duration {
  readonly milliseconds: number
}

const unitMs = { millisecond: 1, second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 }

/** `n` milliseconds. @throws refused `base/invalid-duration` when negative or not finite, as all units do. */
export function milliseconds(n: number): Duration {
  return duration(n, 'millisecond')
}

/** `n` seconds. */
export function seconds(n: number): Duration {
  return duration(n, 'second')
}

/** `n` minutes. */
export function minutes(n: number): Duration {
  return duration(n, 'minute')
}

/** `n` hours. */
export function hours(n: number): Duration {
  return duration(n, 'hour')
}

/** `n` days of 24 hours. */
export function days(n: number): Duration {
  return duration(n, 'day')
}

/**
 * The duration for people, in its largest whole unit with at most one decimal.
 *
 * @example
 * formatDuration(seconds(90)) // '1.5 min'
 */
export function formatDuration(span: Duration): string {
  const ms = span.milliseconds
  if (ms < unitMs.second) return `${rounded(ms)} ms`
  if (ms < unitMs.minute) return `${rounded(ms / unitMs.second)} s`
  if (ms < unitMs.hour) return `${rounded(ms / unitMs.minute)} min`
  if (ms < unitMs.day) return `${rounded(ms / unitMs.hour)} h`
  return `${rounded(ms / unitMs.day)} d`
}

function duration(n: number, unit: keyof typeof unitMs): Duration {
  if (!Number.isFinite(n) || n < 0) {
    const help = 'Give a finite number that is zero or more.'
    throw refused('base/invalid-duration', `${n} ${unit}s is not a duration.`, help, { value: String(n), unit })
  }
  return { milliseconds: n * unitMs[unit] }
}

/** Rounded down, so that 59.99 s does not read as "60 s" and nothing looks older than it is. */
function rounded(n: number): string {
  return String(Math.floor(n * 10) / 10)
}
