import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { milliseconds } from '../base/base.ts'
import { agree, type Config, correspondsTo, type Invariant, references, replicaOf } from '../invariant/invariant.ts'
import type { Database } from '../store/store.ts'
import { check } from './check.ts'

let user: { fresh: FreshDatabase; db: Database }
let progress: { fresh: FreshDatabase; db: Database }

beforeEach(async () => {
  ;[user, progress] = await Promise.all([opened(), opened()])
})

afterEach(async () => {
  await Promise.all([user.fresh.drop(), progress.fresh.drop()])
})

async function opened(): Promise<{ fresh: FreshDatabase; db: Database }> {
  const fresh = await freshDatabase()
  return { fresh, db: await fresh.connect() }
}

function configOf(...invariants: Invariant[]): Config {
  return { sources: { user: { url: user.fresh.url }, progress: { url: progress.fresh.url } }, invariants }
}

async function keysFound(...invariants: Invariant[]): Promise<string[]> {
  const report = await check(configOf(...invariants))
  expect(report.invariants.map((entry) => entry.why)).toEqual(invariants.map(() => undefined))
  return report.findings.map((finding) => finding.key)
}

const soon = milliseconds(40)

const copyOfUsers = replicaOf('Progress knows the name and email of every user', {
  owner: { source: 'user', table: 'users', key: 'id', columns: ['name', 'email'] },
  copy: {
    source: 'progress',
    table: 'learners',
    key: 'user_id',
    columns: { name: 'full_name', email: 'lower(email)' },
  },
}).within(soon)

async function thousandUsers(): Promise<void> {
  const rows = (name: string) => `select i, ${name}, 'user' || i || '@example.org' from generate_series(1, 1000) i`
  await user.db.query(
    `create table users(id bigint primary key, name text, email text); insert into users ${rows("'Learner ' || i")}`,
  )
  await progress.db.query(
    `create table learners(user_id int primary key, full_name varchar(80), email text); insert into learners ${rows("'Learner ' || i")}`,
  )
}

describe('a replica', () => {
  it('that holds what its owner holds gives no finding, and says how much was compared', async () => {
    await thousandUsers()
    const report = await check(configOf(copyOfUsers))
    expect(report).toMatchObject({
      findings: [],
      incomplete: false,
      invariants: [{ state: 'checked', rows: 1000, inconclusive: 0 }],
    })
  })

  it('with ten differences gives exactly these ten, each with what the sides hold', async () => {
    await thousandUsers()
    await progress.db.query(`update learners set full_name = 'Somebody else' where user_id in (7, 77, 777);
      update learners set full_name = null where user_id = 8; update learners set email = '' where user_id in (9, 10);
      delete from learners where user_id in (500, 501); insert into learners values (2000, 'Extra', 'x@example.org'), (-5, 'Extra', null)`)
    const { findings } = await check(configOf(copyOfUsers))
    expect(findings.map((finding) => finding.key)).toEqual([
      '-5',
      '10',
      '2000',
      '500',
      '501',
      '7',
      '77',
      '777',
      '8',
      '9',
    ])
    expect(new Set(findings.map((finding) => `${finding.verdict} ${finding.proof}`))).toEqual(
      new Set(['diverged double-read']),
    )
    const byKey = Object.fromEntries(findings.map((finding) => [finding.key, finding]))
    expect(byKey['8']?.columns).toEqual([
      { column: 'name', values: { 'user.users': 'Learner 8', 'progress.learners': null } },
    ])
    expect(byKey['500']).toMatchObject({ present: ['user.users'], absent: ['progress.learners'] })
    expect(byKey['2000']).toMatchObject({ present: ['progress.learners'], absent: ['user.users'] })
    expect(byKey['9']?.because).toBe(
      'user.users and progress.learners differ in email, for longer than 40 ms, while the owner did not change',
    )
  })

  it('of which nearly every row differs in one column is one mapping error, and the invariant is incomplete', async () => {
    await thousandUsers()
    await progress.db.query(`update learners set full_name = upper(full_name)`)
    const report = await check(configOf(copyOfUsers))
    expect(report.findings).toMatchObject([
      { verdict: 'mapping-error', key: '', proof: 'sample', columns: [{ column: 'name' }] },
    ])
    expect(report.findings[0]?.because).toContain('name differs in 200 of 200 sampled rows')
    expect(report.invariants).toMatchObject([{ state: 'incomplete', why: expect.stringContaining('mapping error') }])
  })

  it('of which nearly every row is missing is no mapping error', async () => {
    await thousandUsers()
    await progress.db.query(`delete from learners where user_id > 30`)
    expect(await keysFound(copyOfUsers)).toHaveLength(970)
  })

  it('of which no key is on the other side is one mapping error, and a few shifted keys are none', async () => {
    await thousandUsers()
    await progress.db.query('update learners set user_id = user_id + 1000 where user_id > 100')
    expect(await keysFound(copyOfUsers)).toHaveLength(1_800)
    await progress.db.query('update learners set user_id = user_id + 1000 where user_id <= 100')
    const { findings } = await check(configOf(copyOfUsers))
    expect(findings).toMatchObject([{ verdict: 'mapping-error', key: '', columns: [] }])
    expect(findings[0]?.because).toMatch(
      /^none of 200 sampled keys is on two sides, such as \d+ of user.users and \d+ of/,
    )
  })

  it('whose types differ is compared by value: numbers, dates, JSON, enums and char(n)', async () => {
    await user.db.query(`create type level as enum ('low', 'high'); create domain money_amount as numeric(12, 2);
      create table users(id uuid primary key, born timestamptz, pay money_amount, tags jsonb, level level, code char(4));
      insert into users select md5(i::text)::uuid, '2026-01-01Z', 1.50, '{"b": 1.10, "a": [1]}', 'high', 'ab' from generate_series(1, 50) i`)
    await progress.db.query(`set timezone = 'Asia/Tokyo'; create table learners(user_id text, born timestamp, pay numeric, tags json, level text, code text);
      insert into learners select md5(i::text)::uuid::text, '2026-01-01', 1.5, '{"a":[1],"b":1.1}', 'high', 'ab' from generate_series(1, 50) i`)
    const columns = ['born', 'pay', 'tags', 'level', 'code']
    const invariant = replicaOf('Same', {
      owner: { source: 'user', table: 'users', key: 'id', columns },
      copy: { source: 'progress', table: 'learners', key: 'user_id', columns },
    }).within(soon)
    expect(await keysFound(invariant)).toEqual([])
    await progress.db.query(
      `update learners set tags = '{"a":[1],"b":1.11}' where user_id = md5('7')::uuid::text; update learners set level = 'High' where user_id = md5('8')::uuid::text; insert into learners(user_id) values ('not a uuid')`,
    )
    expect(await keysFound(invariant)).toHaveLength(3)
  })
})

describe('a scan', () => {
  it('looks into nothing when all is equal, even with an integer key on one side and text on the other', async () => {
    await thousandUsers()
    const said: string[] = []
    for (const key of ['user_id', 'user_id::text', "'x' || user_id"]) {
      const side = { source: 'progress', table: 'learners', key }
      const report = await check(
        configOf(agree(key, { source: 'user', table: 'users', key: 'id' }, side).within(soon)),
        { onProgress: (line) => said.push(line) },
      )
      expect(report.findings.map(({ verdict }) => verdict)).toEqual(key.startsWith("'x'") ? ['mapping-error'] : [])
    }
    expect(said.filter((line) => line.startsWith('judging'))).toMatchObject([
      expect.stringContaining('judging 2,000 differing keys'),
    ])
  })
})

describe('agree', () => {
  it('says in three lines what the article checks: enrollment and progress know the same courses', async () => {
    await user.db.query(
      `create table enrollments(user_id int, course_id text); insert into enrollments values (1, 'graphs'), (1, 'trees'), (2, 'a/b')`,
    )
    await progress.db.query(
      `create table course_progress(user_id int, course_id text); insert into course_progress values (1, 'graphs'), (2, 'trees')`,
    )
    const sameCourses = agree(
      'Enrollment and progress know the same courses of every learner',
      { source: 'user', table: 'enrollments', key: ['user_id', 'course_id'] },
      { source: 'progress', table: 'course_progress', key: ['user_id', 'course_id'] },
    )
    expect(await keysFound(sameCourses.within(soon).about('Enrollment'))).toEqual(['1/trees', '2/a%2Fb', '2/trees'])
  })

  it('holds any number of sides together, tables and queries, and names who has what', async () => {
    await user.db.query(`create table score(user_id int primary key, points int); insert into score values (1, 10), (2, 20), (3, 30);
      create table solved(user_id int, points int); insert into solved values (1, 4), (1, 6), (2, 20), (3, 29)`)
    await progress.db.query(
      `create table score(user_id bigint primary key, points bigint); insert into score values (1, 10), (2, 21), (3, 30)`,
    )
    const points = agree(
      'Points are counted alike',
      { source: 'user', table: 'score', key: 'user_id', columns: ['points'] },
      { source: 'progress', table: 'score', key: 'user_id', columns: ['points'] },
      {
        source: 'user',
        query: 'select user_id, sum(points) as points from solved group by 1 -- by hand',
        key: 'user_id',
        columns: ['points'],
      },
    ).within(soon)
    const { findings } = await check(configOf(points))
    expect(findings.map(({ key, columns }) => [key, columns[0]?.values])).toEqual([
      ['2', { 'user.score': '20', 'progress.score': '21', user: '20' }],
      ['3', { 'user.score': '30', 'progress.score': '30', user: '29' }],
    ])
  })

  it('finds a doubled row, a row without a key, and a value moved between columns', async () => {
    await user.db.query(
      `create table t(k text, a text, b text); insert into t values ('1', 'x', ''), ('2', '', 'y'), ('3', 'a|b', 'c')`,
    )
    await progress.db.query(
      `create table t(k text, a text, b text); insert into t values ('1', 'x', ''), ('1', 'x', ''), ('2', 'y', ''), ('3', 'a', 'b|c'), (null, 'n', 'n')`,
    )
    const same = agree(
      'Same',
      ...['user', 'progress'].map((source) => ({ source, table: 't', key: 'k', columns: ['a', 'b'] })),
    ).within(soon)
    const report = await check(configOf(same))
    expect(report.findings.map((finding) => finding.key)).toEqual(['1', '2', '3'])
    expect(report.findings[0]?.because).toContain('progress.t has 2 rows with this key')
    expect(report.invariants[0]?.why).toBe('1 rows of progress.t have no key (NULL): name the others by `where`')
  })
})

describe('references', () => {
  it('finds children whose parent is not there, of whatever type, and lets NULL be', async () => {
    await user.db.query(`create table users(id int primary key); insert into users select generate_series(1, 100)`)
    await progress.db.query(`create table enrollments(id text primary key, user_id text); insert into enrollments select 'e' || i, i::text from generate_series(1, 103) i;
      insert into enrollments values ('none', null), ('junk', 'abc')`)
    const ofUsers = references('Every enrollment is of a user', {
      child: { source: 'progress', table: 'enrollments', key: 'id', by: 'user_id' },
      parent: { source: 'user', table: 'users', key: 'id' },
    }).within(soon)
    expect(await keysFound(ofUsers)).toEqual(['e101', 'e102', 'e103', 'junk'])
    const { findings } = await check(configOf(ofUsers))
    expect(findings[3]).toMatchObject({
      because: expect.stringContaining('progress.enrollments names abc, which user.users does not have'),
      columns: [{ column: 'user_id', values: { 'progress.enrollments': 'abc' } }],
    })
  })
})

describe('references of a column whose collation takes one letter for another', () => {
  it('are looked for one by one', async () => {
    await user.db.query(`create table towns(name text primary key); insert into towns values ('Oslo')`)
    await progress.db.query(`create collation lax (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      create table visits(id int primary key, town text collate lax);
      insert into visits values (1, 'Oslo'), (2, 'oslo'), (3, 'OSLO'), (4, 'Oslo')`)
    const ofTowns = references('Every visit is of a town', {
      child: { source: 'progress', table: 'visits', key: 'id', by: 'town' },
      parent: { source: 'user', table: 'towns', key: 'name' },
    }).within(soon)
    expect(await keysFound(ofTowns)).toEqual(['2', '3'])
  })

  it.each([
    ['one part', ['town'], ['name']],
    ['two parts', ['town', 'land'], ['name', 'land']],
  ])('are looked for byte by byte where the parent has it, too: a key of %s', async (_, by, key) => {
    for (const db of [user.db, progress.db])
      await db.query(`create collation lax (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`)
    await user.db.query(`create table towns(name varchar(20) collate lax primary key, land text collate lax);
      insert into towns values ('Oslo', 'no'), ('Rome', 'it')`)
    await progress.db.query(`create table visits(id int primary key, town text collate lax, land text);
      insert into visits values (1, 'Oslo', 'no'), (2, 'oslo', 'no'), (3, 'OSLO', 'no'), (4, 'Rome', 'it'), (5, null, 'it')`)
    const ofTowns = references('Every visit is of a town', {
      child: { source: 'progress', table: 'visits', key: 'id', by },
      parent: { source: 'user', table: 'towns', key },
    }).within(soon)
    expect(await keysFound(ofTowns)).toEqual(['2', '3'])
  })
})

describe('correspondsTo', () => {
  it('lets only the listed states stand beside each other', async () => {
    await user.db.query(
      `create table enrollment(id int primary key, status text); insert into enrollment values (1, 'active'), (2, 'active'), (3, 'cancelled'), (4, 'cancelled'), (5, 'active'), (6, null)`,
    )
    await progress.db.query(
      `create table payment(enrollment_id int, status text); insert into payment values (1, 'captured'), (2, 'refunded'), (3, 'refunded'), (7, 'captured'), (6, 'captured')`,
    )
    const paid = correspondsTo('An active enrollment is paid', {
      left: { source: 'user', table: 'enrollment', key: 'id', state: 'status' },
      right: { source: 'progress', table: 'payment', key: 'enrollment_id', state: 'status' },
      allowed: [
        ['active', 'captured'],
        ['cancelled', 'refunded'],
        ['cancelled', null],
      ],
    }).within(soon)
    expect(await keysFound(paid)).toEqual(['2', '5', '6', '7'])
  })
})

describe('what cannot be read', () => {
  it('is named, and costs no other invariant its verdict', async () => {
    await thousandUsers()
    await progress.db.query(`create table secret(id int); create table guarded(id int); alter table guarded enable row level security;
      create policy none on guarded using (id > 5); create role auditor_${user.fresh.name} login password 'look'; grant select on learners, guarded to auditor_${user.fresh.name}`)
    const url = progress.fresh.url.replace(/\/\/[^@/]*@|\/\//, `//auditor_${user.fresh.name}:look@`)
    const readable = (table: string) =>
      agree(
        `About ${table}`,
        { source: 'progress', table, key: 'id' },
        { source: 'user', table: 'users', key: 'id' },
      ).within(soon)
    const report = await check({
      sources: { user: { url: user.fresh.url }, progress: { url }, gone: { url: 'postgres://127.0.0.1:1/none' } },
      invariants: [
        readable('secret'),
        copyOfUsers,
        readable('guarded'),
        readable('missing'),
        agree('Far', { source: 'gone', table: 't', key: 'id' }, { source: 'user', table: 'users', key: 'id' }),
      ],
    })
    expect(report.incomplete).toBe(true)
    expect(report.invariants.map((entry) => [entry.name, entry.state, entry.why])).toEqual([
      ['About secret', 'incomplete', 'source "progress": permission denied for table secret (42501)'],
      ['Progress knows the name and email of every user', 'checked', undefined],
      [
        'About guarded',
        'incomplete',
        'source "progress": query would be affected by row-level security policy for table "guarded" (42501)',
      ],
      ['About missing', 'incomplete', 'source "progress": relation "missing" does not exist (42P01)'],
      ['Far', 'incomplete', expect.stringMatching(/source "gone": The database cannot be reached/)],
    ])
    expect(report.invariants[2]?.help).toMatch(/would not see all rows.*BYPASSRLS/)
    await progress.db.query(`drop owned by auditor_${user.fresh.name}; drop role auditor_${user.fresh.name}`)
  })

  it('and nothing can be written: each read is a READ ONLY transaction', async () => {
    await thousandUsers()
    await user.db.query(
      `create function sneaky() returns text language sql volatile as $$ delete from users where id = 1 returning 'x' $$`,
    )
    const invariant = agree(
      'Sneaky',
      { source: 'user', table: 'users', key: 'id', columns: { name: 'sneaky()' } },
      { source: 'progress', table: 'learners', key: 'user_id', columns: { name: 'full_name' } },
    )
    const report = await check(configOf(invariant))
    expect(report.invariants[0]?.why).toBe('source "user": cannot execute DELETE in a read-only transaction (25006)')
  })
})

describe('hostile names', () => {
  it('are quoted wherever they stand, and hostile keys reach the command quoted', async () => {
    const table = `t"; drop table users; --`
    const column = `a' or "b`
    await user.db.query(
      `create table "t""; drop table users; --"("__proto__" text, "a' or ""b" text); insert into "t""; drop table users; --" values ('1', 'x'), ('$(rm -rf ~)''', 'y'), ('--help', 'z')`,
    )
    await progress.db.query(`create table "userTable"("keyOf" text, a text); insert into "userTable" values ('1', 'x')`)
    const same = replicaOf(`It's "quoted"`, {
      owner: {
        source: 'user',
        table: `"${table.replaceAll('"', '""')}"`,
        key: '__proto__',
        columns: { constructor: { column } },
      },
      copy: { source: 'progress', table: 'userTable', key: 'keyOf', columns: { constructor: 'a' } },
    })
      .within(soon)
      .about('User')
    const { findings } = await check(configOf(same))
    expect(findings).toMatchObject([
      { key: `$(rm -rf ~)'`, absent: ['progress.userTable'], explain: `selvedge explain User '$(rm -rf ~)'\\'''` },
      { key: '--help', explain: 'selvedge explain -- User --help' },
    ])
  })
})

describe('a baseline', () => {
  it('accepts a known finding until its day, and still shows it as accepted', async () => {
    await thousandUsers()
    await progress.db.query('delete from learners where user_id in (1, 2, 3)')
    const known = (key: string, until: string) => ({
      invariant: copyOfUsers.name,
      key,
      reason: 'they asked to be forgotten',
      until,
    })
    const report = await check({
      ...configOf(copyOfUsers),
      baseline: [known('1', '2999-01-01'), known('2', '2020-01-01')],
    })
    expect(report.findings.map((finding) => finding.key)).toEqual(['2', '3'])
    expect(report.accepted.map((finding) => finding.key)).toEqual(['1'])
    expect(report.invariants[0]).toMatchObject({ findings: 2, accepted: 1 })
  })
})

describe('only', () => {
  it('checks the named invariants or problems, and refuses a name that does not exist', async () => {
    await thousandUsers()
    const config = configOf(
      copyOfUsers.under('stale-data'),
      agree(
        'Other',
        { source: 'user', table: 'users', key: 'id' },
        { source: 'progress', table: 'learners', key: 'user_id' },
      ),
    )
    expect((await check(config, { only: ['stale-data'] })).invariants.map((entry) => entry.name)).toEqual([
      copyOfUsers.name,
    ])
    expect((await check(config, { only: ['Other'] })).invariants.map((entry) => entry.name)).toEqual(['Other'])
    await expect(check(config, { only: ['stale'] })).rejects.toMatchObject({ code: 'check/unknown-invariant' })
  })
})
