import { beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { service } from '../contract/contract.ts'
import { logMigrations } from '../log/migrations.ts'
import { migrate } from '../store/migrate.ts'
import type { Database } from '../store/store.ts'
import { publish, publishWith } from './publish.ts'

const shop = service('shop')
const Counted = shop.event('Counted', {
  schemaVersion: 1,
  schema: z.object({ id: z.string(), by: z.number() }),
  key: (data) => data.id,
})
const count = (id: string, by: number) => ({
  name: 'count',
  text: 'update counter set total = total + $2 where id = $1',
  values: [id, by],
})
const make = (id: string) => ({ name: 'make', text: 'insert into counter(id, total) values ($1, 0)', values: [id] })

let db: Database
beforeEach(async () => {
  const { connect } = await freshDatabase()
  db = await connect()
  await migrate(db, [logMigrations])
  await db.query('create table counter(id text primary key, total int not null)')
})

const said = async () =>
  (await db.query<{ said: string }>(`select stream || '@' || version as said from selvedge.log order by seq`)).rows.map(
    (row) => row.said,
  )
const totals = async () =>
  (await db.query<{ id: string; total: number }>('select id, total from counter order by id')).rows.map(
    (row) => `${row.id}=${row.total}`,
  )
/** The transactions that wrote the row, the stream's head and the event. Transaction ids are the whole server's, so they are not counted. */
const writers = async () => {
  const { rows } = await db.query<{ xid: string }>(
    `select xmin::text as xid from counter union select xmin::text from selvedge.head
     union select xmin::text from selvedge.log union select xid::text from selvedge.log`,
  )
  return rows.length
}

test('a transaction of one named statement and one event is one write transaction with both', async () => {
  await db.transaction(async (tx) => {
    tx.send(make('a'))
    await publish(tx, Counted, { id: 'a', by: 0 })
  })

  expect(await writers()).toBe(1)
  expect([await totals(), await said()]).toEqual([['a=0'], ['Counted/a@1']])
})

test('when its statement fails, nothing of it is kept', async () => {
  await db.query(make('a'))

  const doubled = db.transaction(async (tx) => {
    tx.send(make('a'))
    await publish(tx, Counted, { id: 'a', by: 0 })
  })

  await expect(doubled).rejects.toMatchObject({ code: '23505' })
  expect([await totals(), await said()]).toEqual([['a=0'], []])
})

test('statements that cannot be joined run apart, in the same transaction', async () => {
  await db.query('create table note(text text)')
  await db.query('create rule also_noted as on insert to counter do also insert into note values (new.id)')
  await db.transaction(async (tx) => {
    tx.send(make('ruled'))
    await publish(tx, Counted, { id: 'ruled', by: 0 })
  })
  await db.query('drop rule also_noted on counter')
  await db.transaction(async (tx) => {
    tx.send({ name: 'commented', text: `insert into counter(id, total) values ('b', 0) -- by hand`, values: [] })
    await publish(tx, Counted, { id: 'b', by: 0 })
  })
  await db.transaction(async (tx) => {
    tx.send({ name: 'selected', text: 'select 1', values: [] })
    await publish(tx, Counted, { id: 'c', by: 0 })
  })

  expect(await totals()).toEqual(['b=0', 'ruled=0'])
  expect((await db.query('select from note')).rowCount).toBe(1)
  expect(await said()).toEqual(['Counted/ruled@1', 'Counted/b@1', 'Counted/c@1'])
})

test('the same statement runs with and without an event on one connection', async () => {
  await db.transaction(async (tx) => {
    await tx.query(make('a'))
    await tx.query(count('a', 1))
  })
  await publishWith(db, count('a', 2), Counted, { id: 'a', by: 2 })
  await db.transaction(async (tx) => {
    await tx.query(count('a', 3))
    await publish(tx, Counted, { id: 'a', by: 3 })
  })

  expect([await totals(), await said()]).toEqual([['a=6'], ['Counted/a@1', 'Counted/a@2']])
})

test('every form takes its rows before its stream, so that they do not wait for each other in a circle', async () => {
  await db.query(make('hot'))
  const forms = [
    () => publishWith(db, count('hot', 1), Counted, { id: 'hot', by: 1 }),
    () =>
      publishWith(
        db,
        {
          name: 'upsert',
          text: `insert into counter values ($1, 1) on conflict (id) do update set total = counter.total + 1 returning total`,
          values: ['hot'],
        },
        Counted,
        { id: 'hot', by: 1 },
      ),
    () =>
      db.transaction(async (tx) => {
        tx.send(count('hot', 1))
        await publish(tx, Counted, { id: 'hot', by: 1 })
      }),
    () =>
      db.transaction(async (tx) => {
        await tx.query(count('hot', 1))
        await publish(tx, Counted, { id: 'hot', by: 1 })
      }),
  ]

  await Promise.all(Array.from({ length: 400 }, (_, n) => forms[n % forms.length]!()))

  expect(await totals()).toEqual(['hot=400'])
  expect((await said()).at(-1)).toBe('Counted/hot@400')
})
