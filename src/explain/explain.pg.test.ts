import { service } from 'selvedge/contract'
import { consumer, on } from 'selvedge/inbox'
import { references, replicaOf } from 'selvedge/invariant'
import { publish } from 'selvedge/outbox'
import { defineService } from 'selvedge/service'
import { beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { jsonApi } from '../../test/support/json-api.ts'
import { freshMariadb, testWithMariadb } from '../../test/support/mariadb.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import type { Config } from '../invariant/invariant.ts'
import { capture } from '../log/log.ts'
import type { Database } from '../store/store.ts'
import { explain } from './explain.ts'

const user = service('user')
const User = user.entity('User', { key: 'userId', schema: z.object({ userId: z.string(), name: z.string() }) })
const UserRenamed = user.event('UserRenamed', {
  ...{ schemaVersion: 1, about: User, kind: 'state' },
  schema: z.object({ userId: z.string(), name: z.string() }),
})
const progress = service('progress')

interface Place {
  readonly fresh: FreshDatabase
  readonly db: Database
}
let owner: Place
let copier: Place

beforeEach(async () => {
  const opened = async () => {
    const fresh = await freshDatabase()
    return { fresh, db: await fresh.connect() }
  }
  ;[owner, copier] = await Promise.all([opened(), opened()])
  await owner.db.query('create table users(user_id text primary key, name text)')
  await copier.db.query(
    'create table learners(user_id text primary key, name text, last_updated timestamptz); create table enrollments(id int primary key, user_id text)',
  )
})

function configOf(urls: { user?: string; progress?: string } = {}): Config {
  return {
    sources: { user: { url: urls.user ?? owner.fresh.url }, progress: { url: urls.progress ?? copier.fresh.url } },
    invariants: [
      replicaOf('Progress knows the name of every user', {
        owner: { of: User, table: 'users', key: 'user_id', columns: ['name'] },
        copy: { source: 'progress', table: 'learners', key: 'user_id', columns: ['name'] },
      }),
      references('Every enrollment is of a user', {
        child: { source: 'progress', table: 'enrollments', key: 'id', by: 'user_id' },
        parent: { of: User, table: 'users', key: 'user_id' },
      }),
    ],
  }
}

/** Runs both services until progress has heard of all names, or has put aside what it cannot take. */
async function renamed(...names: string[]): Promise<void> {
  const learn = consumer('progress', {
    from: user,
    handlers: [
      on(UserRenamed, async (tx, { data }) => {
        if (data.name === 'poison') throw new Error('I will not learn this name')
        await tx.query(
          'insert into learners values ($1, $2, clock_timestamp()) on conflict (user_id) do update set name = excluded.name',
          [data.userId, data.name],
        )
      }),
    ],
  })
  const services = [
    defineService({ contract: user, database: owner.db }),
    defineService({
      ...{ contract: progress, database: copier.db, consumers: [learn], pollMs: 20 },
      sources: { user: { database: owner.db } },
    }),
  ]
  for (const one of services) await one.start()
  for (const name of names)
    await owner.db.transaction(async (tx) => {
      await tx.query('insert into users values ($1, $2) on conflict (user_id) do update set name = excluded.name', [
        '42',
        name,
      ])
      await publish(tx, UserRenamed, { userId: '42', name })
    })
  await waitFor(
    async () => {
      const { rows } = await copier.db.query<{ name: string; waiting: boolean }>(
        `select (select name from learners) as name, exists (select from selvedge.parked_stream where attempts > 0) as waiting`,
      )
      return rows[0]?.name === names.at(-1) || rows[0]?.waiting
    },
    { within: 20_000, what: 'progress to hear of the names' },
  )
  for (const one of services.reverse()) await one.stop()
}

it('tells rows, versions and one timeline from the databases alone, after every service has stopped', async () => {
  await renamed('Ada', 'Ada Lovelace')
  await copier.db.query(`insert into enrollments values (1, '42'), (2, '42'), (3, '7')`)
  const history = await explain(configOf(), { entity: 'user', key: '42' })
  expect(history.rows).toMatchObject([
    { service: 'user', role: 'owner', row: { name: 'Ada Lovelace' }, version: 2, asOf: expect.any(Date) },
    { service: 'progress', role: 'copy', row: { name: 'Ada Lovelace' }, asOf: expect.any(Date) },
    { service: 'progress', role: 'reference', row: { id: 1 } },
    { service: 'progress', role: 'reference', row: { id: 2 } },
  ])
  const told = history.moments.map(
    ({ service: name, kind, event }) => `${name} ${kind} ${event?.type} v${event?.version}`,
  )
  expect(told.filter((line) => line.startsWith('user'))).toEqual([
    'user published UserRenamed v1',
    'user published UserRenamed v2',
  ])
  expect(told.at(-1)).toBe('progress applied UserRenamed v2')
  expect([history.unread, history.unknown]).toEqual([[], []])
})

it('tells what waits, with the error, and does not call it applied', async () => {
  await renamed('Ada', 'poison')
  const { moments } = await explain(configOf(), { entity: 'User', key: '42' })
  expect(moments.find(({ kind }) => kind === 'parked')).toMatchObject({
    ...{ service: 'progress', consumer: 'progress', event: { stream: 'User/42', version: 2 } },
    error: 'I will not learn this name',
  })
  expect(moments.filter(({ kind, event }) => kind === 'applied' && event?.version === 2)).toEqual([])
})

it('tells of a write behind the service where writes are captured', async () => {
  await renamed('Ada')
  await capture(owner.db, { table: 'users', key: 'user_id', entity: 'User' })
  await owner.db.query(`update users set name = 'Somebody' where user_id = '42'`)
  const { moments } = await explain(configOf(), { entity: 'User', key: '42' })
  expect(moments.at(-1)).toMatchObject({ kind: 'written-behind', service: 'user', table: 'users' })
})

it('says that a copy is missing where others have it, in databases that never heard of us', async () => {
  await owner.db.query(`insert into users values ('42', 'Ada')`)
  const history = await explain(configOf(), { entity: 'User', key: '42' })
  expect(history.rows).toMatchObject([
    { role: 'owner', row: { name: 'Ada' } },
    { role: 'copy', row: undefined, isMissing: true },
    { role: 'reference', row: undefined },
  ])
  expect(history.moments).toEqual([])
})

it('says what databases without the library cannot tell, and what would', async () => {
  await owner.db.query(`insert into users values ('42', 'Ada')`)
  await copier.db.query(
    `insert into learners values ('42', 'Ada', '2026-01-01Z'); insert into enrollments values (1, '42')`,
  )
  const { rows, unknown } = await explain(configOf(), { entity: 'User', key: '42' })
  expect(rows[1]?.asOf).toEqual(new Date('2026-01-01Z'))
  const { rows: settings } = await owner.db.query<{ setting: string }>(
    `select current_setting('track_commit_timestamp') as setting`,
  )
  const isTracked = settings[0]?.setting === 'on'
  expect(unknown.map(({ service: name, what }) => [name, what])).toEqual([
    ['user', 'who wrote or deleted it and when, and whether that was published'],
    ...(isTracked ? [] : [['user', 'how old the row of user.users is']]),
    ['progress', 'whether a change arrived here, or where it was lost'],
  ])
  expect(unknown.every(({ toldBy }) => toldBy.endsWith('.'))).toBe(true)
  expect(rows[0]?.asOf instanceof Date).toBe(isTracked)
})

it('says nothing of what is not known in a place that could not be read', async () => {
  await owner.db.query('alter table users rename to people')
  const { unread, unknown } = await explain(configOf(), { entity: 'User', key: '42' })
  expect(unread.map(({ service: name }) => name)).toEqual(['user'])
  expect(unknown.filter(({ service: name }) => name === 'user')).toEqual([])
})

testWithMariadb('is as honest of MariaDB and of an API, and reads the ages that they write', async () => {
  const [shop, api] = [await freshMariadb(), await jsonApi()]
  await owner.db.query(`insert into users values ('42', 'Ada')`)
  await shop.run(
    `create table customers (id varchar(20) primary key, name text, updated_at datetime); insert into customers values ('42', 'Ada', '2026-01-01 12:00:00')`,
  )
  api.items.set('42', '{"id": "42", "name": "Ada"}')
  const side = { key: 'id', columns: ['name'] }
  const users = { of: User, table: 'users', key: 'user_id', columns: ['name'] }
  const http = { path: '/cursor', items: 'data', next: 'meta.next' }
  const { rows, unknown } = await explain(
    {
      sources: {
        user: { url: owner.fresh.url },
        shop: { url: shop.url },
        crm: { url: api.url, http: { token: api.token } },
      },
      invariants: [
        replicaOf('The shop knows every user', { owner: users, copy: { source: 'shop', table: 'customers', ...side } }),
        replicaOf('The CRM knows every user', { owner: users, copy: { source: 'crm', http, ...side } }),
      ],
    },
    { entity: 'User', key: '42' },
  )
  expect(rows.map(({ service: name, asOf }) => [name, asOf])).toContainEqual(['shop', new Date('2026-01-01T12:00:00Z')])
  expect(unknown.filter(({ service: name }) => name !== 'user')).toEqual([
    {
      ...{ service: 'shop', what: 'whether a change arrived here, or where it was lost' },
      toldBy: expect.stringContaining('PostgreSQL only'),
    },
    {
      ...{ service: 'crm', what: 'whether a change arrived here, or where it was lost' },
      toldBy: expect.stringContaining('behind the API'),
    },
    { service: 'crm', what: 'how old the row of crm/cursor is', toldBy: 'A column like `updated_at` would tell.' },
  ])
})

it('names what it could not read and tells the rest', async () => {
  await owner.db.query(`insert into users values ('42', 'Ada')`)
  const gone = copier.fresh.url.replace(copier.fresh.name, 'no_such_database')
  const history = await explain(configOf({ progress: gone }), { entity: 'User', key: '42' })
  expect(history.rows).toMatchObject([{ service: 'user', row: { name: 'Ada' } }])
  expect(history.unread).toMatchObject([
    { service: 'progress', code: 'check/unreadable', message: expect.stringContaining('no_such_database') },
  ])
})

it('refuses an entity that nothing knows, and lists those that are known', async () => {
  await expect(explain(configOf(), { entity: 'Course', key: '1' })).rejects.toMatchObject({
    ...{ code: 'explain/unknown-entity', help: 'The configuration knows: User.' },
  })
})

it('takes a hostile key as text', async () => {
  await owner.db.query(`insert into users values ('42', 'Ada')`)
  const history = await explain(configOf(), { entity: 'User', key: `'; drop table users; --` })
  expect(history.rows.every(({ row }) => row === undefined)).toBe(true)
  expect((await owner.db.query('select 1 from users')).rowCount).toBe(1)
})
