/** Writers that race on hot streams against readers that must see each stream in order, whole and once. */
import { expect, test } from 'vitest'
import { publish } from '../../src/outbox/outbox.ts'
import { waitFor } from '../support/wait-for.ts'
import { applied, makeWorld, raced } from './raced.ts'
import { countingConsumer, faultless, ItemMoved, startReader, verdict } from './shop.ts'

test('a copy counts every event once and in order, where a cursor by transaction id does not', async () => {
  const { result, inversions, done } = await raced({ seed: 1, forMs: 4_000, readers: [{}] })

  expect(result).toMatchObject({ ...faultless, events: done.published })
  expect(done.rolledBack).toBeGreaterThan(10)
  expect(inversions, 'the harness must be able to fail').toBeGreaterThan(0)
})

test('nothing is passed over when reads end inside ticks and lanes stand at different positions', async () => {
  const readers = [
    { readEvents: 7, batchEvents: 3, beatMs: 100 },
    { readEvents: 5, batchEvents: 2, beatMs: 100 },
    { readEvents: 3, batchEvents: 3, beatMs: 100 },
  ]
  const { result, inversions, done } = await raced({ seed: 2, forMs: 4_000, readers })

  expect(result).toMatchObject({ ...faultless, events: done.published })
  expect(inversions, 'the harness must be able to fail').toBeGreaterThan(0)
})

test('one transaction of 60,000 events is read in order and applied once', async () => {
  const { db, own, owner, items } = await makeWorld(40)
  await db.transaction(async (tx) => {
    tx.send('update item set n = 1500')
    for (let i = 0; i < 60_000; i++) await publish(tx, ItemMoved, { item: items[i % 40] as string })
  })
  const reader = await startReader({ source: db, own }, countingConsumer())
  await waitFor(() => applied(db), { within: 25_000, every: 50, what: 'all events in the copy' })

  expect(await verdict(db)).toMatchObject({ ...faultless, events: 60_000 })

  await reader.stop()
  await owner.stop()
})
