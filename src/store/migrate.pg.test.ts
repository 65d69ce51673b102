/** Migrations: by us or by hand, once, unchanged, in schemas of any name. */
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { inboxMigrations } from '../inbox/inbox.ts'
import { captureMigrations } from '../log/capture.ts'
import { logMigrations } from '../log/migrations.ts'
import { replicaMigrations } from '../replica/replica.ts'
import type { Queryable } from './database.ts'
import { quoteIdentifier } from './identifier.ts'
import { type MigrationSet, migrate, printMigrations } from './migrate.ts'

const everything: readonly MigrationSet[] = [logMigrations, captureMigrations, inboxMigrations, replicaMigrations]

/** Names that an honest person may have chosen, and some that nobody would. */
const names = ['selvedge', 'svc a', 'svc-b"x', `100% o'k \\ "dé"`, 'select', 'Ünï.cödé', '$1 $x$ {}']

/** All that a schema holds: relations with columns and rows of note, functions with their text. */
async function contents(db: Queryable, schema: string): Promise<unknown> {
  const relations = await db.query(
    `select c.relname, c.relkind, array(select a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull from pg_attribute a
       where a.attrelid = c.oid and a.attnum > 0 order by a.attnum) as columns
     from pg_class c where c.relnamespace = $1::regnamespace order by c.relname`,
    [quoteIdentifier(schema)],
  )
  const functions = await db.query(
    `select p.proname, p.prosrc, p.prosecdef, p.proconfig, p.proacl::text from pg_proc p where p.pronamespace = $1::regnamespace order by 1, 2`,
    [quoteIdentifier(schema)],
  )
  const applied = await db.query(
    `select folder, number, name, digest from ${quoteIdentifier(schema)}.migration order by folder, number`,
  )
  return { relations: relations.rows, functions: functions.rows, applied: applied.rows }
}

/** Who wrote each row of the catalog: a second start that rewrote anything would show. */
async function writers(db: Queryable, schema: string): Promise<unknown> {
  const { rows } = await db.query(
    `select 'c' as kind, oid::text, xmin::text from pg_class where relnamespace = $1::regnamespace
     union all select 'p', oid::text, xmin::text from pg_proc where pronamespace = $1::regnamespace
     union all select 'm', folder || number, xmin::text || ' ' || at from ${quoteIdentifier(schema)}.migration order by 1, 2`,
    [quoteIdentifier(schema)],
  )
  return rows
}

describe.each(names)('in schema %j', (schema) => {
  test('what is printed and run by hand equals what migrate makes, and a second start changes nothing', async () => {
    const [ours, theirs] = await Promise.all([freshDatabase(), freshDatabase()])
    const migrated = await ours.connect({ schema })
    await migrate(migrated, everything)
    const client = new pg.Client({ connectionString: theirs.url })
    await client.connect()
    await client.query(printMigrations(schema, everything))
    await client.end()
    const byHand = await theirs.connect({ schema })

    expect(await contents(byHand, schema)).toEqual(await contents(migrated, schema))

    for (const db of [byHand, migrated]) {
      const before = await writers(db, schema)
      await migrate(db, everything)
      expect(await writers(db, schema)).toEqual(before)
    }
  })
})

test.each(['', 'a\0b', 'x'.repeat(41), 'a$$b', 'ü'.repeat(21)])('%j is refused as a schema', async (schema) => {
  const { connect } = await freshDatabase()

  await expect((async () => migrate(await connect({ schema }), everything))()).rejects.toMatchObject({
    kind: 'refused',
    code: 'store/bad-identifier',
  })
  expect(() => printMigrations(schema, everything)).toThrow(expect.objectContaining({ code: 'store/bad-identifier' }))
})

const set = (...sql: string[]): MigrationSet => ({
  folder: 'shop',
  migrations: sql.map((text, index) => ({ number: index + 1, name: `m${index + 1}`, sql: () => text })),
})

test('many processes that start at once apply each migration once', async () => {
  const { connect } = await freshDatabase()
  const databases = await Promise.all(Array.from({ length: 6 }, () => connect({ max: 2 })))

  await Promise.all(
    databases.map((db) => migrate(db, [set('create table once(n int)', 'insert into once values (1)')])),
  )

  expect((await databases[0]!.query('select n from once')).rows).toEqual([{ n: 1 }])
})

test('an older version of the library starts beside a newer one', async () => {
  const { connect } = await freshDatabase()
  const db = await connect()
  await migrate(db, [set('create table a()', 'create table b()')])

  await migrate(db, [set('create table a()')])

  expect((await db.query('select from selvedge.migration')).rowCount).toBe(2)
})

test('a migration that is not the one applied before is refused, and nothing is applied', async () => {
  const { connect } = await freshDatabase()
  const db = await connect()
  await migrate(db, [set('create table a()')])

  await expect(migrate(db, [set('create table a(n int)', 'create table b()')])).rejects.toMatchObject({
    kind: 'defect',
    code: 'store/migration-changed',
    values: { folder: 'shop', number: 1 },
  })
  expect((await db.query("select to_regclass('b') as b")).rows).toEqual([{ b: null }])
})

test('a migration that fails leaves nothing behind, and can be tried again', async () => {
  const { connect } = await freshDatabase()
  const db = await connect()

  await expect(migrate(db, [set('create table a()', 'create table a()')])).rejects.toMatchObject({ code: '42P07' })
  expect((await db.query("select to_regclass('selvedge.migration') as m, to_regclass('a') as a")).rows).toEqual([
    { m: null, a: null },
  ])

  await migrate(db, [set('create table a()', 'create table b()')])
})
