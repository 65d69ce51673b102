/** When checks are due. Patterns are read by croner; waiting for them is the scheduler's. */
import { Cron } from 'croner'
import { formatDuration, milliseconds, refused } from '../base/base.ts'
import type { Schedule } from '../invariant/invariant.ts'

/** A schedule that can be asked. */
export interface Occurrences {
  /** As people wrote it: `0 * * * *`, `5 min`. It names the schedule in metrics. */
  readonly text: string
  /** The first moment after `afterMs` (milliseconds since 1970); for an interval, one interval later. */
  nextMs(afterMs: number): number
}

/** More often would be load and no insight: a check of anything takes a connection and a scan. */
const intervalMsMin = 1_000

/** Where the search for the first occurrence starts when a pattern is checked: it only has to match some day. */
const someDayMs = Date.UTC(2026, 0, 1)

/**
 * Reads a schedule.
 *
 * @throws refused `watch/bad-schedule` for a pattern that cannot be read or that never comes, and for an interval
 *   below one second.
 * @example
 * readSchedule('0 3 * * *', 'Europe/Madrid').nextMs(Date.parse('2026-11-27T00:00:00Z'))
 */
export function readSchedule(schedule: Schedule, timezone?: string): Occurrences {
  if (typeof schedule === 'string') return readPattern(schedule, timezone)
  const intervalMs = schedule.milliseconds
  if (!(intervalMs >= intervalMsMin)) throw bad(`every ${intervalMs} ms`, 'is more often than once a second', undefined)
  return { text: formatDuration(milliseconds(intervalMs)), nextMs: (afterMs) => afterMs + intervalMs }
}

function readPattern(pattern: string, timezone: string | undefined): Occurrences {
  let cron: Cron
  let first: Date | null
  try {
    // Without a function to call it starts no timer: it only answers.
    cron = new Cron(pattern, { mode: '5-or-6-parts', ...(timezone === undefined ? {} : { timezone }) })
    first = cron.nextRun(new Date(someDayMs))
  } catch (error) {
    throw bad(pattern, 'cannot be read', error)
  }
  if (first === null) throw bad(pattern, 'never comes', undefined)
  return {
    text: pattern,
    // A pattern for a day that comes no more: nothing is due, ever.
    nextMs: (afterMs) => cron.nextRun(new Date(afterMs))?.getTime() ?? Number.POSITIVE_INFINITY,
  }
}

function bad(schedule: string, what: string, cause: unknown): Error {
  const told = cause instanceof Error ? ` (${cause.message})` : ''
  const help = 'Give a cron pattern of five parts such as `*/5 * * * *`, or a duration such as minutes(5).'
  return refused('watch/bad-schedule', `The schedule "${schedule}" ${what}${told}.`, help, { schedule, cause })
}
