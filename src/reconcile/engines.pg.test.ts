/** A copy in another engine: the owner is on PostgreSQL, the copy on MariaDB. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { freshMariadb, testWithMariadb } from '../../test/support/mariadb.ts'
import { milliseconds } from '../base/base.ts'
import { check } from '../check/check.ts'
import { type Config, defineConfig, replicaOf } from '../invariant/invariant.ts'
import { type ApplyOptions, apply, approve, openJournal, plan, runsOf, undo } from './reconcile.ts'

async function pair() {
  const [fresh, maria] = await Promise.all([freshDatabase(), freshMariadb()])
  const owner = await fresh.connect()
  await owner.query(
    `create table users(id int primary key, name text, score numeric(8,2), at timestamptz, active boolean);
     insert into users select i, 'name ' || i, i + 0.5, '2026-01-31 08:00:00.25Z', i % 2 = 0 from generate_series(1, 20) i`,
  )
  await maria.run(
    "create table learners(id bigint primary key, name varchar(40), score decimal(10,3), at datetime(6), active tinyint(1), note varchar(9) default 'new')",
  )
  await maria.run(
    `insert into learners(id, name, score, at, active) select seq, concat('name ', seq), seq + 0.5, '2026-01-31 08:00:00.25', seq % 2 = 0 from seq_1_to_20`,
  )
  const columns = ['name', 'score', 'at', 'active']
  const invariant = replicaOf('Learners are the users', {
    owner: { source: 'user', table: 'users', key: 'id', columns },
    copy: { source: 'progress', table: 'learners', key: 'id', columns },
  })
  const source = (url: string) => ({ url, repair: { url } })
  const config: Config = defineConfig({
    sources: { user: source(fresh.url), progress: source(maria.url) },
    invariants: [invariant.within(milliseconds(30)).repairedBy({ kind: 'sql' })],
  })
  await maria.run(`update learners set name = 'wrong', at = null where id = 3`)
  await maria.run('delete from learners where id = 5')
  await maria.run(`insert into learners values (99, 'extra', 1, null, null, 'kept')`)
  const folder = mkdtempSync(join(tmpdir(), 'selvedge-reconcile-'))
  const made = approve(await plan(config, await check(config), { allowDelete: true }), 'ada')
  const run = (atMoment?: ApplyOptions['atMoment']) =>
    apply(config, made, { folder, allowDelete: true, ...(atMoment === undefined ? {} : { atMoment }) })
  const rows = () =>
    maria.run(
      'select id, name, cast(score as char) as score, cast(at as char) as at, active, note from learners where id in (3, 5, 99) order by id',
    )
  return { owner, maria, config, folder, made, run, rows }
}

describe('a copy on MariaDB', () => {
  testWithMariadb('becomes what the owner on PostgreSQL is, and is brought back', async () => {
    const { config, folder, run, rows } = await pair()
    const before = await rows()
    const result = await run()
    expect(result).toMatchObject({ done: 3, skipped: 0, failed: 0, differing: [] })
    expect((await check(config)).findings).toEqual([])
    expect(await undo(config, result.run, { folder, by: 'grace' })).toMatchObject({ done: 3, skipped: 0 })
    expect(await rows()).toEqual(before)
  })

  testWithMariadb('is left as it is where somebody wrote it since the plan', async () => {
    const { maria, run, rows } = await pair()
    await maria.run(`update learners set note = 'live' where id in (3, 99)`)
    await maria.run(`insert into learners(id, name) values (5, 'came')`)
    const before = await rows()
    expect(await run()).toMatchObject({ done: 0, skipped: 3 })
    expect(await rows()).toEqual(before)
  })

  testWithMariadb('that was repaired half way is finished by the same plan', async () => {
    const { config, folder, made, run, rows } = await pair()
    const stop = new Error('the process ends here')
    await expect(
      run((moment, step) => {
        if (moment === 'done' && step === 1) throw stop
      }),
    ).rejects.toBe(stop)
    const result = await apply(config, made, { folder, allowDelete: true })
    expect(result).toMatchObject({ done: 3, differing: [] })
    expect(await rows()).toHaveLength(2)
    expect(runsOf(openJournal(folder).entries)).toHaveLength(1)
  })
})

describe('a uuid that the copy keeps as bytes', () => {
  const idOf = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`
  const columns = ['ref']
  const configOf = (ownerUrl: string, copyUrl: string) =>
    defineConfig({
      sources: { user: { url: ownerUrl }, copy: { url: copyUrl, repair: { url: copyUrl } } },
      invariants: [
        replicaOf('Same', {
          owner: { source: 'user', table: 'users', key: 'id', columns },
          copy: { source: 'copy', table: 'users', key: 'id', columns },
        })
          .within(milliseconds(30))
          .repairedBy({ kind: 'sql' }),
      ],
    })

  async function repaired(copyUrl: string) {
    const fresh = await freshDatabase()
    const owner = await fresh.connect()
    await owner.query('create table users(id uuid primary key, ref uuid)')
    for (let n = 1; n <= 3; n += 1) await owner.query('insert into users values ($1, $2)', [idOf(n), idOf(n + 10)])
    const config = configOf(fresh.url, copyUrl)
    const folder = mkdtempSync(join(tmpdir(), 'selvedge-reconcile-'))
    const made = approve(await plan(config, await check(config), { allowDelete: true }), 'ada')
    const result = await apply(config, made, { folder, allowDelete: true })
    expect(result).toMatchObject({ done: 3, failed: 0, differing: [] })
    expect((await check(config)).findings).toEqual([])
    return () => undo(config, result.run, { folder, by: 'grace' })
  }

  testWithMariadb('is written as those bytes on MariaDB, and brought back', async () => {
    const maria = await freshMariadb()
    const bytes = (n: number) => `unhex('${idOf(n).replaceAll('-', '')}')`
    await maria.run('create table users(id binary(16) unique, ref binary(16))')
    await maria.run(
      `insert into users values (${bytes(1)}, ${bytes(99)}), (${bytes(2)}, ${bytes(12)}), (${bytes(9)}, null)`,
    )
    const rows = () => maria.run('select hex(id) as id, hex(ref) as ref from users order by id')
    const before = await rows()
    const takeBack = await repaired(maria.url)
    expect(await takeBack()).toMatchObject({ done: 3, failed: 0 })
    expect(await rows()).toEqual(before)
  })

  it('is written as those bytes on PostgreSQL, and brought back', async () => {
    const fresh = await freshDatabase()
    const copy = await fresh.connect()
    const bytes = (n: number) => `'\\x${idOf(n).replaceAll('-', '')}'`
    await copy.query(`create table users(id bytea unique, ref bytea);
      insert into users values (${bytes(1)}, ${bytes(99)}), (${bytes(2)}, ${bytes(12)}), (${bytes(9)}, null)`)
    const rows = async () =>
      (await copy.query(`select encode(id, 'hex') as id, encode(ref, 'hex') as ref from users order by id`)).rows
    const before = await rows()
    const takeBack = await repaired(fresh.url)
    expect(await takeBack()).toMatchObject({ done: 3, failed: 0 })
    expect(await rows()).toEqual(before)
  })
})

describe('a text that is no bytes', () => {
  testWithMariadb('is left to a person where the copy keeps bytes', async () => {
    const [fresh, maria] = await Promise.all([freshDatabase(), freshMariadb()])
    const owner = await fresh.connect()
    await owner.query(`create table users(id int primary key, ref text);
      insert into users values (1, '61'), (2, 'none'), (3, '6'), (4, '62')`)
    await maria.run('create table users(id int primary key, ref blob)')
    await maria.run(`insert into users values (1, 'a'), (2, 'b')`)
    const side = (source: string) => ({ source, table: 'users', key: 'id', columns: ['ref'] })
    const config = defineConfig({
      sources: { user: { url: fresh.url }, copy: { url: maria.url, repair: { url: maria.url } } },
      invariants: [
        replicaOf('Same', { owner: side('user'), copy: side('copy') })
          .within(milliseconds(30))
          .repairedBy({ kind: 'sql' }),
      ],
    })
    const { steps } = await plan(config, await check(config))
    expect(steps.map(({ key, repair }) => [key, repair])).toEqual([
      ['2', 'person'],
      ['3', 'person'],
      ['4', 'sql'],
    ])
    expect(steps[0]?.why).toBe('copy.users keeps bytes in ref, and the value to be written is none')
  })
})
