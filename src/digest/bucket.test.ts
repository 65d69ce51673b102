import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketOf, bucketRanges, ordinalOf, type Spread, uuidAt } from './bucket.ts'

const spread: Spread = { lane: 'portable', buckets: 7, byInteger: true }

describe('ranges of integer buckets', () => {
  it('hold every key of their buckets between the bounds, and no key of another', () => {
    const key = fc.bigInt({ min: -3_000n, max: 3_000n })
    fc.assert(
      fc.property(key, key, fc.array(fc.integer({ min: -6, max: 6 }), { maxLength: 4 }), (a, b, wanted) => {
        const [least, greatest] = a < b ? [a, b] : [b, a]
        const names = [...new Set(wanted)].map(String)
        const ranges = bucketRanges(spread, names, { least, greatest }, 1_000) ?? []
        for (let k = least; k <= greatest; k += 1n) {
          const isIn = ranges.filter(({ from, to }) => from <= k && k <= to).length
          expect(isIn).toBe(names.includes(bucketOf(spread, [String(k)])!) ? 1 : 0)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('are given up where keys are so sparse that reading all rows is cheaper', () => {
    expect(bucketRanges(spread, ['3'], { least: 0n, greatest: 10n ** 12n }, 8)).toBeUndefined()
  })
})

describe('the place of a key', () => {
  it.each([
    ['-9223372036854775808', -9_223_372_036_854_775_808n],
    ['00000000-0000-0000-0000-0000000000ff', 255n],
    ['ffffffff-ffff-ffff-ffff-ffffffffffff', 2n ** 128n - 1n],
  ])('of %s is %s', (key, place) => expect(ordinalOf(key)).toBe(place))

  it('leads back to the uuid, and beyond the last one to the last', () => {
    expect(uuidAt(ordinalOf('0190b6c0-1234-7abc-8def-0123456789ab'))).toBe('0190b6c0-1234-7abc-8def-0123456789ab')
    expect(uuidAt(2n ** 128n)).toBe('ffffffff-ffff-ffff-ffff-ffffffffffff')
    expect(uuidAt(-1n)).toBe('00000000-0000-0000-0000-000000000000')
  })
})
