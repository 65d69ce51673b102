import { expect, it } from 'vitest'
import { counted, thousands } from './counted.ts'

it('numbers are written as a person writes them', () => {
  for (const n of [0, 7, 999, 1_000, 12_345, 999_999, 1_000_000, 25_000_000, -1_234, 2 ** 53])
    expect(thousands(n)).toBe(n.toLocaleString('en-US'))
  expect([0, 1, 2, 1_200].map((n) => counted(n, 'row'))).toEqual(['0 rows', '1 row', '2 rows', '1,200 rows'])
})
