/** A log with nothing to do costs nothing, and is awake at once. */
import { expect, test } from 'vitest'
import { idle } from '../../test/race/idle.ts'

/** A beat is a locked and updated row and a commit; a pruned page now and then. */
const beatBytesMax = 400

test('an idle log and reader write nothing but beats, and the first event after it is applied at once', async () => {
  const { withoutBeats, withBeats, firstMs, fromElsewhereMs, pollMs } = await idle({ forMs: 10_000 })

  expect(withoutBeats).toEqual({ transactionIds: 0, walBytes: 0, beats: 0 })
  expect(withBeats.transactionIds).toBe(withBeats.beats)
  expect(withBeats.beats).toBeGreaterThan(2)
  expect(withBeats.walBytes).toBeLessThanOrEqual(withBeats.beats * beatBytesMax)
  // Tests beside this one want the machine, too: 29 ms were the median of five at a load of 11. A log that were only polled would
  // need half of 250 ms. The long form, alone on the machine, holds 20 ms.
  expect(firstMs[2], `${firstMs.map(Math.round)}`).toBeLessThan(60)
  expect(fromElsewhereMs[0], `${fromElsewhereMs.map(Math.round)}`).toBeLessThan(pollMs + 20)
}, 90_000)
