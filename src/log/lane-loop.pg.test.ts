import { expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { systemScheduler } from '../base/base.ts'
import { service } from '../contract/contract.ts'
import { publish } from '../outbox/outbox.ts'
import { migrate } from '../store/migrate.ts'
import type { Database } from '../store/store.ts'
import type { LoggedEvent } from './event.ts'
import { type LaneEffect, LaneLoop } from './lane-loop.ts'
import { Membership } from './membership.ts'
import { logMigrations } from './migrations.ts'
import { type OwnerLog, SqlOwnerLog } from './reader.ts'
import { mergedSequencesMax } from './sql/consumer-functions.ts'

const shop = service('shop')
const Sold = shop.event('Sold', { schemaVersion: 1, schema: z.object({ id: z.string() }), key: (data) => data.id })
/** Longer than the test: what is read in time was read without a poll. */
const pollMs = 600_000
const eventsPerTick = 1_000

async function sell(db: Database, ids: readonly string[]): Promise<void> {
  await db.transaction(async (tx) => {
    for (const id of ids) await publish(tx, Sold, { id })
  })
  await db.query('select selvedge.tick()')
}

async function lanesOf(db: Database): Promise<ReadonlyMap<string, number>> {
  const { rows } = await db.query<{ stream: string; lane: number }>('select distinct stream, lane from selvedge.log')
  return new Map(rows.map(({ stream, lane }) => [stream.replace('Sold/', ''), lane]))
}

/** The log as a reader sees it that holds one lane of many. */
function ofLane(log: OwnerLog, lane: number): OwnerLog {
  return new Proxy(log, {
    get: (target, name) => {
      if (name === 'batch')
        return (...[consumer, position, , most]: Parameters<OwnerLog['batch']>) =>
          target.batch(consumer, position, [lane], most)
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

test('an event after more of others than are merged at once is read without a poll', async () => {
  const db = await (await freshDatabase()).connect()
  await migrate(db, [logMigrations])
  const others = Array.from({ length: 2 * mergedSequencesMax }, () => 'others')
  for (let from = 0; from < others.length; from += eventsPerTick)
    await sell(db, others.slice(from, from + eventsPerTick))
  // Streams enough that one of them is in another lane than the crowd.
  const ids = Array.from({ length: 20 }, (_, n) => `mine ${n}`)
  await sell(db, ids)
  const lanes = await lanesOf(db)
  const id = ids.find((each) => lanes.get(each) !== lanes.get('others'))!

  const scheduler = systemScheduler()
  const members = new Membership(db, scheduler)
  await members.start()
  const applied: LoggedEvent[] = []
  const apply = async (events: readonly LoggedEvent[], advance: Parameters<LaneEffect['apply']>[1]) => {
    applied.push(...events)
    await db.transaction(async (tx) => advance(tx, events.length))
    return events.length
  }
  const log = ofLane(new SqlOwnerLog('shop', db), lanes.get(id)!)
  const loop = new LaneLoop(
    { database: db, log, members, effect: { apply } },
    { consumer: 'reader', service: 'shop', pollMs },
  )
  // A round that answers 0 asks to be run again at once; anything else is waited out.
  for (let rounds = 0; (await loop.round()) === 0 && rounds < 20; rounds += 1);
  expect(applied.map((event) => event.stream)).toContain(`Sold/${id}`)
  await loop.stop()
  await members.stop()
  await scheduler.stop()
})

test('a lane that a message moves on while positions are stored is stored as well', async () => {
  const db = await (await freshDatabase()).connect()
  await migrate(db, [logMigrations])
  await sell(db, ['a'])
  const scheduler = systemScheduler()
  const members = new Membership(db, scheduler)
  await members.start()
  // What happens after a transaction was committed, and before who waits for it hears of that.
  let committed = (): void => undefined
  const slow = new Proxy(db, {
    get: (target, name) => {
      if (name === 'transaction')
        return async (...given: Parameters<Database['transaction']>) => {
          const result = await target.transaction(...given)
          committed()
          return result
        }
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const apply: LaneEffect['apply'] = async (events, advance) => {
    await db.transaction(async (tx) => advance(tx, events.length))
    return events.length
  }
  const log = new SqlOwnerLog('shop', db)
  const loop = new LaneLoop(
    { database: slow, log, members, effect: { apply } },
    { consumer: 'reader', service: 'shop', pollMs },
  )
  while ((await loop.round()) === 0);
  await sell(db, ['b'])
  const { rows } = await db.query<{ id: string; snapshot: string; seq_hi: string; floor_seq: string }>(
    'select id, snapshot::text, seq_hi, floor_seq from selvedge.tick order by id desc limit 1',
  )
  const [{ id, snapshot, seq_hi, floor_seq }] = rows as [(typeof rows)[0]]
  const cut = { tick: Number(id), snapshot, seqHi: Number(seq_hi), floorSeq: Number(floor_seq) }
  const [first, ...others] = loop.lanes
  for (const lane of others) expect(loop.skipTo(lane, 1, 0, cut)).toBe(true)
  committed = () => {
    committed = () => undefined
    expect(loop.skipTo(first!, 1, 0, cut)).toBe(true)
  }
  const behind = async () => {
    const { rows: stored } = await db.query(
      'select lane from (select distinct on (lane) * from selvedge.position order by lane, n desc) p where tick < $1',
      [id],
    )
    return stored.length
  }
  await waitFor(
    async () => {
      await loop.round()
      return (await behind()) === 0
    },
    { within: 10_000, what: 'all lanes to be stored' },
  )
  await loop.stop()
  await members.stop()
  await scheduler.stop()
})
