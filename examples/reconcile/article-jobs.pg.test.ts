/** The article's two jobs beside their declarations: both repair, and only the jobs bring back what was deleted. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { milliseconds } from 'selvedge'
import { check } from 'selvedge/check'
import { type Config, defineConfig } from 'selvedge/invariant'
import { apply, approve, type Plan, plan } from 'selvedge/reconcile'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/store/database.ts'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { enrollmentsHaveProgress, usersAreCopied } from './article-jobs.ts'

let fresh: readonly FreshDatabase[]
let [users, enrollments, progress]: Database[] = []
let config: Config
let folder: string

beforeEach(async () => {
  fresh = await Promise.all([freshDatabase(), freshDatabase(), freshDatabase()])
  ;[users, enrollments, progress] = await Promise.all(fresh.map((database) => database.connect()))
  const person = 'id text primary key, name text, email text, version int'
  await users!.query(
    `create table users(${person}); insert into users values ('1', 'Ada', 'a@x', 2), ('2', 'Grace', 'g@x', 1)`,
  )
  const pair = 'user_id text, course_id text, primary key (user_id, course_id)'
  await enrollments!.query(
    `create table enrollments(${pair}); insert into enrollments values ('1', 'graphs'), ('2', 'trees')`,
  )
  await progress!.query(
    `create table local_users(${person}); create table progress(${pair}, percent int not null);
     insert into local_users values ('1', 'Ada', 'old@x', 1); insert into progress values ('1', 'graphs', 40)`,
  )
  const [user, enrollment, other] = fresh.map(({ url }) => ({ url, repair: { url } }))
  config = defineConfig({
    sources: { user: user!, enrollment: enrollment!, progress: other! },
    invariants: [usersAreCopied, enrollmentsHaveProgress].map((invariant) => invariant.within(milliseconds(30))),
  })
  folder = mkdtempSync(join(tmpdir(), 'selvedge-jobs-'))
})

afterEach(() => Promise.all(fresh.map((database) => database.drop())))

const planned = async (options = {}): Promise<Plan> => plan(config, await check(config), options)
const applied = (made: Plan, options = {}) => apply(config, approve(made, 'ada'), { folder, ...options })
const rowsOf = async (db: Database | undefined, sql: string) =>
  (await db!.query(sql)).rows.map((row) => Object.values(row).join(' '))

/** The article's first job, with what may happen between its two reads. */
async function naiveUserJob(meanwhile: () => Promise<void>): Promise<void> {
  const { rows } = await users!.query<{ id: string; name: string; email: string; version: number }>(
    'select * from users',
  )
  await meanwhile()
  for (const { id, name, email, version } of rows) {
    const local = await progress!.query<{ version: number }>('select version from local_users where id = $1', [id])
    if (local.rows[0] !== undefined && local.rows[0].version >= version) continue
    await progress!.query(
      'insert into local_users values ($1, $2, $3, $4) on conflict (id) do update set name = $2, email = $3, version = $4',
      [id, name, email, version],
    )
  }
}

/** The article's second job, for one learner and course. */
async function naiveEnrollmentJob(user: string, course: string): Promise<void> {
  const where = 'where user_id = $1 and course_id = $2'
  const enrollment = (await enrollments!.query(`select from enrollments ${where}`, [user, course])).rowCount === 1
  const started = (await progress!.query(`select from progress ${where}`, [user, course])).rowCount === 1
  if (enrollment && !started) await progress!.query('insert into progress values ($1, $2, 0)', [user, course])
  if (!enrollment && started) await enrollments!.query('insert into enrollments values ($1, $2)', [user, course])
}

/** A learner leaves: both services have heard of it. */
async function deleteGrace(): Promise<void> {
  await users!.query(`delete from users where id = '2'`)
  await progress!.query(`delete from local_users where id = '2'`)
}

describe("the article's jobs as declarations", () => {
  it('copy users that are missing or stale, and begin progress that is missing', async () => {
    expect(await applied(await planned())).toMatchObject({ done: 3, failed: 0, differing: [] })
    expect(await rowsOf(progress, 'select * from local_users order by id')).toEqual(['1 Ada a@x 2', '2 Grace g@x 1'])
    expect(await rowsOf(progress, 'select * from progress order by 1')).toEqual(['1 graphs 40', '2 trees 0'])
  })

  it('do not bring back a user who was deleted meanwhile; the job does', async () => {
    const made = await planned()
    await deleteGrace()
    await applied(made)
    expect(await rowsOf(progress, 'select id from local_users')).toEqual(['1'])

    await users!.query(`insert into users values ('2', 'Grace', 'g@x', 1)`)
    await naiveUserJob(deleteGrace)
    expect(await rowsOf(progress, 'select id from local_users order by id')).toEqual(['1', '2'])
  })

  it('do not enroll a learner who left again while progress had not heard of it; the job does', async () => {
    await enrollments!.query(`delete from enrollments where user_id = '1'`)

    const made = await planned()
    expect(made.steps.filter((step) => step.key === '1/graphs')).toMatchObject([{ repair: 'person' }])
    await applied(made)
    expect(await rowsOf(enrollments, 'select * from enrollments')).toEqual(['2 trees'])

    await naiveEnrollmentJob('1', 'graphs')
    expect(await rowsOf(enrollments, 'select * from enrollments order by 1')).toEqual(['1 graphs', '2 trees'])
  })

  it('remove progress without an enrollment only when a person allows it', async () => {
    await enrollments!.query(`delete from enrollments where user_id = '1'`)
    const made = await planned({ allowDelete: true })
    await expect(applied(made)).rejects.toMatchObject({ code: 'reconcile/deletes' })
    expect(await applied(made, { allowDelete: true })).toMatchObject({ done: 4 })
    expect(await rowsOf(progress, 'select * from progress')).toEqual(['2 trees 0'])
    expect(await rowsOf(enrollments, 'select * from enrollments')).toEqual(['2 trees'])
  })
})
