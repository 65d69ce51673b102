/** A stream that always fails, beside others that are measured for a minute. */
import { expect, test } from 'vitest'
import { poison, spread } from './poison.ts'

test('the others’ median p99 beside a failing stream is within the spread of clean rounds', async () => {
  const { rounds, waiting } = await poison({ pairs: 5, forMs: 6_000 })
  const clean = spread(rounds.filter((round) => !round.isPoisoned).map((round) => round.p99))
  const poisoned = spread(rounds.filter((round) => round.isPoisoned).map((round) => round.p99))

  console.log(JSON.stringify({ clean, poisoned, waiting }))
  expect(waiting).toBe(5 * 1_200)
  expect(poisoned.median).toBeLessThanOrEqual(clean.greatest)
})
