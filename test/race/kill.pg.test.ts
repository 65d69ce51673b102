/** Processes that share a consumer, killed and stopped. */
import { expect, test } from 'vitest'
import { killed, stopped } from './kill.ts'
import { faultless } from './shop.ts'

// Starting a process means compiling what it imports, several times over.
const within = 120_000

test(
  'three processes share a consumer and are killed at random: nothing is lost or doubled, order is kept',
  async () => {
    const { result, published, handovers } = await killed({ rounds: 4, seed: 5 })

    expect(result).toMatchObject({ ...faultless, events: published })
    expect(handovers).toBeGreaterThan(8)
  },
  within,
)

test(
  'a process stopped inside its handler loses its lanes within 5 s, and harms nothing when it goes on',
  async () => {
    const { result, published, lostLanesMs, isBack } = await stopped({ stopMs: 5_000 })

    expect(lostLanesMs).toBeLessThan(5_000)
    expect(isBack).toBe(true)
    expect(result).toMatchObject({ ...faultless, events: published })
  },
  within,
)
