import { describe, expect, it } from 'vitest'
import { seededRandom } from '../base/base.ts'
import { absent, doubled, keySeeds, StateTable } from './state-table.ts'

const whole = { seeds: keySeeds(), index: 0, of: 1 }
const keysOf = (count: number): string[] => {
  const random = seededRandom(3)
  return Array.from({ length: count }, (_, i) =>
    i % 3 === 0 ? String(i) : i % 3 === 1 ? `é🙂 ${i}` : `${random.int(10 ** 9)}-${i}`,
  )
}

describe('a table of states', () => {
  it('says of 100,000 keys what was noted, though it was made for ten and had to grow', () => {
    const keys = keysOf(100_000)
    const table = new StateTable(whole, 10)
    keys.forEach((key, i) => {
      if (i % 5 !== 0) table.note(0, key, 1 + (i % 7))
      if (i % 11 !== 0) table.note(1, key, 1 + (i % 300))
      if (i % 1000 === 1) table.note(1, key, 2)
    })
    const wrong = keys.filter((key, i) => {
      const [left, right] = table.pairOf(key)
      const isDoubled = i % 1000 === 1 && i % 11 !== 0
      const rightIs = isDoubled ? doubled : i % 1000 === 1 ? 2 : i % 11 !== 0 ? 1 + (i % 300) : absent
      return left !== (i % 5 !== 0 ? 1 + (i % 7) : absent) || right !== rightIs
    })
    expect(wrong).toEqual([])
    expect(table.pairOf('never noted')).toEqual([absent, absent])
    expect(table.size).toBe(keys.filter((_, i) => i % 5 !== 0 || i % 11 !== 0 || i % 1000 === 1).length)
    expect(table.count((left) => left === 3)).toBe(keys.filter((_, i) => i % 5 !== 0 && i % 7 === 2).length)
  })

  it('of some parts hold each key once, in one of them', () => {
    const keys = keysOf(9_000)
    const parts = [0, 1, 2].map((index) => new StateTable({ ...whole, index, of: 3 }, 10))
    for (const key of keys) for (const table of parts) table.note(0, key, 1)
    expect(parts.reduce((sum, { size }) => sum + size, 0)).toBe(keys.length)
    for (const { size } of parts) expect(size).toBeGreaterThan(2_500)
    for (const key of keys) expect(parts.filter((table) => table.pairOf(key)[0] === 1)).toHaveLength(1)
  })

  it('says that it is full instead of forgetting', () => {
    const keys = keysOf(200)
    const table = new StateTable(whole, 10, 96)
    const took = keys.map((key) => table.note(0, key, 1))
    expect(took.filter((isNoted) => isNoted)).toHaveLength(96)
    expect(table.note(1, keys[0]!, 5)).toBe(true)
    expect(table.pairOf(keys[0]!)).toEqual([1, 5])
  })
})
