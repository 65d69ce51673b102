/** A MySQL session as checks get it: it reads, it writes nothing, and its errors hold no password. */
import { expect, it } from 'vitest'
import { askedInSeconds } from '../../../test/support/keep-alive.ts'
import { freshMariadb, testWithMariadb } from '../../../test/support/mariadb.ts'
import { startTcpProxy } from '../../../test/support/tcp-proxy.ts'
import { connectMysql, type MysqlConnection } from './mysql-connection.ts'

async function withSession<T>(url: string, work: (session: MysqlConnection) => Promise<T>): Promise<T> {
  const session = await connectMysql(url)
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

testWithMariadb('a session cannot write', async () => {
  const { url, run } = await freshMariadb()
  await run('create table t (id int primary key)')

  await withSession(url, async ({ driver }) => {
    await expect(driver.query('insert into t values (1)')).rejects.toThrow(/READ ONLY/i)
  })
  expect(await run('select * from t')).toEqual([])
})

testWithMariadb('values arrive as text that both engines write alike', async () => {
  const { url, run } = await freshMariadb()
  await run(`create table t (id bigint unsigned primary key, price decimal(12,2), at timestamp(6), said text);
    set time_zone = '+05:00'; insert into t values (18446744073709551615, 1.10, '2026-01-01 05:00:00.000001', 'é 🙂')`)

  await withSession(url, async ({ driver }) => {
    const [rows] = await driver.query('select * from t')
    expect(rows).toEqual([
      { id: '18446744073709551615', price: '1.10', at: '2026-01-01 00:00:00.000001', said: 'é 🙂' },
    ])
  })
})

testWithMariadb('a role that may not come in is refused without its password', async () => {
  const { url } = await freshMariadb()
  const wrong = new URL(url)
  wrong.username = 'selvedge_nobody'
  wrong.password = 'hunter2'

  const error = await connectMysql(wrong.href).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'check/mysql-refused', kind: 'refused' })
  expect(JSON.stringify(error)).not.toContain('hunter2')
})

testWithMariadb('a slow statement is ended by the server', async () => {
  const { url } = await freshMariadb()
  const session = await connectMysql(url, { statementTimeoutMs: 200 })
  const slow =
    'select count(*) from information_schema.columns a, information_schema.columns b, information_schema.columns c'
  await expect(session.driver.query(slow)).rejects.toThrow(/max_statement_time|maximum statement/i)
  await session.close()
})

it('a server that is not there is unreachable', async () => {
  await expect(connectMysql('mysql://root:hunter2@127.0.0.1:1/shop')).rejects.toMatchObject({
    code: 'check/mysql-unreachable',
    kind: 'transient',
  })
})

it.each(['mysql://root:hunter2@host', 'mysql://root:hunter%2@host/shop', 'http://root:hunter2@host/shop', 'hunter2'])(
  'the URL %s is refused without repeating it',
  async (url) => {
    const error = await connectMysql(url).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'check/bad-mysql-url' })
    expect(JSON.stringify(error)).not.toContain('hunter')
  },
)

it('a missing driver is named with the command that installs it', async () => {
  await expect(connectMysql('mysql://root@127.0.0.1/shop', { from: ['/nowhere/here'] })).rejects.toMatchObject({
    code: 'check/no-mysql2',
    help: expect.stringContaining('npm i mysql2'),
  })
})

testWithMariadb('a server that falls silent is asked within 15 s whether it is there', async () => {
  const { url } = await freshMariadb()
  const proxy = await startTcpProxy(url.replace('mysql:', 'postgres:'))
  await withSession(proxy.url().replace('postgres:', 'mysql:'), async () => {
    const asked = askedInSeconds(Number(new URL(proxy.url()).port))
    expect(asked).toHaveLength(1)
    expect(asked[0]).toBeLessThanOrEqual(15)
  })
  await proxy.close()
})
