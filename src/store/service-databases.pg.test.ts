/** One database and one role per service: kept apart, and gone at the end of the run on somebody else's server. */
import { randomBytes } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { serverUrl } from '../../test/support/database.ts'
import { startProcess, type TestProcess } from '../../test/support/process.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import type { Database } from './database.ts'
import { openDatabase } from './postgres.ts'
import type { Server } from './server.ts'
import { serviceDatabases } from './service-databases.ts'

const admin = openDatabase(serverUrl(), { max: 1 })
const cleanups: string[] = []

afterAll(async () => {
  for (const sql of cleanups) await admin.query(sql)
  await admin.close()
})

const given: Server = { url: serverUrl(), kind: 'given', stop: async () => undefined }

/** A prefix of the test's own, so that runs beside it are not its business. */
function newPrefix(): string {
  return `t_${randomBytes(4).toString('hex')}`
}

/** The names of all databases and roles that begin with `prefix`. */
async function namesWith(prefix: string): Promise<string[]> {
  const { rows } = await admin.query<{ name: string }>(
    'select name from (select datname::text as name from pg_database union all select rolname::text from pg_roles) as n where starts_with(name, $1) order by name',
    [`${prefix}_`],
  )
  return rows.map((row) => row.name)
}

function holdDatabases(prefix: string, services: readonly string[], url = serverUrl()): TestProcess {
  return startProcess(new URL('../../test/support/hold-databases.ts', import.meta.url), {
    arguments: [url, prefix, ...services],
  })
}

async function using<T>(url: string, work: (db: Database) => Promise<T>): Promise<T> {
  const db = openDatabase(url, { max: 1 })
  try {
    return await work(db)
  } finally {
    await db.close()
  }
}

test('a service owns its database and may not read the tables of another', async () => {
  const databases = await serviceDatabases(given, { prefix: newPrefix() })
  const [user, course] = [await databases.create('user'), await databases.create('course')]
  await using(user.url, (db) => db.query('create table profile (id text)'))

  const elsewhere = new URL(course.url)
  elsewhere.pathname = new URL(user.url).pathname
  const foreign = using(elsewhere.href, (db) => db.query('select * from profile'))

  await expect(foreign).rejects.toMatchObject({ code: '42501' })
  await databases.stop()
})

test('at the end of a run nothing of it is left on a given server, though sessions are open', async () => {
  const prefix = newPrefix()
  const databases = await serviceDatabases(given, { prefix })
  const { url, name } = await databases.create('user')
  const db = openDatabase(url)
  await db.query('create table profile (id text)')
  expect(name).toMatch(new RegExp(`^${prefix}_[0-9a-f]{8}_user$`))
  expect(await namesWith(prefix)).toEqual([name, name])

  await databases.stop()

  expect(await namesWith(prefix)).toEqual([])
  await db.close()
})

test('SIGKILL of the parent leaves no database and no role on a given server', async () => {
  const prefix = newPrefix()
  const parent = holdDatabases(prefix, [
    'user',
    'course',
    'challenge',
    'progress',
    'achievement',
    'payment',
    'enrollment',
    'notification',
  ])
  const made = JSON.parse(await parent.line()) as unknown[]
  expect(await namesWith(prefix)).toHaveLength(made.length * 2)

  parent.signal('SIGKILL')

  await waitFor(async () => (await namesWith(prefix)).length === 0, { within: 5_000, what: 'an empty server' })
})

test('SIGKILL of the parent while it creates leaves nothing either', async () => {
  const prefix = newPrefix()
  const parent = holdDatabases(prefix, ['user', 'course', 'challenge'])
  await waitFor(async () => (await namesWith(prefix)).length > 0, { within: 20_000, every: 1 })

  parent.signal('SIGKILL')

  const isIdle = async () =>
    (await admin.query('select 1 from pg_stat_activity where starts_with(application_name, $1)', [prefix])).rowCount ===
    0
  await waitFor(async () => (await isIdle()) && (await namesWith(prefix)).length === 0, {
    within: 5_000,
    what: 'an empty server',
  })
})

test('the next run sweeps what a dead one left, and nothing of a living one or of others', async () => {
  const prefix = newPrefix()
  const living = holdDatabases(prefix, ['user'])
  const [kept] = JSON.parse(await living.line()) as { name: string }[]
  const [dead, other] = [`${prefix}_0badcafe_user`, `${prefix}_thesis`]
  for (const sql of [`create role ${dead}`, `create database ${dead} owner ${dead}`, `create role ${other}`])
    await admin.query(sql)
  cleanups.push(`drop role ${other}`)

  const next = await serviceDatabases(given, { prefix })

  expect(await namesWith(prefix)).toEqual([kept?.name, kept?.name, other])
  await next.stop()
  living.signal('SIGTERM')
  expect(await living.ended).toBe(0)
  expect(await namesWith(prefix)).toEqual([other])
})

test('a user who may create databases and roles is enough; one who may not is told so', async () => {
  const [able, unable] = [newPrefix(), newPrefix()]
  await admin.query(`create role ${able} login createdb createrole password 'secret'`)
  await admin.query(`create role ${unable} login password 'secret'`)
  cleanups.push(`drop role ${able}`, `drop role ${unable}`)
  const as = (name: string): Server => {
    const url = new URL(serverUrl())
    url.username = name
    url.password = 'secret'
    return { ...given, url: url.href }
  }

  const databases = await serviceDatabases(as(able), { prefix: newPrefix() })
  const { url } = await databases.create('user')
  const refusing = await serviceDatabases(as(unable), { prefix: newPrefix() })

  expect((await using(url, (db) => db.query('create table profile (id text)'))).rowCount).toBe(0)
  await expect(refusing.create('user')).rejects.toMatchObject({ code: 'store/no-rights' })
  await Promise.all([databases.stop(), refusing.stop()])
})

test('kept databases are found again by name, with their rows', async () => {
  const prefix = newPrefix()
  cleanups.push(`drop database ${prefix}_user`, `drop role ${prefix}_user`)
  const first = await serviceDatabases(given, { prefix, isKept: true })
  await using((await first.create('user')).url, (db) => db.query('create table profile as select 1 as id'))
  await first.stop()

  const second = await serviceDatabases(given, { prefix, isKept: true })
  const { url, name } = await second.create('user')

  expect(name).toBe(`${prefix}_user`)
  expect((await using(url, (db) => db.query('select id from profile'))).rows).toEqual([{ id: 1 }])
  await second.stop()
})

test('a given server that does not answer is one clear error', async () => {
  const nowhere: Server = { ...given, url: 'postgres://nobody@127.0.0.1:1/none' }

  await expect(serviceDatabases(nowhere)).rejects.toMatchObject({
    code: 'store/unreachable',
    help: expect.stringContaining('--database-url'),
  })
})
