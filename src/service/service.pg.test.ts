/** Services started, stopped, cut off and upgraded: nothing lost, nothing doubled, and what is wrong is said. */
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { startProcess } from '../../test/support/process.ts'
import { OrderPlaced, shop, stats } from '../../test/support/shop.ts'
import { startTcpProxy } from '../../test/support/tcp-proxy.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { type EventType, service } from '../contract/contract.ts'
import { type Consumer, consumer, on, parkedStreams, release } from '../inbox/inbox.ts'
import { publish } from '../outbox/outbox.ts'
import { type Database, openDatabase } from '../store/store.ts'
import { defineService, type RunningService, runUntilSignal, type ServiceParts } from './service.ts'

const secret = 'hunter2-S3cret'

function define(parts: ServiceParts): RunningService {
  const defined = defineService(parts)
  onTestFinished(() => defined.stop())
  return defined
}

async function twoDatabases(): Promise<{
  readonly shopDb: Database
  readonly statsDb: Database
  readonly urls: readonly [string, string]
}> {
  const [one, other] = await Promise.all([freshDatabase(), freshDatabase()])
  const [shopDb, statsDb] = await Promise.all([one.connect(), other.connect()])
  await statsDb.query('create table counted(stream text primary key, n int not null default 0)')
  await statsDb.query(`insert into counted(stream) select 'Order/' || n from generate_series(0, 9) n`)
  await statsDb.query('create table seen(n int generated always as identity, stream text, version int, name text)')
  return { shopDb, statsDb, urls: [one.url, other.url] }
}

const counting = consumer('counting', {
  from: shop,
  handlers: [
    on(OrderPlaced, async (tx, event) => {
      await tx.query('update counted set n = n + 1 where stream = $1', [event.stream])
    }),
  ],
})
const place = (db: Database, orderId: string | number) =>
  db.transaction((tx) => publish(tx, OrderPlaced, { orderId: String(orderId) }))
const total = async (db: Database) =>
  Number((await db.query<{ n: string }>('select sum(n) as n from counted')).rows[0]?.n)

test('a service goes from created to started to stopped, once each', async () => {
  const { shopDb, statsDb } = await twoDatabases()
  const owner = define({ contract: shop, database: shopDb })
  const counts = define({
    contract: stats,
    database: statsDb,
    consumers: [counting],
    sources: { shop: { database: shopDb, ticks: owner.ticked } },
  })

  expect(counts.health()).toMatchObject({ service: 'stats', state: 'created', consumers: [] })
  await Promise.all([owner.start(), owner.start()])
  await counts.start()
  await place(shopDb, 1)
  await waitFor(async () => (await total(statsDb)) === 1, { within: 20_000 })
  const { consumers } = await waitFor(() => (counts.health().consumers[0]?.lanes === 8 ? counts.health() : undefined), {
    within: 20_000,
  })
  expect(consumers).toMatchObject([{ name: 'counting', state: 'reading', applied: 1, duplicates: 0, parked: 0 }])
  expect((await shopDb.query('select from selvedge.instance')).rowCount).toBe(1)

  await Promise.all([counts.stop(), counts.stop(), owner.stop()])

  expect(counts.health()).toMatchObject({ state: 'stopped' })
  expect((await shopDb.query('select from selvedge.instance')).rowCount).toBe(0)
  await expect(counts.start()).rejects.toMatchObject({ code: 'service/stopped' })
})

test('a consumer without a source is refused before anything is begun', async () => {
  const { statsDb } = await twoDatabases()
  for (const sources of [{}, { user: { database: statsDb } }, { shop: {} }]) {
    const defined = define({ contract: stats, database: statsDb, consumers: [counting], sources })

    await expect(defined.start()).rejects.toMatchObject({
      code: 'service/no-source',
      values: { consumer: 'counting', source: 'shop' },
    })
  }
  expect((await statsDb.query("select to_regnamespace('selvedge') as schema")).rows).toEqual([{ schema: null }])
})

test('a schema changed under its old number is refused at start, and nothing runs', async () => {
  const { shopDb } = await twoDatabases()
  await define({ contract: shop, database: shopDb }).start()
  const changed = service('shop')
  changed.event('OrderPlaced', {
    schemaVersion: 1,
    about: changed.entity('Order', { key: 'id', schema: z.object({ id: z.string() }) }),
    schema: z.object({ orderId: z.string(), total: z.number() }),
  })
  const other = define({ contract: changed, database: shopDb })

  await expect(other.start()).rejects.toMatchObject({ kind: 'refused', code: 'contract/changed-schema' })
  expect(other.health().state).toBe('created')
  expect((await shopDb.query('select from selvedge.instance')).rowCount).toBe(1)
})

/** The user service in its first and its second version. */
function userContract(version: 1 | 2) {
  const contract = service('user')
  const User = contract.entity('User', { key: 'id', schema: z.object({ id: z.string() }) })
  const Renamed:
    | EventType<{ userId: string; name: string }>
    | EventType<{ userId: string; first: string; last: string }> =
    version === 1
      ? contract.event('Renamed', {
          schemaVersion: 1,
          about: User,
          schema: z.object({ userId: z.string(), name: z.string() }),
        })
      : contract.event('Renamed', {
          schemaVersion: 2,
          about: User,
          schema: z.object({ userId: z.string(), first: z.string(), last: z.string() }),
          upcast: {
            1: (old: { userId: string; name: string }) => ({ userId: old.userId, first: old.name, last: '' }),
          },
        })
  return { contract, Renamed: Renamed as EventType }
}

function listening(version: 1 | 2): Consumer {
  const { contract, Renamed } = userContract(version)
  return consumer('listening', {
    from: contract,
    handlers: [
      on(Renamed, async (tx, event) => {
        const data = event.data as Record<string, string>
        const name = data.name ?? `${data.first} ${data.last}`.trim()
        await tx.query('insert into seen(stream, version, name) values ($1, $2, $3)', [
          event.stream,
          event.version,
          name,
        ])
      }),
    ],
  })
}
const seen = async (db: Database, stream: string) =>
  (
    await db.query<{ s: string }>(`select version || ' ' || name as s from seen where stream = $1 order by n`, [stream])
  ).rows.map((row) => row.s)

test('an unknown schemaVersion parks its stream with the contract named; the upgraded service applies it in order', async () => {
  const { shopDb: userDb, statsDb } = await twoDatabases()
  const [v1, v2] = [userContract(1), userContract(2)]
  await define({ contract: v2.contract, database: userDb }).start()
  const rename = (event: EventType, data: unknown) => userDb.transaction((tx) => publish(tx, event, data))
  const sources = { user: { database: userDb } }
  const old = define({ contract: stats, database: statsDb, consumers: [listening(1)], sources })
  await old.start()

  await rename(v1.Renamed, { userId: '1', name: 'Ada' })
  await rename(v2.Renamed, { userId: '1', first: 'Ada', last: 'King' })
  await rename(v1.Renamed, { userId: '1', name: 'Countess' })
  await rename(v1.Renamed, { userId: '2', name: 'Bob' })

  await waitFor(async () => (await seen(statsDb, 'User/2')).length === 1, { within: 20_000, what: 'the other stream' })
  const [parked] = await parkedStreams(statsDb)
  expect(parked).toMatchObject({
    stream: 'User/1',
    state: 'parked',
    events: 2,
    firstVersion: 2,
    error: { code: 'contract/unknown-schema-version', message: expect.stringContaining('Renamed'), schemaVersion: 2 },
  })
  expect(await seen(statsDb, 'User/1')).toEqual(['1 Ada'])
  await old.stop()

  const upgraded = define({ contract: stats, database: statsDb, consumers: [listening(2)], sources })
  await upgraded.start()
  await rename(v2.Renamed, { userId: '1', first: 'A.', last: 'K.' })
  expect(await release(statsDb, 'listening')).toBe(1)

  await waitFor(async () => (await seen(statsDb, 'User/1')).length === 4, { within: 20_000, what: 'the released' })
  expect(await seen(statsDb, 'User/1')).toEqual(['1 Ada', '2 Ada King', '3 Countess', '4 A. K.'])
  expect(await parkedStreams(statsDb)).toEqual([])
})

test('a payload that breaks the contract parks at receipt, without its data, and delays no other stream', async () => {
  const { shopDb, statsDb } = await twoDatabases()
  const loose = service('shop')
  const Loose = loose.event('OrderPlaced', {
    schemaVersion: 1,
    about: loose.entity('Order', { key: 'id', schema: z.object({ id: z.string() }) }),
    schema: z.object({ orderId: z.any() }),
    key: () => 'broken',
  })
  await define({ contract: loose, database: shopDb }).start()
  await define({
    contract: stats,
    database: statsDb,
    consumers: [counting],
    sources: { shop: { database: shopDb } },
  }).start()

  await shopDb.transaction((tx) => publish(tx, Loose, { orderId: { secret } }))
  await place(shopDb, 1)
  await waitFor(async () => (await total(statsDb)) === 1, { within: 20_000, what: 'the sound event' })

  const [parked] = await parkedStreams(statsDb, 'counting')
  expect(parked).toMatchObject({ stream: 'Order/broken', state: 'parked', events: 1 })
  expect(parked?.error).toMatchObject({ code: 'contract/invalid-payload', version: 1, type: 'OrderPlaced' })
  expect(JSON.stringify(parked)).not.toContain(secret)
  await expect(publish(undefined as never, OrderPlaced, { orderId: 7 } as never)).rejects.toMatchObject({
    code: 'contract/invalid-payload',
  })
})

test('a start that fails half-way ends what it had begun, and may be tried again', async () => {
  const { shopDb, statsDb } = await twoDatabases()
  const owner = define({ contract: shop, database: shopDb })
  await owner.start()
  const held = () => statsDb.query('select from selvedge.lane where owner is not null')
  let isAway = true
  const channel = {
    send: async () => undefined,
    subscribe: async () => {
      // Refused only once the loop holds its lanes, which it must then give back.
      if (isAway) await waitFor(async () => (await held()).rowCount === 8, { within: 20_000 })
      if (isAway) throw new Error('the broker is away')
      return { stop: async () => undefined }
    },
    close: async () => undefined,
  }
  const counts = define({
    contract: stats,
    database: statsDb,
    consumers: [counting],
    sources: { shop: { database: shopDb, channel } },
    pollMs: 100,
  })

  await expect(counts.start()).rejects.toThrow('the broker is away')
  expect(counts.health()).toMatchObject({ state: 'created', consumers: [] })
  expect((await statsDb.query('select from selvedge.instance')).rowCount).toBe(0)
  expect((await held()).rowCount).toBe(0)

  isAway = false
  await counts.start()
  await place(shopDb, 1)
  await waitFor(async () => (await total(statsDb)) === 1, { within: 10_000 })
  expect((await statsDb.query('select from selvedge.instance')).rowCount).toBe(1)
})

test('its own database away at start fails the start with nothing left behind; the same service starts later', async () => {
  const { shopDb, urls } = await twoDatabases()
  const proxy = await startTcpProxy(urls[0])
  const through = openDatabase(proxy.url())
  const owner = define({ contract: shop, database: through })
  proxy.cut(true)

  await expect(owner.start()).rejects.toMatchObject({ code: 'store/unreachable', kind: 'transient' })
  expect(owner.health().state).toBe('created')
  proxy.restore()
  await owner.start()

  expect((await shopDb.query('select from selvedge.instance')).rowCount).toBe(1)
  await owner.stop()
  await through.close()
  await proxy.close()
})

test('a process waits for a database that is away at start, and ends by its signal', async () => {
  const { shopDb, urls } = await twoDatabases()
  const proxy = await startTcpProxy(urls[0])
  const through = openDatabase(proxy.url())
  const owner = define({ contract: shop, database: through })
  proxy.cut(true)
  const retried: unknown[] = []
  let started = false
  const run = runUntilSignal(owner, {
    signals: ['SIGUSR2'],
    onRetry: (error) => retried.push(error),
    started: () => {
      started = true
      return undefined
    },
  })
  await waitFor(() => retried.length > 0, { within: 20_000 })
  expect(started).toBe(false)
  proxy.restore()
  await waitFor(() => started, { within: 10_000 })

  process.emit('SIGUSR2', 'SIGUSR2')

  expect(await run).toBe('SIGUSR2')
  expect(owner.health().state).toBe('stopped')
  expect((await shopDb.query('select from selvedge.instance')).rowCount).toBe(0)
  await through.close()
  await proxy.close()
})

test('an owner away at start is waited for, and one that goes is met again where it was left', async () => {
  const { shopDb, statsDb, urls } = await twoDatabases()
  const owner = define({ contract: shop, database: shopDb })
  await owner.start()
  const proxy = await startTcpProxy(urls[0])
  const source = openDatabase(proxy.url())
  proxy.cut(true)
  const counts = define({
    contract: stats,
    database: statsDb,
    consumers: [counting],
    sources: { shop: { database: source } },
  })

  await counts.start()
  await waitFor(() => counts.health().consumers[0]?.error, { within: 20_000, what: 'the error in health' })
  expect(counts.health().consumers[0]).toMatchObject({ state: 'joining', error: 'The database cannot be reached.' })
  await place(shopDb, 1)
  proxy.restore()
  await waitFor(async () => (await total(statsDb)) === 1, { within: 15_000, what: 'the event after the wait' })

  proxy.cut(true)
  for (let n = 0; n < 10; n++) await place(shopDb, n)
  proxy.restore()
  await waitFor(async () => (await total(statsDb)) === 11, { within: 15_000, what: 'the events after the loss' })
  await waitFor(() => counts.health().consumers[0]?.error === undefined, { within: 20_000 })
  await counts.stop()
  await source.close()
  await proxy.close()
})

test('a database of its own that is lost at any moment loses and doubles nothing', async () => {
  const { shopDb, statsDb, urls } = await twoDatabases()
  const owner = define({ contract: shop, database: shopDb })
  await owner.start()
  const proxy = await startTcpProxy(urls[1])
  const through = openDatabase(proxy.url())
  const counts = define({
    contract: stats,
    database: through,
    consumers: [counting],
    sources: { shop: { database: shopDb, ticks: owner.ticked } },
  })
  await counts.start()

  let placed = 0
  for (let round = 0; round < 6; round++) {
    for (let n = 0; n < 10; n++, placed++) await place(shopDb, n)
    proxy.cut()
    await waitFor(async () => (await total(statsDb)) >= placed - 5, { within: 10_000, what: `round ${round}` })
  }

  await waitFor(async () => (await total(statsDb)) >= placed, { within: 10_000, what: 'all events' })
  expect((await statsDb.query('select distinct n from counted')).rows).toEqual([{ n: 6 }])
  await counts.stop()
  await through.close()
  await proxy.close()
})

test('a stop waits for the batch in flight, not for all that was read', async () => {
  const { shopDb, statsDb } = await twoDatabases()
  await define({ contract: shop, database: shopDb }).start()
  await shopDb.transaction(async (tx) => {
    for (let n = 0; n < 400; n++) await publish(tx, OrderPlaced, { orderId: String(n % 10) })
  })
  const slow = consumer('slow', {
    from: shop,
    handlers: [
      on(OrderPlaced, async (tx, event) => {
        await tx.query('update counted set n = n + 1 from (select pg_sleep(0.05)) s where stream = $1', [event.stream])
      }),
    ],
  })
  const sources = { shop: { database: shopDb } }
  const counts = define({ contract: stats, database: statsDb, consumers: [slow], sources, batchEvents: 4 })
  await counts.start()
  await waitFor(async () => (await total(statsDb)) > 0, { within: 20_000 })

  const before = performance.now()
  await counts.stop()

  // 400 events of 50 ms would be twenty seconds.
  expect(performance.now() - before).toBeLessThan(15_000)
  const applied = await total(statsDb)
  const again = define({
    contract: stats,
    database: statsDb,
    sources,
    consumers: [consumer('slow', { from: shop, handlers: counting.handlers })],
  })
  await again.start()
  await waitFor(async () => (await total(statsDb)) >= 400, { within: 10_000, what: `the rest after ${applied}` })
  expect((await statsDb.query('select distinct n from counted')).rows).toEqual([{ n: 40 }])
})

test('SIGTERM drains a process in the middle of a batch: lanes are free at once, nothing is lost or doubled', async () => {
  const { shopDb, statsDb, urls } = await twoDatabases()
  const owner = define({ contract: shop, database: shopDb })
  await owner.start()
  const child = startProcess(new URL('../../test/support/run-stats-service.ts', import.meta.url), { arguments: urls })
  await child.line((line) => line === 'started')
  for (let n = 0; n < 300; n += 10) await Promise.all(Array.from({ length: 10 }, (_, i) => place(shopDb, i)))
  await waitFor(async () => (await total(statsDb)) > 20, { within: 10_000, what: 'the child at work' })

  const before = performance.now()
  child.signal('SIGTERM')
  expect(await child.ended).toBe(0)
  // A batch is 8 events of 5 ms; what the process had read beyond it is left to the next one.
  expect(performance.now() - before).toBeLessThan(20_000)

  expect(child.lines()).toEqual(['started', 'draining', 'drained after SIGTERM'])
  const left = await statsDb.query(
    'select (select count(*) from selvedge.lane where owner is not null)::int as lanes, (select count(*) from selvedge.instance)::int as instances',
  )
  expect(left.rows).toEqual([{ lanes: 0, instances: 0 }])
  expect(await total(statsDb)).toBeLessThan(300)

  const successor = define({
    contract: stats,
    database: statsDb,
    consumers: [counting],
    sources: { shop: { database: shopDb } },
  })
  await successor.start()
  await waitFor(async () => (await total(statsDb)) >= 300, { within: 10_000, what: 'the rest' })
  expect((await statsDb.query('select distinct n from counted')).rows).toEqual([{ n: 30 }])
}, 90_000)

test('nothing that a service says of itself repeats a password', async () => {
  const { shopDb, statsDb } = await twoDatabases()
  const away = openDatabase(`postgres://postgres:${secret}@127.0.0.1:1/x`)
  await define({ contract: shop, database: shopDb }).start()
  const counts = define({
    contract: stats,
    database: statsDb,
    consumers: [counting],
    sources: { shop: { database: away } },
  })
  await counts.start()
  await waitFor(() => counts.health().consumers[0]?.error, { within: 20_000 })

  expect(JSON.stringify(counts.health())).not.toContain(secret)
  await expect(define({ contract: shop, database: away }).start()).rejects.toSatisfy(
    (error) => !`${error} ${JSON.stringify(error)} ${(error as Error).stack}`.includes(secret),
  )
})
