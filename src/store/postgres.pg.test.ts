/** A pool of our own: servers that go and come back, listeners that are lost, and secrets that stay secret. */
import { createServer } from 'node:net'
import { inspect } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { askedInSeconds } from '../../test/support/keep-alive.ts'
import { startTcpProxy, type TcpProxy } from '../../test/support/tcp-proxy.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import type { Database } from './database.ts'
import { openDatabase } from './postgres.ts'

const secret = 'hunter2-S3cret'
let proxy: TcpProxy
let direct: Database
let role: string
const opened: Database[] = []

/** Opened by way of the proxy, by a role whose password is the secret. */
function open(options: Parameters<typeof openDatabase>[1] = {}): Database {
  const db = openDatabase(
    proxy.url((url) => {
      url.username = role
      url.password = secret
    }),
    options,
  )
  opened.push(db)
  return db
}

beforeAll(async () => {
  const database = await freshDatabase()
  proxy = await startTcpProxy(database.url)
  direct = await database.connect({ max: 2 })
  role = `${database.name}_role`
  await direct.query(`create role ${role} superuser login password '${secret}'`)
})
afterAll(async () => {
  await Promise.all(opened.map((db) => db.close()))
  await proxy.close()
  await direct.query(`drop role ${role}`)
})

test('a server that goes is said to be unreachable, and found again when it is back', async () => {
  const db = open()
  await db.query('select 1')

  proxy.cut(true)
  await expect(db.query('select 1')).rejects.toMatchObject({ code: 'store/unreachable', kind: 'transient' })
  await expect(db.transaction((tx) => tx.query('select 1'))).rejects.toMatchObject({ code: 'store/unreachable' })
  proxy.restore()

  expect((await db.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})

test('a session that the server ends while it is idle is no error of anybody', async () => {
  const db = open({ applicationName: 'idle one' })
  await db.query('select 1')

  await direct.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'idle one'")
  const answered = await waitFor(() => db.query('select 1 as one'), { within: 20_000 })

  expect(answered.rows).toEqual([{ one: 1 }])
})

test('a port where nobody listens, and a name that nobody knows, are unreachable', async () => {
  const port = await new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
  for (const host of [`127.0.0.1:${port}`, 'no-such-host.invalid'])
    await expect(openDatabase(`postgres://postgres:${secret}@${host}/x`).query('select 1')).rejects.toMatchObject({
      code: 'store/unreachable',
    })
})

test('a listener hears, is lost with its connection, and hears again once the database answers', async () => {
  const db = open()
  const heard: string[] = []
  const stop = await db.listen('news "of" us', (payload) => heard.push(payload))
  const said = async () => {
    await direct.query('select pg_notify($1, $2)', ['news "of" us', 'hello'])
    return heard.includes('hello')
  }
  await waitFor(said, { within: 20_000, what: 'the first notice' })

  proxy.cut()
  heard.length = 0
  await waitFor(() => db.query('select 1').then(said), { within: 20_000, what: 'a notice after the loss' })

  await stop()
  heard.length = 0
  await said()
  expect(heard).toEqual([])
})

test('listening where there is no server fails nobody, and nothing is left open', async () => {
  const db = open()
  proxy.cut(true)
  const stop = await db.listen('news', () => undefined)
  proxy.restore()
  await stop()
})

test('session settings and the name of the application reach the server', async () => {
  const db = open({ applicationName: 'the shop', settings: { statement_timeout: '1234ms' } })

  const { rows } = await db.query(
    "select current_setting('application_name') as name, current_setting('statement_timeout') as timeout",
  )

  expect(rows).toEqual([{ name: 'the shop', timeout: '1234ms' }])
})

test('session settings are refused where sessions are pooled', () => {
  expect(() => open({ prepare: false, settings: { work_mem: '1MB' } })).toThrow(
    expect.objectContaining({ code: 'store/pooled-settings' }),
  )
})

test('a pool of the user is used, and left open', async () => {
  const pool = new pg.Pool({ connectionString: proxy.url(), max: 1 })
  const db = openDatabase(pool)

  await db.transaction(async (tx) => {
    tx.send('create temp table mine(n int)')
    tx.send('insert into mine values (1)')
    expect((await tx.query('select n from mine')).rows).toEqual([{ n: 1 }])
  })
  await db.sibling({ max: 1 }).close()
  await db.close()

  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await pool.end()
})

test('no error repeats the password of the URL, however it is printed', async () => {
  const bad = (url: string) => openDatabase(url).query('select 1')
  proxy.cut(true)
  const errors = await Promise.all(
    [
      open().query('select 1'),
      open().transaction((tx) => tx.query('select 1')),
      bad(`postgres://postgres:${secret}@127.0.0.1:1/x`),
      bad(`postgres://postgres:${secret}@127.0.0.1:notaport/x`),
      bad(`postgres://postgres:${secret}%@[::1/x`),
    ].map((asked) =>
      asked.then(
        () => expect.fail('it was reached'),
        (error: unknown) => error,
      ),
    ),
  )
  proxy.restore()
  const db = open()
  errors.push(await db.query('selectt').catch((error: unknown) => error))
  errors.push(await db.transaction((tx) => tx.query('commit')).catch((error: unknown) => error))
  errors.push(await db.query('select 1/0').catch((error: unknown) => error))

  expect(errors.map((error) => (error as { code?: string }).code)).toEqual([
    'store/unreachable',
    'store/unreachable',
    'store/unreachable',
    'store/bad-url',
    'store/bad-url',
    '42601',
    'store/transaction-control',
    '22012',
  ])
  for (const error of errors)
    for (const text of [
      String(error),
      JSON.stringify(error),
      (error as Error).stack,
      inspect(error, { depth: 9, showHidden: true }),
    ])
      expect(text).not.toContain(secret)
})

test('a pool whose connections are all taken says that the database cannot be reached, as one that is away does', async () => {
  const { url } = await freshDatabase()
  const pool = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 1_000 })
  const db = openDatabase(pool)
  await db.transaction(async (tx) => {
    await tx.query('select 1')
    await expect(db.query('select 1')).rejects.toMatchObject({ code: 'store/unreachable', kind: 'transient' })
  })
  await pool.end()
})

test.runIf(process.platform === 'linux')(
  'a server that falls silent is asked within 15 s whether it is there',
  async () => {
    const db = open()
    await db.query('select 1')
    const asked = askedInSeconds(Number(new URL(proxy.url()).port))
    expect(asked.length).toBeGreaterThan(0)
    expect(asked.filter((seconds) => seconds === undefined || seconds > 15)).toEqual([])
  },
)
