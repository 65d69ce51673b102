import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { minutes, seconds } from '../base/base.ts'
import { decideRun, firstDue, type Lane } from './decide-run.ts'
import { readSchedule } from './schedule.ts'

const at = (clock: string) => Date.parse(`2026-11-27T${clock}Z`)
const occurrences = new Map(
  [readSchedule('*/5 * * * *', 'UTC'), readSchedule(seconds(10)), readSchedule('30 3 * * *', 'Europe/Madrid')].map(
    (one) => [one.text, one],
  ),
)
const nextMs = ({ schedule }: { readonly schedule: string }, afterMs: number) =>
  occurrences.get(schedule)!.nextMs(afterMs)
const lane = (schedule: string, due: string): Lane => ({ schedule, invariants: ['a'], dueMs: at(due) })

describe('a schedule', () => {
  it('is a cron pattern in its time zone, or a duration', () => {
    const next = (schedule: string, from: string) =>
      new Date(nextMs({ schedule }, at(from))).toISOString().slice(11, 19)
    expect(next('*/5 * * * *', '08:02:10')).toBe('08:05:00')
    expect(next('*/5 * * * *', '08:05:00')).toBe('08:10:00')
    expect(next('30 3 * * *', '00:00:00')).toBe('02:30:00')
    expect(next('10 s', '08:00:00')).toBe('08:00:10')
  })

  it.each([
    ['* * * *', 'cannot be read'],
    ['61 * * * *', 'cannot be read'],
    ['0 0 30 2 *', 'never comes'],
    ['every morning', 'cannot be read'],
  ])('%s is refused: it %s', (pattern, what) => {
    expect(() => readSchedule(pattern)).toThrow(
      expect.objectContaining({ code: 'watch/bad-schedule', message: expect.stringContaining(what) }),
    )
    expect(() => readSchedule(seconds(0.5))).toThrow('more often than once a second')
  })

  it('is checked at most once a minute, whatever it says, so that a slept machine catches up soon', () => {
    expect(decideRun([lane('30 3 * * *', '20:00:00')], at('08:00:00'), nextMs).waitMs).toBe(minutes(1).milliseconds)
  })
})

describe('a lane', () => {
  it('runs when it is due, on the beat of its schedule however late the run before it began', () => {
    const { due, lanes } = decideRun([lane('10 s', '08:00:10')], at('08:00:10.400'), nextMs)
    expect(due).toMatchObject([{ delayMs: 400 }])
    expect(lanes).toMatchObject([{ dueMs: at('08:00:20') }])
  })

  it('that missed many occurrences behind a long run or a sleep catches up once', () => {
    const first = decideRun([lane('*/5 * * * *', '08:05:00')], at('11:32:00'), nextMs)
    expect(first.due).toMatchObject([{ delayMs: at('11:32:00') - at('08:05:00') }])
    const second = decideRun(first.lanes, at('11:32:00'), nextMs)
    expect(second).toMatchObject({ due: [], lanes: [{ dueMs: at('11:35:00') }] })
  })

  it('is brought forward when the clock is set back', () => {
    const { lanes } = decideRun([lane('10 s', '08:00:10')], at('07:00:00'), nextMs)
    expect(lanes).toMatchObject([{ dueMs: at('07:00:10') }])
  })

  it('is due at once the first time, and when an occurrence went by while nobody watched', () => {
    const first = (lastStarted?: string) => {
      const facts = { nowMs: at('08:02:00'), lastStartedMs: lastStarted === undefined ? undefined : at(lastStarted) }
      return new Date(firstDue({ schedule: '*/5 * * * *', invariants: ['a'] }, facts, nextMs).dueMs)
        .toISOString()
        .slice(11, 19)
    }
    expect(first()).toBe('08:02:00')
    expect(first('07:58:00')).toBe('08:00:00')
    expect(first('08:00:00')).toBe('08:05:00')
    expect(first('23:00:00')).toBe('08:02:00')
  })

  it('never runs twice for one occurrence, and never waits past the next, at any times of looking', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 900_000 }), { minLength: 1, maxLength: 40 }), (steps) => {
        let lanes: readonly Lane[] = [lane('*/5 * * * *', '08:00:00'), lane('10 s', '08:00:00')]
        let nowMs = at('08:00:00')
        const runs = new Map<string, number>()
        for (const step of steps) {
          nowMs += step
          const decision = decideRun(lanes, nowMs, nextMs)
          for (const one of decision.due) {
            expect(one.dueMs).toBeGreaterThan(runs.get(one.schedule) ?? 0)
            runs.set(one.schedule, one.dueMs)
          }
          lanes = decision.lanes
          for (const one of lanes) expect(one.dueMs).toBeGreaterThan(nowMs)
          if (decision.due.length === 0) expect(decision.waitMs).toBeGreaterThan(0)
        }
      }),
    )
  })
})
