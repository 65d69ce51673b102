/** A stream that always fails, beside others that are measured. */
import { expect, test } from 'vitest'
import { poison, spread } from './poison.ts'

test('a stream that always fails at 200 events a second delays no other: their p99 is within the spread of clean rounds', async () => {
  const { rounds, waiting } = await poison({ pairs: 3, forMs: 1_500 })
  const clean = spread(rounds.filter((round) => !round.isPoisoned).map((round) => round.p99))
  const poisoned = spread(rounds.filter((round) => round.isPoisoned).map((round) => round.p99))

  expect(waiting, 'all of the failing stream waits').toBe(3 * 300)
  // Three short rounds know their spread badly: the best of them is compared, and half as much again is allowed.
  expect(poisoned.least, JSON.stringify(rounds)).toBeLessThanOrEqual(clean.greatest * 1.5)
})
