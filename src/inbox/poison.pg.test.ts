/** One stream that fails, in every way it can, and all the others that must not notice. */
import { expect, test } from 'vitest'
import { applied, makeWorld, type World } from '../../test/race/raced.ts'
import {
  countInCopy,
  countingConsumer,
  ItemMoved,
  type Reader,
  type ReaderOptions,
  startReader,
} from '../../test/race/shop.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { transient } from '../base/error.ts'
import { publish } from '../outbox/outbox.ts'
import type { Transaction } from '../store/database.ts'
import { parkedStreams, release, retry, skip } from './inbox.ts'

const items = 30

/** Publishes one event on each of `names`, in one transaction, so that a reader meets them in one batch. */
async function publishOn(world: World, names: readonly string[]): Promise<void> {
  await world.db.transaction(async (tx) => {
    for (const item of names) {
      tx.send('update item set n = n + 1 where name = $1', [item])
      await publish(tx, ItemMoved, { item })
    }
  })
}

const numberOf = (item: string): number => Number(item.split('-')[1])

type Fault = (tx: Transaction, item: string, version: number) => Promise<void> | void

/** A reader whose handler runs `fault` before it counts; of every second item it waits for the count, of others it only sends. */
async function faulty(world: World, fault: Fault, options: ReaderOptions = {}): Promise<Reader> {
  const handle = countingConsumer('copy', async (tx, event) => {
    await fault(tx, event.data.item, event.version)
    await countInCopy(tx, event)
    if (numberOf(event.data.item) % 2 === 0) await tx.query('select 1')
  })
  return startReader({ source: world.db, own: world.own }, handle, options)
}

/** Streams by name with what the copy has counted of them. */
async function counted(world: World): Promise<Record<string, number>> {
  const { rows } = await world.db.query<{ item: string; n: string }>(
    `select split_part(stream, '/', 2) as item, case when disorder > 0 then -1 else n end as n from copy`,
  )
  return Object.fromEntries(rows.map((row) => [row.item, Number(row.n)]))
}

const end = async (world: World, reader: Reader): Promise<void> => {
  await reader.stop()
  await world.owner.stop()
}

const waiting = async (world: World): Promise<string[]> =>
  (await parkedStreams(world.own)).map((report) => report.stream.split('/')[1] as string).sort()

test('a statement that was only sent and fails is blamed on its own event', async () => {
  const world = await makeWorld(items)
  await publishOn(world, world.items)
  const reader = await faulty(world, (tx, item) => {
    if (item === 'item-1') tx.send('select 1 / 0')
  })
  await waitFor(async () => Object.keys(await counted(world)).length === items - 1, { within: 10_000 })

  expect(await waiting(world)).toEqual(['item-1'])
  await end(world, reader)
})

test('many culprits in one batch, some told only at commit, hold nobody else up', async () => {
  const world = await makeWorld(items)
  await world.db.query('create table parent(id int primary key)')
  await world.db.query('create table child(parent int references parent deferrable initially deferred)')
  await publishOn(world, world.items)
  const culprits = world.items.filter((item) => numberOf(item) % 2 === 0 || item === 'item-1')
  const reader = await faulty(world, async (tx, item) => {
    if (numberOf(item) % 2 === 0) throw new Error('at once')
    if (item === 'item-1') await tx.query('insert into child values (1)')
  })
  await waitFor(async () => Object.keys(await counted(world)).length === items - culprits.length, { within: 10_000 })
  await waitFor(async () => (await waiting(world)).length === culprits.length, { within: 10_000 })

  expect(await waiting(world)).toEqual([...culprits].sort())
  expect(await counted(world)).toEqual(
    Object.fromEntries(world.items.filter((item) => !culprits.includes(item)).map((item) => [item, 1])),
  )
  await end(world, reader)
})

test('a handler that always says "try again" delays its own stream only', async () => {
  const world = await makeWorld(items)
  await publishOn(world, world.items)
  const reader = await faulty(world, (_, item) => {
    if (item === 'item-7') throw transient('mail/unreachable', 'The mail server is away.', 'Try again.')
  })
  await waitFor(async () => Object.keys(await counted(world)).length === items - 1, { within: 10_000 })
  // Its own tries go on; the others' new events are applied between them.
  for (let round = 0; round < 3; round++) {
    await publishOn(world, world.items)
    await waitFor(async () => (await counted(world))['item-8'] === round + 2, { within: 20_000 })
  }

  expect(await waiting(world)).toEqual(['item-7'])
  await end(world, reader)
})

test('a batch that deadlocks or is canceled now and then is tried again, and nobody is parked', async () => {
  const world = await makeWorld(items)
  await publishOn(world, world.items)
  let failures = 2
  const reader = await faulty(world, async (tx, item) => {
    if (item === 'item-5' && failures-- > 0)
      await tx.query("do $$ begin raise exception 'no' using errcode = '40P01'; end $$")
  })
  await waitFor(() => applied(world.db), { within: 10_000 })

  expect(await waiting(world)).toEqual([])
  await end(world, reader)
})

test('what breaks the contract is parked at once, with the name of the contract', async () => {
  const world = await makeWorld(items)
  await publishOn(world, world.items)
  await world.db.query(`update selvedge.log set data = '{"item": 5}' where stream = 'ItemMoved/item-1'`)
  await world.db.query(`update selvedge.log set schema_version = 9 where stream = 'ItemMoved/item-2'`)
  const reader = await faulty(world, () => undefined)
  await waitFor(async () => Object.keys(await counted(world)).length === items - 2, { within: 10_000 })

  expect(await parkedStreams(world.own)).toMatchObject([
    {
      stream: 'ItemMoved/item-1',
      state: 'parked',
      attempts: 1,
      error: { code: 'contract/invalid-payload', type: 'ItemMoved' },
    },
    { stream: 'ItemMoved/item-2', state: 'parked', attempts: 1, error: { code: 'contract/unknown-schema-version' } },
  ])
  await end(world, reader)
})

test('after retry, five hundred waiting events apply in order while new ones arrive', async () => {
  const world = await makeWorld(2)
  let isMended = false
  const reader = await faulty(world, (_, item) => {
    if (item === 'item-0' && !isMended) throw new Error('not yet')
  })
  for (let i = 0; i < 10; i++)
    await publishOn(
      world,
      Array.from({ length: 50 }, () => 'item-0'),
    )
  await waitFor(async () => (await parkedStreams(world.own))[0]?.events === 500, { within: 10_000 })
  isMended = true
  expect(await retry(world.own, 'copy', 'ItemMoved/item-0')).toBe(true)
  for (let i = 0; i < 200; i++) await publishOn(world, ['item-0', 'item-1'])
  await waitFor(() => applied(world.db), { within: 15_000 }).catch(() => undefined)

  expect(await counted(world), 'a count of -1 is disorder').toEqual({ 'item-0': 700, 'item-1': 200 })
  expect(await parkedStreams(world.own)).toEqual([])
  await end(world, reader)
})

test('what waits before the failing event is applied, also when the failure is told only at commit', async () => {
  const world = await makeWorld(2)
  await world.db.query('create table parent(id int primary key)')
  await world.db.query('create table child(parent int references parent deferrable initially deferred)')
  let isFirstMended = false
  const reader = await faulty(world, async (tx, item, version) => {
    if (item !== 'item-0') return
    if (version === 1 && !isFirstMended) throw new Error('not yet')
    if (version === 6) await tx.query('insert into child values (1)')
  })
  await publishOn(
    world,
    Array.from({ length: 10 }, () => 'item-0'),
  )
  await waitFor(async () => (await parkedStreams(world.own))[0]?.events === 10, { within: 10_000 })
  isFirstMended = true
  await release(world.own, 'copy')
  await waitFor(async () => (await counted(world))['item-0'] === 5, { within: 10_000, what: 'the five before it' })
  const skipping = { consumer: 'copy', stream: 'ItemMoved/item-0', by: 'ada', reason: 'booked by hand' }

  await expect(skip(world.own, { ...skipping, version: 6, by: ' ' })).rejects.toMatchObject({
    code: 'inbox/skip-unsigned',
  })
  await expect(skip(world.own, { ...skipping, version: 7 })).rejects.toMatchObject({ code: 'inbox/not-parked' })
  const failed = { firstVersion: 6, events: 5, error: { version: 6, code: '23503' } }
  await waitFor(async () => (await parkedStreams(world.own))[0]?.error.version === 6, { within: 20_000 })
  expect(await parkedStreams(world.own)).toMatchObject([failed])
  await skip(world.own, { ...skipping, version: 6 })
  await waitFor(async () => (await parkedStreams(world.own)).length === 0, { within: 10_000 })

  const { rows } = await world.db.query('select n, last from copy')
  expect(rows).toEqual([{ n: '9', last: '10' }])
  const skipped = await world.own.query('select stream, version, by, reason from reader.skipped_event')
  expect(skipped.rows).toEqual([{ stream: 'ItemMoved/item-0', version: '6', by: 'ada', reason: 'booked by hand' }])
  await end(world, reader)
})

test('when everything fails at once the consumer waits instead of parking the world', async () => {
  const world = await makeWorld(150)
  await publishOn(world, world.items)
  let isDown = true
  const reader = await faulty(world, () => {
    if (isDown) throw new Error('the ledger is down')
  })
  await waitFor(() => /outage/.test(String((reader.loop.lastError as Error | undefined)?.message)), { within: 20_000 })
  expect((await waiting(world)).length).toBeLessThanOrEqual(100)
  isDown = false
  await waitFor(() => applied(world.db), { within: 20_000, what: 'all of them' })

  expect(await waiting(world)).toEqual([])
  await end(world, reader)
})
