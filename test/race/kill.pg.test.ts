/** Processes that share a consumer, killed and stopped. */
import { expect, test } from 'vitest'
import { deadly, killed, stopped } from './kill.ts'
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

test.each(['pause', 'pause first'] as const)(
  'a process stopped inside its handler loses its lanes within 5 s, and harms nothing when it goes on (%s)',
  async (at) => {
    const { result, published, lostLanesMs, isBack } = await stopped({ stopMs: 5_000, at })

    expect(lostLanesMs).toBeLessThan(5_000)
    expect(isBack).toBe(true)
    expect(result).toMatchObject({ ...faultless, events: published })
  },
  within,
)

test(
  'an event whose handler ends its process is parked after a few deaths, and the others go on',
  async () => {
    const { parked, deaths, result } = await deadly()

    expect(deaths).toBeLessThanOrEqual(6)
    expect(parked).toMatchObject([
      {
        stream: 'ItemMoved/item-3',
        state: 'parked',
        firstVersion: 2,
        error: { code: 'inbox/killed-process', version: 2 },
      },
    ])
    expect(result).toMatchObject({ ...faultless, lost: 1, disorder: 1 })
  },
  within,
)
