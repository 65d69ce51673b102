import { beforeEach, describe, expect, it } from 'vitest'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { milliseconds } from '../base/base.ts'
import { type Config, type Invariant, replicaOf } from '../invariant/invariant.ts'
import type { Database } from '../store/store.ts'
import { check } from './check.ts'

let user: { fresh: FreshDatabase; db: Database }
let progress: { fresh: FreshDatabase; db: Database }

beforeEach(async () => {
  ;[user, progress] = await Promise.all([opened(), opened()])
})

async function opened(): Promise<{ fresh: FreshDatabase; db: Database }> {
  const fresh = await freshDatabase()
  return { fresh, db: await fresh.connect() }
}

function configOf(...invariants: Invariant[]): Config {
  return { sources: { user: { url: user.fresh.url }, progress: { url: progress.fresh.url } }, invariants }
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
})
