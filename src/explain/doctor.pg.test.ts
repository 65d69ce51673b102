import { beforeEach, expect, it } from 'vitest'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { inboxMigrations } from '../inbox/migrations.ts'
import { agree, type Config, replicaOf } from '../invariant/invariant.ts'
import { capture, captureMigrations, logMigrations } from '../log/log.ts'
import { type Database, migrate, openDatabase, quoteIdentifier } from '../store/store.ts'
import { diagnose } from './doctor.ts'

let fresh: FreshDatabase
let db: Database

beforeEach(async () => {
  fresh = await freshDatabase()
  db = await fresh.connect()
  await db.query('create table users(id int primary key, name text)')
})

function configOf(url = fresh.url): Config {
  const side = { key: 'id', columns: ['name'] }
  return {
    sources: { user: { url } },
    invariants: [
      replicaOf('A', {
        owner: { source: 'user', table: 'users', ...side },
        copy: { source: 'user', table: 'users', ...side },
      }),
    ],
  }
}

const codes = async (config: Config, heldMs = 60_000) =>
  (await diagnose(config, { heldMs })).symptoms.map(({ code }) => code)

it('finds nothing wrong with a database that is well', async () => {
  const diagnosis = await diagnose(configOf(), { heldMs: 600_000 })
  expect(diagnosis).toMatchObject({ symptoms: [], unread: [], sources: [{ source: 'user', hasLog: false }] })
})

it('names the session that holds a snapshot, by process, database and application', async () => {
  const holder = openDatabase(fresh.url, { max: 1, applicationName: 'a forgotten console' })
  await holder.transaction(async (tx) => {
    const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid, count(*) from users')
    const { symptoms } = await diagnose(configOf(), { heldMs: 0 })
    const held = symptoms.find(({ subject }) => subject === `session ${rows[0]?.pid} ${fresh.name}`)
    expect(held).toMatchObject({
      code: 'doctor/held-snapshot',
      message: expect.stringMatching(
        new RegExp(`Session ${rows[0]?.pid} in ${fresh.name} .*"a forgotten console".*idle in transaction`),
      ),
      help: expect.stringContaining(`pg_terminate_backend(${rows[0]?.pid})`),
    })
  })
  await holder.close()
})

it('says which right is missing and how to grant it', async () => {
  const role = `reader_${fresh.name}`
  const name = quoteIdentifier(role)
  await db.query(`create role ${name} login password 'reader'`)
  try {
    const url = new URL(fresh.url)
    url.username = role
    url.password = 'reader'
    const { symptoms } = await diagnose(configOf(url.href), { heldMs: 600_000 })
    expect(symptoms).toMatchObject([{ code: 'doctor/no-grant', help: `Run there: grant select on "users" to ${name}` }])
  } finally {
    await db.query(`drop owned by ${name}; drop role ${name}`)
  }
})

it('says that a table is not there', async () => {
  await db.query('drop table users')
  expect(await codes(configOf())).toEqual(['doctor/no-table'])
})

it('reports events in no tick, consumers behind, streams that wait and silent writes', async () => {
  await migrate(db, [logMigrations, captureMigrations, inboxMigrations])
  await capture(db, { table: 'users', key: 'id', entity: 'User' })
  await db.query(`insert into users values (1, 'Ada')`)
  await db.query(`select * from selvedge.register('progress', 'progress')`)
  await db.query(
    `insert into selvedge.log(seq, xid, version, at, id, schema_version, lane, stream, type, data)
     values (nextval('selvedge.log_seq'), pg_current_xact_id(), 1, now() - interval '1 hour', gen_random_uuid(), 1, 0, 'User/7', 'Renamed', '{}')`,
  )
  await db.query(
    `insert into selvedge.parked_stream(consumer, source, stream, lane, state, attempts, next_try, error) values ('progress', 'user', 'User/7', 0, 'parked', 9, now(), '{"message":"no such course"}')`,
  )
  const { symptoms, unread } = await diagnose(configOf(), { heldMs: 600_000 })
  expect(unread).toEqual([])
  expect(symptoms.map(({ code }) => code)).toEqual([
    'doctor/ticker-silent',
    'doctor/lag',
    'doctor/parked',
    'doctor/silent-writes',
  ])
  expect(symptoms[2]).toMatchObject({
    message: expect.stringContaining('no such course'),
    help: expect.stringContaining('selvedge retry progress User/7'),
  })
  expect(symptoms[3]?.help).toContain('selvedge explain User 1')
})

it('says which migrations are missing', async () => {
  await migrate(db, [logMigrations])
  const { symptoms } = await diagnose(configOf(), { heldMs: 600_000 })
  expect(symptoms.find(({ code }) => code === 'doctor/migrations')?.message).toContain('inbox 1')
})

it('names the key of a large table that no index serves, and not that of a small one', async () => {
  const big = { source: 'user', table: 'big', key: 'owner_id', columns: ['note'] }
  const config: Config = {
    sources: { user: { url: fresh.url } },
    invariants: [agree('A', big, { ...big, key: 'id' }), agree('B', { ...big, table: 'small' }, { ...big, key: 'id' })],
  }
  await db.query(`create table big (id int primary key, owner_id int, note text); create table small as select * from big;
    insert into big select i, i, '' from generate_series(1, 12000) i; analyze big`)
  const { symptoms } = await diagnose(config, { heldMs: 600_000 })
  expect(symptoms).toMatchObject([
    { code: 'doctor/no-index', help: 'Run there: create index concurrently on "big" ("owner_id")' },
  ])
  await db.query('create index on big (owner_id, note)')
  expect(await codes(config, 600_000)).toEqual([])
})
