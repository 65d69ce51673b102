/** Behind PgBouncer in transaction mode: each transaction may run in another server session. */
import { expect } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { testThatNeeds } from '../../test/support/needs.ts'
import { pgbouncerPath, startPgbouncer } from '../../test/support/pgbouncer.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { service } from '../contract/contract.ts'
import { consumer, on } from '../inbox/inbox.ts'
import { logMigrations } from '../log/migrations.ts'
import { publish } from '../outbox/outbox.ts'
import { type Database, migrate, openDatabase } from '../store/store.ts'
import { defineService } from './service.ts'

const testWithPgbouncer = testThatNeeds('pgbouncer', pgbouncerPath !== undefined)

const shop = service('shop')
const OrderPlaced = shop.event('OrderPlaced', {
  schemaVersion: 1,
  about: shop.entity('Order', { key: 'id', schema: z.object({ id: z.string() }) }),
  schema: z.object({ orderId: z.string() }),
})

const counting = consumer('counting', {
  from: shop,
  handlers: [
    on(OrderPlaced, async (tx, event) => {
      await tx.query('update counted set n = n + 1 where stream = $1', [event.stream])
    }),
  ],
})

const streams = Array.from({ length: 10 }, (_, n) => `Order/${n}`)

testWithPgbouncer(
  'a service publishes and consumes each event once, with few server sessions for many',
  async () => {
    const [shopDatabase, statsDatabase] = await Promise.all([freshDatabase(), freshDatabase()])
    const [shopUrl, statsUrl] = await Promise.all([
      startPgbouncer(shopDatabase.url, { poolSize: 3 }),
      startPgbouncer(statsDatabase.url, { poolSize: 3 }),
    ])
    const open = (url: string) => openDatabase(url, { prepare: false, max: 8 })
    const [shopDb, statsDb, ownerDb] = [open(shopUrl), open(statsUrl), open(shopUrl)]
    await statsDb.query('create table counted(stream text primary key, n int not null default 0)')
    await statsDb.query('insert into counted(stream) select unnest($1::text[])', [streams])
    const owner = defineService({ contract: shop, database: shopDb })
    const stats = defineService({
      contract: service('stats'),
      database: statsDb,
      consumers: [counting],
      sources: { shop: { database: ownerDb } },
    })
    await owner.start()
    await stats.start()

    const place = (n: number) =>
      shopDb.transaction(async (tx) => {
        await tx.query('select 1')
        await publish(tx, OrderPlaced, { orderId: String(n % 10) })
        await publish(tx, OrderPlaced, { orderId: String((n + 1) % 10) })
      })
    for (let n = 0; n < 100; n += 10) await Promise.all(Array.from({ length: 10 }, (_, i) => place(n + i)))
    const total = async () => Number((await statsDb.query<{ n: string }>('select sum(n) as n from counted')).rows[0]?.n)
    await waitFor(async () => (await total()) >= 200, { within: 10_000, what: 'all events' })

    expect((await statsDb.query('select distinct n from counted')).rows).toEqual([{ n: 20 }])
    expect(stats.health().consumers[0]).toMatchObject({ state: 'reading', lanes: 8, parked: 0 })
    await Promise.all([owner.stop(), stats.stop()])
    expect((await statsDb.query('select from selvedge.lane where owner is not null')).rowCount).toBe(0)
    await Promise.all([shopDb, statsDb, ownerDb].map((db) => db.close()))
  },
  60_000,
)

/** Publishes on several connections at once, so that the pooler mixes their sessions. */
async function publishAtOnce(db: Database): Promise<unknown[]> {
  const results = await Promise.allSettled(
    Array.from({ length: 12 }, (_, n) =>
      db.transaction(async (tx) => {
        await tx.query('select pg_sleep(0.005)')
        await publish(tx, OrderPlaced, { orderId: String(n) })
      }),
    ),
  )
  return results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
}

testWithPgbouncer('forgetting prepare: false is an error that says so, and then heals', async () => {
  const database = await freshDatabase()
  await migrate(await database.connect(), [logMigrations])
  const db = openDatabase(await startPgbouncer(database.url, { poolSize: 2 }), { max: 6 })

  const first = await waitFor(
    async () => {
      const failures = await publishAtOnce(db)
      return failures.length > 0 ? failures : undefined
    },
    { within: 10_000, what: 'a prepared statement in another session' },
  )
  const later = await publishAtOnce(db)

  for (const failure of first)
    expect(failure).toMatchObject({
      code: 'store/pooled-plan',
      kind: 'transient',
      help: expect.stringContaining('prepare: false'),
    })
  expect(later).toEqual([])
  await db.close()
})
