/** What came to hang on a new row by a foreign key that cascades: undo and every other deletion leave it, on both engines. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { freshMariadb, testWithMariadb } from '../../test/support/mariadb.ts'
import { type ReconcilePair, reconcilePair } from '../../test/support/reconcile-pair.ts'
import { milliseconds } from '../base/base.ts'
import { check } from '../check/check.ts'
import { defineConfig, replicaOf } from '../invariant/invariant.ts'
import { apply, approve, plan, undo } from './reconcile.ts'

const sql = { kind: 'sql' } as const
const named = (name: string) =>
  `changed-meanwhile: a row of ${name} names this one, and a foreign key would take it along`

describe('on PostgreSQL', () => {
  let pair: ReconcilePair
  beforeEach(async () => {
    pair = await reconcilePair()
  })
  afterEach(() => pair.drop())

  const inserted = async () => {
    await pair.copy.query('delete from learners where id in (4, 5)')
    const made = await pair.approved(pair.config(sql))
    return apply(pair.config(sql), made, { folder: pair.folder })
  }
  const taken = (run: string) => undo(pair.config(sql), run, { folder: pair.folder, by: 'grace' })

  it.each(['cascade', 'set null', 'set default'])('undo leaves a row that others name: on delete %s', async (rule) => {
    await pair.copy.query(
      `create table "Visits"(id int primary key, learner int references learners on delete ${rule})`,
    )
    const { run } = await inserted()
    await pair.copy.query('insert into "Visits" values (1, 4)')
    expect(await taken(run)).toMatchObject({ done: 1, skipped: 1, again: [{ key: '4', why: named('"Visits"') }] })
    expect((await pair.copy.query('select * from "Visits"')).rows).toEqual([{ id: 1, learner: 4 }])
    expect(await pair.rows(4, 5)).toMatchObject([{ id: 4 }])
  })

  it('a visit that is not committed yet is waited for, and its row stays', async () => {
    await pair.copy.query(`create table visits(learner int references learners on delete cascade)`)
    await pair.copy.query(
      `do $$ begin execute format('alter database %I set default_transaction_isolation to serializable', current_database()); end $$`,
    )
    const { run } = await inserted()
    let undone: ReturnType<typeof taken> | undefined
    await pair.copy.transaction(async (tx) => {
      await tx.query('insert into visits values (4)')
      undone = taken(run)
      await new Promise((resolve) => setTimeout(resolve, 700))
    })
    expect(await undone).toMatchObject({ done: 1, skipped: 1 })
    expect(await pair.rows(4, 5)).toMatchObject([{ id: 4 }])
  })

  it('a row that names only itself is deleted, and one of a part that others name is not', async () => {
    await pair.copy.query(`alter table learners rename to old;
      create table learners(id int primary key, name text, score numeric(8,2), tags text[], note text, up int) partition by list (id);
      create table few partition of learners for values in (98, 99);
      create table rest partition of learners default;
      insert into learners select *, null from old; insert into learners(id, up) values (98, 98), (99, null)`)
    const made = await pair.approved(pair.config(sql), { allowDelete: true })
    await pair.copy.query(`alter table learners add foreign key (up) references learners on delete cascade;
      create table visits(learner int references few on delete cascade); insert into visits values (99)`)
    const result = await apply(pair.config(sql), made, { folder: pair.folder, allowDelete: true })
    expect(result).toMatchObject({ done: 1, again: [{ key: '99', why: named('visits') }] })
  })

  it('a planned deletion leaves what others came to name, with a foreign key that is younger than the plan', async () => {
    await pair.copy.query(`insert into learners values (98, 'extra'), (99, 'extra')`)
    const made = await pair.approved(pair.config(sql), { allowDelete: true })
    await pair.copy.query(
      `create table visits(learner int references learners on delete cascade); insert into visits values (99)`,
    )
    const result = await apply(pair.config(sql), made, { folder: pair.folder, allowDelete: true })
    expect(result).toMatchObject({ done: 1, again: [{ key: '99', why: named('visits') }] })
    expect((await pair.copy.query('select * from visits')).rows).toHaveLength(1)
  })

  it('a new row that should be taken back, for its owner is gone, stays when others name it by then', async () => {
    await pair.copy.query(
      `delete from learners where id = 4; create table visits(learner int references learners on delete cascade)`,
    )
    const made = await pair.approved(pair.config(sql))
    const result = await apply(pair.config(sql), made, {
      folder: pair.folder,
      atMoment: async (moment) => {
        if (moment !== 'committed') return
        await pair.owner.query('delete from users where id = 4')
        await pair.copy.query('insert into visits values (4)')
      },
    })
    expect(result).toMatchObject({
      done: 0,
      failures: [{ key: '4', why: expect.stringContaining('the new row stays') }],
    })
    expect((await pair.copy.query('select * from visits')).rows).toHaveLength(1)
  })
})

describe('on MariaDB', () => {
  testWithMariadb.each(['cascade', 'set null'])('undo leaves a row that others name: on delete %s', async (rule) => {
    const [fresh, maria] = await Promise.all([freshDatabase(), freshMariadb()])
    const owner = await fresh.connect()
    await owner.query(
      'create table users(id int primary key, name text); insert into users select i, i from generate_series(1, 5) i',
    )
    await maria.run(
      `create table learners(id int primary key, name varchar(40)); insert into learners values (1, '1'), (2, '2')`,
    )
    await maria.run(
      `create table \`Visits\`(id int primary key, learner int, foreign key (learner) references learners(id) on delete ${rule})`,
    )
    const side = (source: string, table: string) => ({ source, table, key: 'id', columns: ['name'] })
    const config = defineConfig({
      sources: { user: { url: fresh.url }, copy: { url: maria.url, repair: { url: maria.url } } },
      invariants: [
        replicaOf('Same', { owner: side('user', 'users'), copy: side('copy', 'learners') })
          .within(milliseconds(30))
          .repairedBy(sql),
      ],
    })
    const folder = mkdtempSync(join(tmpdir(), 'selvedge-reconcile-'))
    const { run, done } = await apply(config, approve(await plan(config, await check(config)), 'ada'), { folder })
    expect(done).toBe(3)
    await maria.run('insert into `Visits` values (1, 4)')
    const result = await undo(config, run, { folder, by: 'grace' })
    expect(result).toMatchObject({ done: 2, skipped: 1, again: [{ key: '4', why: named('Visits') }] })
    expect(await maria.run('select * from `Visits`')).toEqual([{ id: 1, learner: 4 }])
    expect(await maria.run('select id from learners order by id')).toEqual([{ id: 1 }, { id: 2 }, { id: 4 }])
  })
})
