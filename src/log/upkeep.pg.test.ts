/** What a log forgets, and what it must not; and that nobody waits for a neighbour's open transaction. */
import { expect, test } from 'vitest'
import { applied, makeWorld, type World } from '../../test/race/raced.ts'
import { countingConsumer, faultless, ItemMoved, startReader, verdict } from '../../test/race/shop.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { publish } from '../outbox/outbox.ts'
import type { Database, Transaction } from '../store/database.ts'
import { SqlOwnerLog } from './reader.ts'
import { mergedSequencesMax } from './sql/consumer-functions.ts'
import { dropReadPartitions, expireConsumers, upkeepLog } from './upkeep.ts'

async function moved(tx: Transaction, item: string): Promise<void> {
  tx.send('update item set n = n + 1 where name = $1', [item])
  await publish(tx, ItemMoved, { item })
}

const publishOne = (world: World, item: string): Promise<void> => world.db.transaction((tx) => moved(tx, item))

/** Jumps to the last numbers of the partition in use, so that the next events begin another. */
async function nextPartition(db: Database): Promise<void> {
  await db.query(
    "select setval('selvedge.log_seq', (last_value / selvedge.partition_rows() + 1) * selvedge.partition_rows()) from selvedge.log_seq",
  )
  await db.query('select selvedge.extend_log()')
}

const partitions = async (db: Database): Promise<string[]> => {
  const { rows } = await db.query<{ name: string }>(
    "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'selvedge.log'::regclass order by 1",
  )
  return rows.map((row) => row.name)
}

const stateOf = async (db: Database, name: string): Promise<string | undefined> =>
  (await db.query<{ state: string }>('select state from selvedge.consumer where name = $1', [name])).rows[0]?.state

/** Events in three partitions, all read by `copy`; then `sleeper`, which read only the first. */
async function worldOfPartitions(): Promise<World> {
  const world = await makeWorld(3)
  const sleeper = await startReader(
    { source: world.db, own: world.own },
    countingConsumer('sleeper', () => undefined),
  )
  await publishOne(world, 'item-0')
  await waitFor(() => sleeper.effect.applied === 1, { within: 20_000 })
  await waitFor(async () => (await world.db.query('select from selvedge.consumer where tick > 0')).rowCount > 0, {
    within: 20_000,
  })
  await sleeper.stop()
  for (const item of world.items) {
    await nextPartition(world.db)
    await publishOne(world, item)
  }
  const copy = await startReader({ source: world.db, own: world.own }, countingConsumer('copy'))
  await waitFor(() => applied(world.db), { within: 20_000 })
  // An open transaction of any other database of the server holds the floor down for as long as it lasts.
  const isAcknowledged = async (): Promise<boolean> => {
    await world.owner.ticker.tick()
    const acknowledged = "select from selvedge.consumer where name = 'copy' and floor_seq > 3000000"
    return (await world.db.query(acknowledged)).rowCount > 0
  }
  await waitFor(isAcknowledged, { within: 20_000, every: 200, what: 'an acknowledgement' })
  await copy.stop()
  return world
}

test('partitions go when every live consumer has read them, and not before', async () => {
  const world = await worldOfPartitions()

  expect(await dropReadPartitions(world.db, 0), 'sleeper has not read them').toEqual([])
  expect(await expireConsumers(world.db, 3_600_000), 'an hour has not passed').toEqual([])
  expect(await expireConsumers(world.db, 0)).toEqual(['sleeper'])
  expect(await dropReadPartitions(world.db, 3_600_000), 'they are young').toEqual([])
  expect(await dropReadPartitions(world.db, 0)).toEqual(['log_0', 'log_1', 'log_2'])
  expect(await partitions(world.db)).not.toContain('selvedge.log_2')
  await world.owner.stop()
})

test('a consumer whose events went is told so, goes no further, and the others go on', async () => {
  const world = await worldOfPartitions()
  await expireConsumers(world.db, 0)
  await dropReadPartitions(world.db, 0)
  const sleeper = await startReader(
    { source: world.db, own: world.own },
    countingConsumer('sleeper', () => undefined),
  )
  const copy = await startReader({ source: world.db, own: world.own }, countingConsumer('copy'))
  const late = await startReader(
    { source: world.db, own: world.own },
    countingConsumer('late', () => undefined),
  )
  await publishOne(world, 'item-1')
  await waitFor(() => copy.effect.applied === 1, { within: 20_000 })
  await waitFor(() => sleeper.loop.state === 'needs-snapshot' && late.loop.state === 'needs-snapshot', {
    within: 20_000,
  })

  expect([
    await stateOf(world.db, 'sleeper'),
    await stateOf(world.db, 'late'),
    await stateOf(world.db, 'copy'),
  ]).toEqual(['needs_snapshot', 'needs_snapshot', 'live'])
  expect([sleeper.effect.applied, late.effect.applied]).toEqual([0, 0])
  await Promise.all([sleeper.stop(), copy.stop(), late.stop()])
  await world.owner.stop()
})

test('a consumer that registers while a partition is about to go keeps it', async () => {
  const world = await worldOfPartitions()
  await expireConsumers(world.db, 0)
  const registering = await world.db.transaction(async (tx) => {
    const { rows } = await tx.query<{ state: string }>("select state from selvedge.register('late', 'reader')")
    return [rows[0]?.state, await dropReadPartitions(world.db, 0)]
  })

  expect(registering).toEqual(['live', []])
  expect(await dropReadPartitions(world.db, 0)).toEqual([])
  await world.owner.stop()
})

test('ticks are thinned below the slowest consumer, and reading goes on', async () => {
  const world = await makeWorld(3)
  const reader = await startReader({ source: world.db, own: world.own }, countingConsumer())
  await publishOne(world, 'item-0')
  await waitFor(() => applied(world.db), { within: 20_000 })
  await world.db.query(`insert into selvedge.tick(id, xid, seq_lo, seq_hi, floor_seq, snapshot)
    select t.id + n, t.xid, t.seq_lo, t.seq_hi, t.floor_seq, t.snapshot from (select * from selvedge.tick order by id desc limit 1) t, generate_series(1, 25000) n`)
  await publishOne(world, 'item-1')
  await waitFor(async () => (await world.db.query('select from selvedge.consumer where tick > 25000')).rowCount > 0, {
    within: 20_000,
  })
  await upkeepLog(world.db)
  const { rows } = await world.db.query<{ n: string }>('select count(*) as n from selvedge.tick')
  expect(Number(rows[0]?.n)).toBeLessThan(11_000)
  for (const item of world.items) await publishOne(world, item)
  await waitFor(() => applied(world.db), { within: 20_000 })

  expect(await verdict(world.db)).toMatchObject({ ...faultless, events: 5 })
  await reader.stop()
  await world.owner.stop()
})

test('ticks of a log that nobody reads are thinned as well', async () => {
  const world = await makeWorld(1)
  await world.db.query(`insert into selvedge.tick(id, xid, seq_lo, seq_hi, floor_seq, snapshot)
    select t.id + n, t.xid, t.seq_lo, t.seq_hi, t.floor_seq, t.snapshot from (select * from selvedge.tick order by id desc limit 1) t, generate_series(1, 25000) n`)
  await upkeepLog(world.db)
  const { rows } = await world.db.query<{ n: string }>('select count(*) as n from selvedge.tick')

  expect(Number(rows[0]?.n)).toBeLessThan(11_000)
  await world.owner.stop()
})

test('a floor never falls, though the tick that proved it is gone', async () => {
  const world = await makeWorld(1)
  for (let i = 0; i < 5; i++) await publishOne(world, 'item-0')
  await waitFor(async () => (await world.owner.ticker.tick()).floorSeq === 5, { within: 20_000, every: 100 })
  const [before, after] = await world.db.transaction(async (tx) => {
    // Older than the next tick, so that only an earlier one can say what this transaction may still write.
    await tx.query('insert into noise default values')
    const proved = await world.owner.ticker.tick()
    await world.db.query('delete from selvedge.tick where id < $1', [proved.tick])
    return [proved, await world.owner.ticker.tick()]
  })

  expect(before?.floorSeq).toBe(5)
  expect(after?.floorSeq).toBe(5)
  await world.owner.stop()
})

test('upkeep gives back the room of dead rows', async () => {
  const world = await makeWorld(1)
  await publishOne(world, 'item-0')
  await world.db.query('alter table selvedge.head set (autovacuum_enabled = off)')
  for (let i = 0; i < 5; i++)
    await world.db.query('insert into selvedge.head select $1::text || n, 1, 0 from generate_series(1, 1000) n', [
      `dead ${i} `,
    ])
  await world.db.query("delete from selvedge.head where stream like 'dead%'")
  const vacuums = async (): Promise<boolean> => {
    await upkeepLog(world.db)
    const { rows } = await world.db.query<{ n: string }>(
      "select vacuum_count as n from pg_stat_user_tables where relname = 'head' and schemaname = 'selvedge'",
    )
    return Number(rows[0]?.n) > 0
  }

  expect(await waitFor(vacuums, { within: 10_000, every: 200, what: 'a vacuum' })).toBe(true)
  await world.owner.stop()
})

test('many ticks are read as one, up to a cap, and only ever whole', async () => {
  const world = await makeWorld(40)
  const log = new SqlOwnerLog('shop', world.db)
  let { position } = await log.register('by hand', 'reader', 'beginning')
  for (let tick = 0; tick < 120; tick++) {
    await world.db.transaction(async (tx) => {
      for (let i = 0; i < 100; i++) await publish(tx, ItemMoved, { item: world.items[i % 40] as string })
    })
    await world.owner.ticker.tick()
  }
  const next = new Map<string, number>()
  let [reads, events] = [0, 0]
  for (;;) {
    const reading = await log.batch('by hand', position, undefined, 100_000)
    if (!reading) break
    reads += 1
    expect(reading.cut.seqHi - position.previous.seqHi).toBeLessThanOrEqual(mergedSequencesMax)
    for (const event of reading.events) {
      expect(event.version).toBe((next.get(event.stream) ?? 0) + 1)
      next.set(event.stream, event.version)
    }
    events += reading.events.length
    position = { epoch: position.epoch, previous: reading.cut }
  }

  expect(events).toBe(12_000)
  expect(reads).toBeLessThan(10)
  await world.owner.stop()
})

test('nobody waits for a transaction that stays open, nor for one that holds a snapshot', async () => {
  const world = await makeWorld(10)
  const reader = await startReader({ source: world.db, own: world.own }, countingConsumer(), {
    ticks: world.owner.ticker.ticked,
  })
  const others = world.items.slice(1)
  let finishSlow = (): void => undefined
  const isSlowOver = new Promise<void>((resolve) => {
    finishSlow = resolve
  })
  let begun = 0
  const slow = world.db.transaction(async (tx) => {
    await tx.query('insert into noise default values')
    begun += 1
    await isSlowOver
    await moved(tx, 'item-0')
  })
  const snapshot = world.db.transaction(
    async (tx) => {
      await tx.query('select 1')
      begun += 1
      await isSlowOver
    },
    { isolation: 'repeatable read', readOnly: true },
  )
  // An event from before the slow writer would not be beside it.
  await waitFor(() => begun === 2, { within: 10_000, what: 'both to be open' })
  for (let i = 0; i < 100; i++) {
    await publishOne(world, others[i % others.length] as string)
    await waitFor(() => reader.effect.applied === i + 1, {
      within: 20_000,
      every: 1,
      what: 'an event beside a slow writer',
    })
  }
  const hidden = await world.db.query<{ n: string }>(
    'select count(*) as n from selvedge.log where xid < pg_snapshot_xmin(pg_current_snapshot())',
  )
  finishSlow()
  await Promise.all([slow, snapshot])
  await waitFor(() => applied(world.db), { within: 20_000 })

  expect(Number(hidden.rows[0]?.n), 'what a cursor by transaction id would have shown meanwhile').toBe(0)
  expect(await verdict(world.db)).toMatchObject({ ...faultless, events: 101 })
  await reader.stop()
  await world.owner.stop()
})
