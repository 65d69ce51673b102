import { describe, expect, test } from 'vitest'
import { decideDue, rangesOf, sliceOf, slicesOf, verifiedOf, widthFor } from './slices.ts'

const slices = (n: number) => Array.from({ length: n }, (_, i) => String(i))
const agedAt = (atMs: number, names: readonly string[]) => new Map(names.map((name) => [name, atMs]))
const hour = 3_600_000

describe('slices of keys', () => {
  test.each([
    [{ least: 1n, greatest: 1_000_000n }, 1_000_000],
    [{ least: -5n, greatest: 5n }, 11],
    [{ least: -(2n ** 63n), greatest: 2n ** 63n - 1n }, 25_000_000],
    [{ least: 7n, greatest: 7n }, 1],
  ])('a width for %o is a multiple of a bucket and makes few slices', (bounds, rows) => {
    const width = widthFor(bounds, rows)
    expect(width % 100n).toBe(0n)
    expect(slicesOf(width, bounds)!.length).toBeLessThanOrEqual(258)
  })

  test('every key is in the slice whose range holds it, also below zero', () => {
    for (const key of [-201n, -200n, -199n, -1n, 0n, 1n, 99n, 100n, 101n]) {
      const [range] = rangesOf(100n, [String(sliceOf(100n, key))], 1)
      expect(range!.from <= key && key <= range!.to, String(key)).toBe(true)
    }
  })

  test('keys that ran far ahead are cut anew', () => {
    expect(slicesOf(100n, { least: 0n, greatest: 10_000_000n })).toBeUndefined()
  })

  test('due neighbors are read together, and no more of them than asked for', () => {
    const ranges = rangesOf(100n, ['-1', '0', '1', '5'], 2)
    expect(ranges).toEqual([
      { from: -100n, to: 99n, slices: ['-1', '0'] },
      { from: 100n, to: 199n, slices: ['1'] },
      { from: 500n, to: 599n, slices: ['5'] },
    ])
  })
})

describe('what is due', () => {
  const withinMs = 24 * hour
  const facts = { withinMs, nowMs: 0, nextMs: 0 }

  test('all that was never verified', () => {
    expect(decideDue({ ...facts, slices: ['0', '1', '2'], ages: agedAt(0, ['1']) })).toEqual(['0', '2'])
  })

  test('what was verified in the future was not', () => {
    expect(decideDue({ ...facts, slices: ['0'], ages: agedAt(1, ['0']) })).toEqual(['0'])
  })

  test('nothing, right after all was verified', () => {
    expect(decideDue({ ...facts, slices: slices(24), ages: agedAt(0, slices(24)) })).toEqual([])
  })

  test('slices verified at one moment are due evenly over the time', () => {
    const ages = new Map(agedAt(0, slices(24)))
    const counts: number[] = []
    let oldestMs = 0
    for (let hours = 1; hours <= 72; hours += 1) {
      const nowMs = hours * hour
      const due = decideDue({ slices: slices(24), ages, nowMs, nextMs: nowMs + hour, withinMs })
      oldestMs = Math.max(oldestMs, ...[...ages.values()].map((atMs) => nowMs - atMs))
      for (const slice of due) ages.set(slice, nowMs)
      counts.push(due.length)
    }
    expect(Math.max(...counts)).toBeLessThanOrEqual(2)
    expect(counts.reduce((sum, n) => sum + n, 0)).toBeGreaterThanOrEqual(48)
    expect(oldestMs).toBeLessThanOrEqual(withinMs)
  })

  test('a table that is one slice is due when it is too old by the next run, and not before', () => {
    const due = (nowMs: number) =>
      decideDue({ slices: ['all'], ages: agedAt(0, ['all']), nowMs, nextMs: nowMs + hour, withinMs })
    expect(due(22 * hour)).toEqual([])
    expect(due(23.5 * hour)).toEqual(['all'])
  })

  test('all that is too old, after a long pause', () => {
    const nowMs = 48 * hour
    expect(decideDue({ slices: slices(5), ages: agedAt(0, slices(5)), nowMs, nextMs: nowMs, withinMs })).toEqual(
      slices(5),
    )
  })
})

test('the oldest verification is only known when every slice was verified', () => {
  expect(verifiedOf(['0', '1'], new Map([['0', 5]]))).toEqual({ slices: 2, verified: 1, oldestMs: undefined })
  const ages = new Map([
    ['0', 5],
    ['1', 3],
  ])
  expect(verifiedOf(['0', '1'], ages)).toEqual({ slices: 2, verified: 2, oldestMs: 3 })
  expect(verifiedOf([], new Map())).toEqual({ slices: 0, verified: 0, oldestMs: undefined })
})
