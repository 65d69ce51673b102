/** A log with nothing to do costs nothing, and is awake at once. */
import { expect, test } from 'vitest'
import { idle } from '../../test/race/idle.ts'

/** A beat is a locked and updated row and a commit; a pruned page now and then. */
const beatBytesMax = 400
/** Longer than any event may take: an event that comes sooner was announced. */
const pollMs = 20_000

test('an idle log and reader write nothing but beats, and the first event after it is applied at once', async () => {
  const { withoutBeats, withBeats, firstMs, fromElsewhereMs } = await idle({ forMs: 10_000, pollMs })

  expect(withoutBeats).toEqual({ transactionIds: 0, walBytes: 0, beats: 0 })
  expect(withBeats.transactionIds).toBe(withBeats.beats)
  expect(withBeats.beats).toBeGreaterThan(2)
  expect(withBeats.walBytes).toBeLessThanOrEqual(withBeats.beats * beatBytesMax)
  // Had it waited to be asked, it would have taken half of that on average. The long form measures milliseconds.
  expect(firstMs[2], `${firstMs.map(Math.round)}`).toBeLessThan(pollMs / 4)
  expect(fromElsewhereMs[2], `${fromElsewhereMs.map(Math.round)}`).toBeLessThan(pollMs / 4)
}, 90_000)
