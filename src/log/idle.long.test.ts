/** A minute without an event. */
import { expect, test } from 'vitest'
import { idle } from '../../test/race/idle.ts'

test('a minute without an event uses no transaction id and no WAL beyond its beats', async () => {
  const measured = await idle({ forMs: 60_000 })

  console.log(JSON.stringify(measured))
  expect(measured.withoutBeats).toEqual({ transactionIds: 0, walBytes: 0, beats: 0 })
  expect(measured.withBeats.transactionIds).toBe(measured.withBeats.beats)
  expect(measured.firstMs[2]).toBeLessThan(20)
  expect(measured.fromElsewhereMs[2]).toBeLessThan(measured.pollMs + 20)
})
