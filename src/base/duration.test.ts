import { describe, expect, it } from 'vitest'
import { days, formatDuration, hours, milliseconds, minutes, seconds } from './duration.ts'

describe('a duration', () => {
  it('is written in its unit and held in milliseconds', () => {
    expect([milliseconds(5), seconds(1.5), minutes(2), hours(1), days(7)].map((span) => span.milliseconds)).toEqual([
      5, 1_500, 120_000, 3_600_000, 604_800_000,
    ])
  })

  it('is refused when negative or no number', () => {
    for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => seconds(wrong)).toThrow(expect.objectContaining({ code: 'base/invalid-duration', kind: 'refused' }))
    }
  })

  it.each([
    [milliseconds(0), '0 ms'],
    [milliseconds(12.34), '12.3 ms'],
    [milliseconds(999.99), '999.9 ms'],
    [seconds(1), '1 s'],
    [seconds(59.99), '59.9 s'],
    [seconds(90), '1.5 min'],
    [hours(25), '1 d'],
    [days(10), '10 d'],
  ])('%o reads %s', (span, text) => {
    expect(formatDuration(span)).toBe(text)
  })
})
