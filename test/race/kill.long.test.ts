/** Processes that share a consumer, killed thirty times, and stopped for longer than anybody waits. */
import { expect, test } from 'vitest'
import { killed, stopped } from './kill.ts'
import { faultless } from './shop.ts'

test('thirty kills at random: nothing is lost or doubled, order is kept', async () => {
  const { result, published, handovers } = await killed({ rounds: 30, seed: 6 })

  console.log(JSON.stringify({ ...result, published, handovers }))
  expect(result).toMatchObject({ ...faultless, events: published })
  expect(handovers).toBeGreaterThan(30)
})

test.each(['pause', 'pause first'] as const)(
  'a process stopped for ten seconds inside its handler harms nothing when it goes on (%s)',
  async (at) => {
    const { result, published, lostLanesMs, isBack } = await stopped({ stopMs: 10_000, at })

    console.log(JSON.stringify({ ...result, published, lostLanesMs: Math.round(lostLanesMs) }))
    expect(lostLanesMs).toBeLessThan(5_000)
    expect(isBack).toBe(true)
    expect(result).toMatchObject({ ...faultless, events: published })
  },
)
