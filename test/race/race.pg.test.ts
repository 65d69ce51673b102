/** Writers that race on hot streams against readers that must see each stream in order, whole and once. */
import { expect, test } from 'vitest'
import { systemScheduler } from '../../src/base/scheduler.ts'
import { publish } from '../../src/outbox/outbox.ts'
import type { Database } from '../../src/store/database.ts'
import { freshDatabase } from '../support/database.ts'
import { waitFor } from '../support/wait-for.ts'
import { race } from './producers.ts'
import {
  countingConsumer,
  faultless,
  ItemMoved,
  itemNames,
  makeTables,
  type Owner,
  type ReaderOptions,
  startOwner,
  startReader,
  verdict,
} from './shop.ts'
import { xminReader } from './xmin-reader.ts'

interface World {
  readonly db: Database
  readonly own: Database
  readonly owner: Owner
  readonly items: readonly string[]
}

async function makeWorld(items: number): Promise<World> {
  const fresh = await freshDatabase()
  const db = await fresh.connect({ max: 28 })
  const own = await fresh.connect({ schema: 'reader', max: 6 })
  const owner = await startOwner(db)
  const names = itemNames(items)
  await makeTables(db, names)
  return { db, own, owner, items: names }
}

const applied = async (db: Database): Promise<boolean> => {
  const { rows } = await db.query<{ all: boolean }>(
    'select (select count(*) from selvedge.log) = (select coalesce(sum(n), 0) from copy) as all',
  )
  return rows[0]?.all === true
}

/** One race with `readers` sharing the consumer; a popular reader looks on. */
async function raced(options: {
  readonly seed: number
  readonly forMs: number
  readonly readers: readonly ReaderOptions[]
}) {
  const { db, own, owner, items } = await makeWorld(40)
  const scheduler = systemScheduler()
  const popular = xminReader(db, scheduler)
  const readers = await Promise.all(
    options.readers.map((reader) => startReader({ source: db, own }, countingConsumer(), reader)),
  )
  const load = { seed: options.seed, items, producers: 20, forMs: options.forMs, lateMsMax: 1_000 }
  const done = await race(db, scheduler, load)
  await waitFor(() => applied(db), { within: 20_000, every: 50, what: 'all events in the copy' })
  const result = { ...(await verdict(db)), published: done.published, commits: done.committed }
  const { inversions } = popular
  await popular.stop()
  await Promise.all(readers.map((reader) => reader.stop()))
  await owner.stop()
  await scheduler.stop()
  return { result, inversions, done }
}

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
