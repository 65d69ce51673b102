/** A consumer's role at the owner: five functions, and 42501 on everything else. */
import { randomBytes } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase, serverUrl } from '../../test/support/database.ts'
import { service } from '../contract/contract.ts'
import { inboxMigrations } from '../inbox/migrations.ts'
import { publish } from '../outbox/outbox.ts'
import type { Database } from '../store/database.ts'
import { quoteIdentifier } from '../store/identifier.ts'
import { migrate } from '../store/migrate.ts'
import { openDatabase } from '../store/postgres.ts'
import { captureMigrations } from './capture.ts'
import { grantConsumer } from './grant.ts'
import { logMigrations } from './migrations.ts'
import { SqlOwnerLog } from './reader.ts'

const user = service('user')
const UserRegistered = user.event('UserRegistered', {
  schemaVersion: 1,
  schema: z.object({ userId: z.string() }),
  key: (data) => data.userId,
})

const roles: string[] = []
afterAll(async () => {
  const admin = openDatabase(serverUrl(), { max: 1 })
  for (const role of roles) await admin.query(`drop role if exists ${role}`)
  await admin.close()
})

interface Owned {
  readonly owner: Database
  readonly stranger: Database
  /** A session of one more role with the same rights. */
  another(): Promise<{ readonly role: string; readonly session: Database }>
  drop(): Promise<void>
}

/** An owner with one event and a backfill, and a session of a role that was only granted to consume. */
async function owned(schema = 'selvedge'): Promise<Owned> {
  const fresh = await freshDatabase()
  const owner = await fresh.connect({ schema })
  await migrate(owner, [logMigrations, captureMigrations, inboxMigrations])
  await owner.query('create table users(id text primary key, name text not null)')
  await owner.query(`insert into users values ('42', 'Ada')`)
  await owner.query(
    `insert into ${quoteIdentifier(schema)}.backfill_source values ('User', 'select id as key, json_build_object(''name'', name) as data from users')`,
  )
  await owner.transaction((tx) => publish(tx, UserRegistered, { userId: '42' }))
  await owner.query(`select ${quoteIdentifier(schema)}.tick()`)
  const made: string[] = []
  const another = async () => {
    const role = `selvedge_test_${randomBytes(6).toString('hex')}`
    await owner.query(`create role ${role} login password 'stranger'`)
    for (const list of [roles, made]) list.push(role)
    await grantConsumer(owner, role)
    const url = new URL(fresh.url)
    url.username = role
    url.password = 'stranger'
    return { role, session: openDatabase(url.href, { schema, max: 2 }) }
  }
  return {
    owner,
    stranger: (await another()).session,
    another,
    drop: async () => {
      await owner.query(`drop owned by ${made}`)
      await fresh.drop()
    },
  }
}

test.each(['selvedge', 'odd "sche\'ma".x'])(
  'the five functions are enough to read a log, in schema %s',
  async (schema) => {
    const { stranger, drop } = await owned(schema)
    const log = new SqlOwnerLog('user', stranger)
    const { position, lanes } = await log.register('progress', 'progress', 'beginning')
    const reading = await log.batch('progress', position, undefined, 10)

    expect(lanes).toBe(8)
    expect(reading?.events).toMatchObject([{ stream: 'UserRegistered/42', version: 1, data: { userId: '42' } }])
    expect(await log.gap('progress', 'UserRegistered/42', 0, 10)).toHaveLength(1)
    expect(await log.backfill('progress', 'User', undefined, 10)).toEqual([
      { key: '42', version: 0, data: { name: 'Ada' } },
    ])
    await log.acknowledge('progress', { epoch: position.epoch, previous: reading!.cut })

    await stranger.close()
    await drop()
  },
)

test('every table, sequence and other function of the owner is closed to a consumer: 42501 on each', async () => {
  const { owner, stranger, drop } = await owned()
  const relations = await owner.query<{ name: string }>(`select c.oid::regclass::text as name from pg_class c
    where c.relnamespace in ('selvedge'::regnamespace, 'public'::regnamespace) and c.relkind in ('r', 'p', 'v', 'm', 'S') order by 1`)
  const functions = await owner.query<{ name: string; call: string }>(`select p.oid::regprocedure::text as name,
      format('select %s(%s)', p.oid::regproc, (select string_agg(format('null::%s', t::regtype), ', ' order by n) from unnest(p.proargtypes::oid[]) with ordinality x(t, n))) as call
    from pg_proc p where p.pronamespace = 'selvedge'::regnamespace and p.prorettype <> 'trigger'::regtype
      and p.proname not in ('register', 'batch', 'gap', 'backfill', 'acknowledge', 'now') order by 1`)

  const states: Record<string, string | undefined> = {}
  const attempt = async (name: string, sql: string): Promise<void> => {
    states[name] = await stranger.query(sql).then(
      () => 'allowed',
      (error: { code?: string }) => error.code,
    )
  }
  for (const { name } of relations.rows) await attempt(name, `select * from ${name}`)
  for (const { name, call } of functions.rows) await attempt(name, call)
  for (const verb of [
    'insert into selvedge.consumer default values',
    'update selvedge.consumer set tick = 0',
    'delete from selvedge.log',
  ])
    await attempt(verb, verb)

  expect(Object.keys(states).length).toBeGreaterThan(25)
  expect(Object.entries(states).filter(([, code]) => code !== '42501')).toEqual([])

  await stranger.close()
  await drop()
})

test('a hostile search_path of the caller changes nothing that runs with the owner’s rights', async () => {
  const { owner, stranger, drop } = await owned()
  // The worst case: the caller may make objects in a schema of its own and in its temporary one, and puts both first.
  await owner.query('create schema trap')
  await owner.query('grant all on schema trap to public')
  await stranger.transaction(async (tx) => {
    await tx.query('create table trap.stolen(by text)')
    for (const table of ['log', 'tick', 'consumer', 'retained', 'epoch', 'head', 'backfill_source', 'users'])
      await tx.query(`create temporary table ${table} as select 1 as trapped`)
    for (const f of [
      'hashtext(text)',
      'pg_visible_in_snapshot(xid8, pg_snapshot)',
      'json_build_object(text, bigint)',
      'now()',
      'lanes()',
    ])
      await tx.query(
        `create function trap.${f} returns int language plpgsql as $$ begin insert into trap.stolen values (current_user); return 1; end $$`,
      )
    for (const [left, right] of [
      ['text', 'text'],
      ['bigint', 'bigint'],
    ]) {
      await tx.query(
        `create function trap.op(${left}, ${right}) returns boolean language plpgsql as $$ begin insert into trap.stolen values (current_user); return true; end $$`,
      )
      for (const operator of ['=', '>', '||'])
        await tx.query(`create operator trap.${operator} (leftarg = ${left}, rightarg = ${right}, function = trap.op)`)
    }
    await tx.query('set local search_path = pg_temp, trap, pg_catalog')
    const registered = await tx.query<{ tick: string; snapshot: string }>(
      `select * from selvedge.register('progress', 'progress')`,
    )
    const { tick, snapshot } = registered.rows[0]!
    const batch = await tx.query(
      `select * from selvedge.batch('progress', null, ${tick}, '${snapshot}', 0, 0, null, null, 0, 10)`,
    )
    const backfill = await tx.query(`select * from selvedge.backfill('progress', 'User', null, 10)`)
    await tx.query(`select * from selvedge.gap('progress', 'UserRegistered/42', 0, 10)`)
    await tx.query(`select selvedge.acknowledge('progress', 1, 1, 1, 0, '${snapshot}')`)

    expect(batch.rows).toHaveLength(2)
    expect(backfill.rows).toMatchObject([{ key: '42', data: { name: 'Ada' } }])
    expect((await tx.query('select by from trap.stolen')).rows, 'nothing of the trap ran').toEqual([])
  })
  await stranger.close()
  await drop()
})

test('a consumer’s name belongs to the role that registered it, until the owner moves it', async () => {
  const { owner, stranger, another, drop } = await owned()
  const other = await another()
  const [mine, theirs] = [new SqlOwnerLog('user', stranger), new SqlOwnerLog('user', other.session)]
  const { position } = await mine.register('progress', 'progress', 'beginning')
  const reading = await mine.batch('progress', position, undefined, 10)
  const done = { epoch: position.epoch, previous: reading!.cut }
  const tick = async () =>
    Number((await owner.query<{ tick: string }>('select tick from selvedge.consumer')).rows[0]?.tick)
  const refusal = {
    kind: 'refused',
    code: 'log/consumer-of-another-role',
    message: expect.stringContaining(other.role),
  }

  for (const start of ['beginning', 'snapshot', 'restarted'] as const)
    await expect(theirs.register('progress', 'progress', start)).rejects.toMatchObject(refusal)
  await expect(theirs.acknowledge('progress', done)).rejects.toMatchObject(refusal)
  expect(await tick()).toBe(-1)

  await owner.query(`update selvedge.consumer set role = '${other.role}'`)
  await theirs.register('progress', 'progress', 'beginning')
  await theirs.acknowledge('progress', done)
  expect(await tick()).toBe(reading!.cut.tick)
  await expect(mine.register('progress', 'progress', 'beginning')).rejects.toMatchObject({ code: refusal.code })
  // The owner's role may act for all, as its tools do; a name from before roles were written down goes to who comes first.
  await new SqlOwnerLog('user', owner).register('progress', 'progress', 'beginning')
  await owner.query('update selvedge.consumer set role = null')
  await mine.register('progress', 'progress', 'beginning')
  await expect(theirs.register('progress', 'progress', 'beginning')).rejects.toMatchObject({ code: refusal.code })

  await stranger.close()
  await other.session.close()
  await drop()
})

test('the roles of a group share its consumers', async () => {
  const { owner, stranger, another, drop } = await owned()
  const [group, member] = [await another(), await another()]
  await owner.query(`grant ${group.role} to ${member.role}`)
  await new SqlOwnerLog('user', group.session).register('progress', 'progress', 'beginning')

  const registered = await new SqlOwnerLog('user', member.session).register('progress', 'progress', 'beginning')

  expect(registered.state).toBe('live')
  for (const session of [stranger, group.session, member.session]) await session.close()
  await drop()
})
