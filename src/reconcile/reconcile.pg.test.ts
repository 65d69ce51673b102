/** Plans, guarded writes and undo on real databases: owner and copy in two of them, without a log. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { milliseconds } from '../base/base.ts'
import { check } from '../check/check.ts'
import { type Config, defineConfig, type Repair, replicaOf } from '../invariant/invariant.ts'
import type { Database } from '../store/store.ts'
import {
  type ApplyOptions,
  apply,
  approve,
  openJournal,
  type Plan,
  parsePlan,
  plan,
  planText,
  undo,
} from './reconcile.ts'

const home = mkdtempSync(join(tmpdir(), 'selvedge-reconcile-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

let fresh: readonly [FreshDatabase, FreshDatabase]
let owner: Database
let copy: Database
let folder: string

beforeEach(async () => {
  fresh = await Promise.all([freshDatabase(), freshDatabase()])
  ;[owner, copy] = await Promise.all([fresh[0].connect(), fresh[1].connect()])
  folder = join(home, fresh[0].name)
  const columns = 'id int primary key, name text, score numeric(8,2), tags text[]'
  const rows = `select i, 'name ' || i, i + 0.5, array['a', i::text] from generate_series(1, 40) i`
  await owner.query(`create table users(${columns}); insert into users ${rows}`)
  await copy.query(`create table learners(${columns}, note text default 'new'); insert into learners ${rows}`)
})

afterEach(async () => {
  await Promise.all(fresh.map((database) => database.drop()))
})

function configOf(...repairs: readonly Repair[]): Config {
  const columns = ['name', 'score', 'tags']
  const invariant = replicaOf('Learners are the users', {
    owner: { source: 'user', table: 'users', key: 'id', columns },
    copy: { source: 'progress', table: 'learners', key: 'id', columns },
  })
    .within(milliseconds(30))
    .repairedBy(...repairs)
  const [user, progress] = fresh.map(({ url }) => ({ url, repair: { url } }))
  return defineConfig({ sources: { user: user!, progress: progress! }, invariants: [invariant] })
}

const bySql: Repair = { kind: 'sql' }

async function planned(config: Config, options: { readonly allowDelete?: boolean } = {}): Promise<Plan> {
  return plan(config, await check(config), { folder, ...options })
}

async function applied(config: Config, made: Plan, options: Partial<ApplyOptions> = {}) {
  return apply(config, approve(made, 'ada'), { folder, ...options })
}

const rowsOf = async (db: Database, table: string, ids: readonly number[]) =>
  (await db.query(`select * from ${table} where id = any($1) order by id`, [ids])).rows

describe('a plan', () => {
  it('that was approved makes the copy what the owner is, and undo makes it what it was', async () => {
    await copy.query(
      `update learners set name = 'wrong', tags = '{x}' where id = 3; delete from learners where id = 5; insert into learners values (99, 'extra', 1, null, 'kept')`,
    )
    const config = configOf(bySql)
    const before = await rowsOf(copy, 'learners', [3, 5, 99])

    const made = await planned(config, { allowDelete: true })
    const result = await applied(config, made, { allowDelete: true })

    expect(made.header.byRepair).toEqual({ sql: 3 })
    expect(result).toMatchObject({ done: 3, skipped: 0, failed: 0, left: 0, differing: [] })
    expect(await rowsOf(copy, 'learners', [3, 5, 99])).toEqual([
      { id: 3, name: 'name 3', score: '3.50', tags: ['a', '3'], note: 'new' },
      { id: 5, name: 'name 5', score: '5.50', tags: ['a', '5'], note: 'new' },
    ])
    expect((await check(config)).findings).toEqual([])

    expect(await undo(config, result.run, { folder, by: 'grace' })).toMatchObject({ done: 3, skipped: 0, failed: 0 })
    expect(await rowsOf(copy, 'learners', [3, 5, 99])).toEqual(before)
    expect(openJournal(folder).entries.at(-1)).toMatchObject({ kind: 'ended', done: 3 })
  })

  it.each([
    ['text[]', `'[0:1]={a,b}'`],
    ['float8[]', `'{-0,1}'`],
    ['json', `'{"a": 1, "a": -0}'`],
  ])('writes a %s that is %s as the owner holds it, though no jsonb can say it', async (type, value) => {
    const change = (table: string) =>
      `alter table ${table} drop column tags; alter table ${table} add column tags ${type}`
    await owner.query(`${change('users')}; update users set tags = ${value} where id = 3`)
    await copy.query(change('learners'))
    const config = configOf(bySql)
    expect(await applied(config, await planned(config))).toMatchObject({ done: 1, failed: 0, differing: [] })
    const held = await copy.query<{ isHeld: boolean }>(
      `select tags::text = (${value}::${type})::text as "isHeld" from learners where id = 3`,
    )
    expect(held.rows).toEqual([{ isHeld: true }])
  })

  it('is the same text for the same data and moment', async () => {
    await copy.query(`update learners set name = 'wrong' where id in (3, 4)`)
    const config = configOf(bySql)
    const report = await check(config)
    const clock = { now: () => new Date('2026-01-31T08:00:00Z'), monotonicMs: () => 0 }
    const texts = await Promise.all([1, 2].map(async () => planText(await plan(config, report, { clock }))))
    expect(texts[0]).toBe(texts[1])
    expect(planText(parsePlan(texts[0]!))).toBe(texts[0])
  })

  it.each(['cascade', 'set null'])(
    'leaves to a person what would take other rows along: on delete %s',
    async (rule) => {
      await copy.query(`insert into learners values (99, 'extra', 1, null);
      create table "Visits"(id int primary key, learner int references learners on delete ${rule})`)
      const { steps } = await planned(configOf(bySql), { allowDelete: true })
      expect(steps).toMatchObject([{ repair: 'person', why: expect.stringContaining('take rows of "Visits" along') }])
      await copy.query('drop table "Visits"; create table visits(id int primary key, learner int references learners)')
      expect((await planned(configOf(bySql), { allowDelete: true })).steps).toMatchObject([{ repair: 'sql' }])
    },
  )

  it('leaves to a person what no invariant declares, and what would delete unasked', async () => {
    await copy.query(`insert into learners values (99, 'extra', 1, null)`)
    expect((await planned(configOf())).steps).toMatchObject([
      { repair: 'person', why: expect.stringMatching(/no repair/) },
    ])
    const steps = (await planned(configOf(bySql))).steps
    expect(steps).toMatchObject([{ repair: 'person', why: expect.stringMatching(/deleting was not allowed/) }])
  })
})
