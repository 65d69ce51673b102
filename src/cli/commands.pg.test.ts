/** The commands on real databases: exit codes, tables for people, documents for programs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { inboxMigrations } from '../inbox/migrations.ts'
import { logMigrations } from '../log/log.ts'
import { type Database, migrate, quoteIdentifier } from '../store/store.ts'
import { main } from './main.ts'

const folder = mkdtempSync(join(tmpdir(), 'selvedge-commands-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let fresh: FreshDatabase
let db: Database
let config: string

beforeEach(async () => {
  fresh = await freshDatabase()
  db = await fresh.connect()
  await db.query(
    'create table users(id int primary key, name text); create table learners(user_id int primary key, name text)',
  )
  await db.query(
    `insert into users values (1, 'Ada'), (2, 'Grace'); insert into learners values (1, 'Ada'), (2, 'Grace')`,
  )
  config = configFor(fresh.url)
})

function configFor(url: string): string {
  const path = join(folder, `${fresh.name}.json`)
  const owner = { source: 'user', table: 'users', key: 'id', columns: ['name'] }
  const copy = { source: 'progress', table: 'learners', key: 'user_id', columns: ['name'] }
  const invariants = [
    {
      kind: 'replicaOf',
      name: 'Progress knows every name',
      owner,
      copy,
      within: 0.05,
      about: 'User',
      under: 'stale-data',
    },
  ]
  writeFileSync(path, JSON.stringify({ sources: { user: { url }, progress: { url } }, invariants }))
  return path
}

async function selvedge(...words: string[]) {
  const said = { out: '', err: '' }
  const code = await main([...words, '--config', config], {
    stdout: { write: (text: string) => (said.out += text) },
    stderr: { write: (text: string) => (said.err += text) },
    environment: {},
    signal: new AbortController().signal,
  })
  return { code, ...said }
}

describe('check', () => {
  it('ends with 0 when all agrees, and with --quiet says nothing on stderr', async () => {
    expect(await selvedge('check', '--quiet')).toEqual({
      ...{ code: 0, err: '' },
      out: '✓ 1 invariant, 2 rows compared: no findings.\n',
    })
  })

  it('ends with 1 and says each finding in a sentence with the command that explains it', async () => {
    await db.query(`update learners set name = 'Somebody' where user_id = 2`)
    const { code, out } = await selvedge('check')
    expect(code).toBe(1)
    expect(out).toContain('stale-data')
    expect(out).toContain('2 diverged: user.users and progress.learners differ in name, for longer than 50 ms')
    expect(out).toContain(`explain User 2 --config ${config}`)
    const explained = await selvedge('explain', 'User', '2')
    expect(explained.code).toBe(0)
    expect(explained.out).toContain('id=2  name=Grace')
    expect(explained.out).toContain('user_id=2  name=Somebody')
  })

  it('ends with 4 for a source without rights, and names it', async () => {
    const name = quoteIdentifier(`nobody_${fresh.name}`)
    await db.query(`create role ${name} login password 'nothing'`)
    try {
      const url = new URL(fresh.url)
      url.username = `nobody_${fresh.name}`
      url.password = 'nothing'
      config = configFor(url.href)
      const { code, out } = await selvedge('check', '--json')
      expect(code).toBe(4)
      const report = JSON.parse(out) as { incomplete: boolean; invariants: { state: string; why: string }[] }
      expect(report).toMatchObject({ incomplete: true, invariants: [{ state: 'incomplete' }] })
      // Both sides are opened at once: either may be refused first.
      expect(report.invariants[0]?.why).toMatch(
        /source "(user|progress)": permission denied for table (users|learners)/,
      )
    } finally {
      await db.query(`drop role ${name}`)
    }
  })

  it('refuses a name that is no invariant', async () => {
    const { code, err } = await selvedge('check', '--only', 'nothing')
    expect(code).toBe(2)
    expect(err).toContain('check/unknown-invariant')
  })
})

describe('streams that wait', () => {
  beforeEach(async () => {
    await migrate(db, [logMigrations, inboxMigrations])
    await db.query(
      `insert into selvedge.parked_stream(consumer, source, stream, lane, state, attempts, next_try, error)
       values ('progress', 'user', 'User/7', 0, 'parked', 9, now(), '{"message":"no such course"}');
       insert into selvedge.parked_event(consumer, source, stream, version, event)
       values ('progress', 'user', 'User/7', 3, '{}'), ('progress', 'user', 'User/7', 4, '{}')`,
    )
  })

  const state = async () =>
    (
      await db.query<{ state: string; events: string }>(
        `select state, (select count(*) from selvedge.parked_event) as events from selvedge.parked_stream`,
      )
    ).rows[0]

  it('are listed with their errors, and are findings', async () => {
    const { code, out } = await selvedge('parked')
    expect(code).toBe(1)
    expect(out).toMatch(/progress\s+User\/7\s+parked\s+2 events from v3\s+9 attempts: no such course/)
  })

  it('are tried again one by one, or all of a consumer', async () => {
    expect((await selvedge('retry', 'progress', 'User/7')).code).toBe(0)
    expect(await state()).toMatchObject({ state: 'retrying' })
    expect((await selvedge('release', 'progress')).code).toBe(0)
    expect((await selvedge('release', 'nobody')).code).toBe(2)
    expect((await selvedge('retry', 'progress', 'User/8')).err).toContain('Nothing waits as User/8 of progress')
  })

  it('lose their first event only by a named person with a reason', async () => {
    expect((await selvedge('skip', 'progress', 'User/7', '3', '--by', 'ada', '--reason', ' ')).code).toBe(2)
    expect((await selvedge('skip', 'progress', 'User/7', '4', '--by', 'ada', '--reason', 'x')).code).toBe(2)
    expect((await selvedge('skip', 'progress', 'User/7', '3', '--by', 'ada', '--reason', 'it was a test')).code).toBe(0)
    expect(await state()).toMatchObject({ state: 'retrying', events: '1' })
    const { rows } = await db.query('select by, reason, version::int from selvedge.skipped_event')
    expect(rows).toEqual([{ by: 'ada', reason: 'it was a test', version: 3 }])
  })
})

describe('migrate --print-sql', () => {
  it('makes what the services make by themselves', async () => {
    const other = await freshDatabase()
    const printed = await other.connect()
    const said = { out: '' }
    await main(['migrate', '--print-sql'], {
      stdout: { write: (text: string) => (said.out += text) },
      stderr: { write: () => undefined },
      ...{ environment: {}, signal: new AbortController().signal },
    })
    await printed.query(said.out)
    await migrate(printed, [logMigrations, inboxMigrations])
    expect((await printed.query('select from selvedge.migration')).rowCount).toBeGreaterThan(4)
  })
})
