import { expect, test } from 'vitest'
import { exactSum } from './exact-sum.ts'

test.each([
  [[], '0'],
  [['0.10', 0.2, -3n], '-2.7'],
  [['0.1', '-0.10'], '0'],
  [['9007199254740993', 1], '9007199254740994'],
  [[1e21, 1e-7], '1000000000000000000000.0000001'],
  [['-0.05'], '-0.05'],
  [['12.', '+3'], '15'],
] as const)('the sum of %o is %s', (amounts, sum) => expect(exactSum(amounts)).toBe(sum))

test.each(['', 'NaN', 'Infinity', '1,5', '1.5.2', 'ten'])('%j is no decimal', (text) => {
  expect(exactSum(['1', text])).toBeUndefined()
})
