/** Writes of an owner that nothing told of: found by the transaction that wrote them, and gone once something tells. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { freshMariadb, testWithMariadb } from '../../test/support/mariadb.ts'
import { service } from '../contract/contract.ts'
import { publishes } from '../invariant/invariant.ts'
import { capture, captureMigrations } from '../log/capture.ts'
import { logMigrations } from '../log/migrations.ts'
import { publish } from '../outbox/outbox.ts'
import { migrate } from '../store/migrate.ts'
import type { Database } from '../store/store.ts'
import { check, type Report } from './check.ts'

const user = service('user')
const User = user.entity('User', { key: 'id', schema: z.object({ id: z.string(), name: z.string() }) })
const UserNamed = user.event('UserNamed', {
  schemaVersion: 1,
  about: User,
  schema: z.object({ userId: z.string(), name: z.string() }),
})

let fresh: FreshDatabase
let owner: Database

beforeEach(async () => {
  fresh = await freshDatabase()
  owner = await fresh.connect()
  await owner.query('create table users(id text primary key, name text)')
  await migrate(owner, [logMigrations, captureMigrations])
})
afterEach(() => fresh.drop())

const invariant = publishes('Every change of a user is published', { of: User, table: 'users' })
const checked = (): Promise<Report> => check({ sources: { user: { url: fresh.url } }, invariants: [invariant] })

async function saved(id: string, name: string): Promise<void> {
  await owner.transaction(async (tx) => {
    await tx.query('insert into users values ($1, $2) on conflict (id) do update set name = $2', [id, name])
    await publish(tx, UserNamed, { userId: id, name })
  })
}

describe('every change of an owner', () => {
  it('is published, or found by its key at once, also a deletion', async () => {
    await capture(owner, { table: 'users', key: 'id', entity: 'User' })
    for (const id of ['told', 'renamed', 'gone', 'a/b']) await saved(id, 'Ada')
    expect((await checked()).findings).toEqual([])

    await owner.query(`update users set name = 'Eve' where id in ('renamed', 'a/b')`)
    await owner.query(`update users set name = 'Eva' where id = 'renamed'`)
    await owner.query(`delete from users where id = 'gone'`)
    await owner.query(`insert into users values ('made', 'Mallory')`)
    const { findings, invariants } = await checked()
    expect(findings.map(({ key }) => key)).toEqual(['a/b', 'gone', 'made', 'renamed'])
    expect(findings[3]).toMatchObject({ verdict: 'never-published', proof: 'positions', entity: 'User' })
    expect(findings[3]?.because).toMatch(/was written 2 times without an event, last by update at /)
    expect(findings[1]).toMatchObject({
      present: [],
      because: expect.stringMatching(/once without an event, last by delete/),
    })
    expect(invariants).toMatchObject([{ state: 'checked', proof: 'positions' }])
  })

  it('is told by a later event as well, and one that was rolled back tells nothing', async () => {
    await capture(owner, { table: 'users', key: 'id', entity: 'User' })
    await saved('1', 'Ada')
    await owner.query(`update users set name = 'Eve'`)
    await owner
      .transaction(async (tx) => {
        await publish(tx, UserNamed, { userId: '1', name: 'Eve' })
        throw new Error('rolled back')
      })
      .catch(() => undefined)
    expect((await checked()).findings).toMatchObject([{ key: '1' }])
    await saved('1', 'Eve')
    expect((await checked()).findings).toEqual([])
  })

  it('is looked at whole by an incremental check, which has nothing else to go by', async () => {
    await capture(owner, { table: 'users', key: 'id', entity: 'User' })
    const folder = mkdtempSync(join(tmpdir(), 'selvedge-verified-'))
    const step = () =>
      check({ sources: { user: { url: fresh.url } }, invariants: [invariant] }, { incremental: { folder } })
    expect((await step()).findings).toEqual([])
    await owner.query(`insert into users values ('made', 'Mallory')`)
    expect((await step()).findings).toMatchObject([{ key: 'made' }])
    rmSync(folder, { recursive: true })
  })

  it('of a table that is not captured is not said to be well', async () => {
    await saved('1', 'Ada')
    const { incomplete, invariants } = await checked()
    expect(incomplete).toBe(true)
    expect(invariants[0]?.why).toContain('the writes of users are not captured')
  })

  it('of rows in thousands is one incomplete answer, not thousands of lookups', async () => {
    await capture(owner, { table: 'users', key: 'id', entity: 'User' })
    await owner.query(`insert into users select i::text, 'Bulk' from generate_series(1, 10500) i`)
    const { findings, invariants } = await checked()
    expect(findings.length).toBe(10_000)
    expect(invariants[0]).toMatchObject({ state: 'incomplete', why: expect.stringContaining('more than 10000') })
  })
})

testWithMariadb('on MariaDB it is said that only PostgreSQL can tell', async () => {
  const { run, url } = await freshMariadb()
  await run('create table users(id int primary key, name text)')
  const report = await check({ sources: { user: { url } }, invariants: [invariant] })
  expect(report.incomplete).toBe(true)
  expect(report.invariants[0]?.why).toContain('can be told on PostgreSQL only')
})
