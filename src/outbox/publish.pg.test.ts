/** Business rows and their events commit together or not at all, whatever goes wrong on the way. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { service } from '../contract/contract.ts'
import { logMigrations } from '../log/migrations.ts'
import type { Database, Transaction } from '../store/database.ts'
import { migrate } from '../store/migrate.ts'
import { publish, publishWith } from './outbox.ts'

const shop = service('shop')
const OrderPlaced = shop.event('OrderPlaced', {
  schemaVersion: 1,
  schema: z.object({ order: z.string(), total: z.number() }),
  key: (data) => data.order,
})

async function makeShop(): Promise<Database> {
  const db = await (await freshDatabase()).connect()
  await migrate(db, [logMigrations])
  await db.query(
    'create table orders(name text, total int not null check (total < 1000), n int primary key generated always as identity)',
  )
  await db.query('create table unique_code(code text primary key)')
  await db.query('create table parent(id int primary key)')
  await db.query('create table child(parent int references parent deferrable initially deferred)')
  return db
}

const order = (name: string, total = 1) => ({ order: name, total })
const insert = (name: string, total = 1) => ({
  text: 'insert into orders(name, total) values ($1, $2)',
  values: [name, total],
})

async function placed(tx: Transaction, name: string, options: { expectedVersion?: number } = {}): Promise<void> {
  tx.send(insert(name))
  await publish(tx, OrderPlaced, order(name), options)
}

/** Streams whose business rows and events are not as many; versions that are not dense; what exists at all. */
async function books(db: Database): Promise<{ unmatched: string[]; rows: number; events: number }> {
  const { rows } = await db.query<{ unmatched: string[] | null; rows: string; events: string }>(`
    with o as (select 'OrderPlaced/' || name as stream, count(*) as n from orders group by 1),
      l as (select stream, count(*) as n, max(version) as top from selvedge.log group by 1)
    select array_agg(coalesce(o.stream, l.stream)) filter (where o.n is distinct from l.n or l.n is distinct from l.top or h.version is distinct from l.top) as unmatched,
      (select count(*) from orders) as rows, (select count(*) from selvedge.log) as events
    from o full join l on o.stream = l.stream full join selvedge.head h on h.stream = coalesce(l.stream, o.stream)`)
  const row = rows[0]!
  return { unmatched: row.unmatched ?? [], rows: Number(row.rows), events: Number(row.events) }
}

test('a version conflict in the flush undoes the rows that travelled with it', async () => {
  const db = await makeShop()
  await db.transaction((tx) => placed(tx, 'a'))

  for (const expectedVersion of [0, 2, 7])
    await expect(db.transaction((tx) => placed(tx, 'a', { expectedVersion }))).rejects.toMatchObject({
      code: 'outbox/version-conflict',
    })
  await expect(db.transaction((tx) => placed(tx, 'new', { expectedVersion: 1 }))).rejects.toMatchObject({
    code: 'outbox/version-conflict',
  })
  await db.transaction((tx) => placed(tx, 'a', { expectedVersion: 1 }))
  await db.transaction((tx) => placed(tx, 'new', { expectedVersion: 0 }))

  expect(await books(db)).toEqual({ unmatched: [], rows: 3, events: 3 })
})

test('of many writers that expect one version exactly one commits', async () => {
  const db = await makeShop()
  const outcomes = await Promise.allSettled(
    Array.from({ length: 40 }, (_, i) => db.transaction((tx) => placed(tx, `s${i % 4}`, { expectedVersion: 0 }))),
  )

  expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(4)
  expect(await books(db)).toEqual({ unmatched: [], rows: 4, events: 4 })
})

test('a unique violation in a statement sent along undoes the event, and is what the caller hears', async () => {
  const db = await makeShop()
  await db.query("insert into unique_code values ('taken')")

  const clash = db.transaction(async (tx) => {
    await placed(tx, 'a')
    tx.send("insert into unique_code values ('taken')")
    await placed(tx, 'b')
  })

  await expect(clash).rejects.toMatchObject({ code: '23505' })
  expect(await books(db)).toEqual({ unmatched: [], rows: 0, events: 0 })
})

test('a constraint that is only checked at commit undoes rows and events', async () => {
  const db = await makeShop()

  const orphan = db.transaction(async (tx) => {
    await placed(tx, 'a')
    tx.send('insert into child values (1)')
  })

  await expect(orphan).rejects.toMatchObject({ code: '23503' })
  expect(await books(db)).toEqual({ unmatched: [], rows: 0, events: 0 })
})

test('an error caught inside the callback does not pass for a success', async () => {
  const db = await makeShop()

  const caught = (): Promise<void> =>
    db.transaction(async (tx) => {
      await placed(tx, 'a')
      await tx.query(insert('too dear', 5_000)).catch(() => undefined)
      await publish(tx, OrderPlaced, order('too dear'))
    })
  const caughtInSend = (): Promise<void> =>
    db.transaction(async (tx) => {
      tx.send(insert('too dear', 5_000))
      await tx.query('select 1').catch(() => undefined)
      await publish(tx, OrderPlaced, order('too dear'))
    })
  const caughtAndNothingElse = (): Promise<void> =>
    db.transaction(async (tx) => {
      await tx.query(insert('too dear', 5_000)).catch(() => undefined)
    })

  for (const work of [caught, caughtAndNothingElse])
    await expect(work()).rejects.toMatchObject({ code: 'store/rolled-back' })
  await expect(caughtInSend(), 'nobody waited for it, so its own error is told').rejects.toMatchObject({
    code: '23514',
  })
  expect(await books(db)).toEqual({ unmatched: [], rows: 0, events: 0 })
})

test('an event of a savepoint that was rolled back is never seen, nor are its rows', async () => {
  const db = await makeShop()
  await db.transaction(async (tx) => {
    await placed(tx, 'before')
    await tx
      .savepoint(async () => {
        await placed(tx, 'inside')
        await tx.savepoint(() => placed(tx, 'deeper'))
        await tx.query(insert('too dear', 5_000))
      })
      .catch(() => undefined)
    await tx.savepoint(() => placed(tx, 'kept'))
    await tx.savepoint(async () => Promise.reject(new Error('at once'))).catch(() => undefined)
    await placed(tx, 'after')
  })

  expect(await books(db)).toEqual({ unmatched: [], rows: 3, events: 3 })
})

test.each([
  'rollback to savepoint mine',
  'savepoint mine',
  'commit',
  '/* a comment */ rollback',
  '-- a comment\nrollback',
  'select 1; commit',
  "insert into orders(name, total) values ('x', 1); rollback; begin",
  'select 1; commit and chain',
])('raw transaction control is refused, so that rows and events cannot part: %s', async (raw) => {
  const db = await makeShop()

  const parted = db.transaction(async (tx) => {
    await placed(tx, 'a')
    await tx.query(raw)
    await tx.query(insert('b'))
    await publish(tx, OrderPlaced, order('b'), { expectedVersion: 9 })
  })

  await expect(parted).rejects.toMatchObject({ code: 'store/transaction-control' })
  expect(await books(db)).toEqual({ unmatched: [], rows: 0, events: 0 })
})

test('a function body and a text may speak of commits and rollbacks', async () => {
  const db = await makeShop()
  await db.transaction(async (tx) => {
    await tx.query("do $$ begin perform 1; end $$; select 'a; commit'")
    await tx.query({ text: 'insert into orders(name, total) values ($1, 1)', values: ['x; rollback'] })
    await publish(tx, OrderPlaced, order('x; rollback'))
  })

  expect(await books(db)).toEqual({ unmatched: [], rows: 1, events: 1 })
})

test('a one-statement write that fails writes neither row nor event', async () => {
  const db = await makeShop()
  await expect(publishWith(db, insert('dear', 5_000), OrderPlaced, order('dear'))).rejects.toMatchObject({
    code: '23514',
  })
  await publishWith(db, insert('cheap'), OrderPlaced, order('cheap'))
  await Promise.all(Array.from({ length: 30 }, () => publishWith(db, insert('hot'), OrderPlaced, order('hot'))))

  expect(await books(db)).toEqual({ unmatched: [], rows: 31, events: 31 })
})

test('a session that dies before COMMIT leaves neither row nor event', async () => {
  const db = await makeShop()

  const dying = db.transaction(async (tx) => {
    await tx.query(insert('a'))
    const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
    await publish(tx, OrderPlaced, order('a'))
    await db.query('select pg_terminate_backend($1)', [rows[0]?.pid])
  })

  await expect(dying).rejects.toThrow()
  expect(await books(db)).toEqual({ unmatched: [], rows: 0, events: 0 })
})

test('transactions of many streams in any order do not deadlock', async () => {
  const db = await makeShop()
  const names = Array.from({ length: 12 }, (_, i) => `s${i}`)
  const both = [names, [...names].reverse()]
  await Promise.all(
    Array.from({ length: 60 }, (_, i) =>
      db.transaction(async (tx) => {
        for (const name of both[i % 2]!) await placed(tx, name)
      }),
    ),
  )

  expect(await books(db)).toEqual({ unmatched: [], rows: 720, events: 720 })
})
