import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketOf, bucketRanges, type Spread } from './bucket.ts'

const spread: Spread = { lane: 'md5', buckets: 7, byInteger: true }

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
