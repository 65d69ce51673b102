/** The race for minutes: the same claims as the short form, with enough events for what happens once in thousands. */
import { expect, test } from 'vitest'
import { raced } from './raced.ts'
import { faultless } from './shop.ts'

const small = [
  { readEvents: 7, batchEvents: 3, beatMs: 100 },
  { readEvents: 5, batchEvents: 2, beatMs: 100 },
  { readEvents: 3, batchEvents: 3, beatMs: 100 },
]

test.each([11, 12, 13])('a minute of racing writers, seed %i: nothing lost, doubled or out of order', async (seed) => {
  const { result, inversions, done } = await raced({ seed, forMs: 60_000, readers: seed % 2 ? [{}] : small })

  console.log(JSON.stringify({ seed, ...result, rolledBack: done.rolledBack, inversionsByTransactionId: inversions }))
  expect(result).toMatchObject({ ...faultless, events: done.published })
  expect(inversions, 'the harness must be able to fail').toBeGreaterThan(100)
})
