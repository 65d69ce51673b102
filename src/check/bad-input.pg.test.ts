/** What nobody should declare or store, and somebody will: each is a verdict, or a reason with the way out. */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { builtCli, ownFolder, startProgram } from '../../test/support/built-cli.ts'
import { type FreshDatabase, freshDatabase, serverUrl } from '../../test/support/database.ts'
import { jsonApi } from '../../test/support/json-api.ts'
import { freshMariadb, mariadbUrl, testWithMariadb } from '../../test/support/mariadb.ts'
import { startTcpProxy } from '../../test/support/tcp-proxy.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { milliseconds } from '../base/base.ts'
import { agree, type Config, references, type SideDeclaration } from '../invariant/invariant.ts'
import { type Database, openDatabase } from '../store/store.ts'
import { check } from './check.ts'

let fresh: readonly [FreshDatabase, FreshDatabase]
let owner: Database
let copy: Database
beforeEach(async () => {
  fresh = await Promise.all([freshDatabase(), freshDatabase()])
  ;[owner, copy] = await Promise.all([fresh[0].connect(), fresh[1].connect()])
})
afterEach(async () => {
  await Promise.all(fresh.map((database) => database.drop()))
})

const soon = milliseconds(40)
const side = (source: string, change: Partial<SideDeclaration> = {}): SideDeclaration => {
  const { query } = change
  return { source, key: 'id', ...(query === undefined ? { table: 't' } : {}), ...change }
}
const configOf = (url: string, ...sides: readonly [SideDeclaration, SideDeclaration]): Config => ({
  sources: { owner: { url: fresh[0].url }, copy: { url } },
  invariants: [agree('Same', ...sides).within(soon)],
})
/** Why nothing could be said, and what to do about it. */
async function refusalOf(config: Config): Promise<readonly (string | undefined)[]> {
  const { incomplete, findings, invariants } = await check(config)
  expect([incomplete, findings]).toEqual([true, []])
  return [invariants[0]?.why, invariants[0]?.help]
}

describe('a URL', () => {
  testWithMariadb('of MySQL that leads to PostgreSQL says who answers there, and so the other way round', async () => {
    await owner.query('create table t (id int primary key)')
    const proxy = await startTcpProxy(serverUrl())
    const asMysql = `mysql://root@${new URL(proxy.url()).host}/shop`
    const asPostgres = `postgres://root@${new URL(mariadbUrl).host || '127.0.0.1:3306'}/shop`
    const [mysql, postgres] = await Promise.all(
      [asMysql, asPostgres].map((url) => refusalOf(configOf(url, side('owner'), side('copy')))),
    )
    expect(mysql).toEqual([
      'source "copy": The server at this address is PostgreSQL, not MySQL or MariaDB.',
      expect.stringContaining('Write its URL as postgres://'),
    ])
    expect(postgres).toEqual([
      'source "copy": The server at this address is MySQL or MariaDB, not PostgreSQL.',
      expect.stringContaining('Write its URL as mysql://'),
    ])
    await proxy.close()
  })

  it('where nobody listens, or of a database that is not there, says what to look at', async () => {
    await owner.query('create table t (id int primary key)')
    expect(await refusalOf(configOf('postgres://127.0.0.1:1/none', side('owner'), side('copy')))).toEqual([
      'source "copy": The database cannot be reached (ECONNREFUSED).',
      'See that the server runs, and that host and port of the URL are right.',
    ])
    const gone = fresh[1].url.replace(fresh[1].name, 'no_such_database')
    expect(await refusalOf(configOf(gone, side('owner'), side('copy')))).toEqual([
      'source "copy": database "no_such_database" does not exist (3D000)',
      'Correct user, password or database of the URL.',
    ])
  })
})

describe('a declaration', () => {
  it('of a column that is not there names it', async () => {
    for (const db of [owner, copy]) await db.query('create table t (id int primary key)')
    expect(await refusalOf(configOf(fresh[1].url, side('owner'), side('copy', { key: 'ids' })))).toEqual([
      'source "copy": column "ids" does not exist (42703)',
      'Correct the declaration of the side: the message names what is not there.',
    ])
  })
})

describe('a database', () => {
  it('whose text is in no known encoding is refused', async () => {
    const name = `${fresh[1].name}_ascii`
    await owner.query('create table t (id text primary key)')
    await owner.query(`create database ${name} encoding 'SQL_ASCII' template template0 locale 'C'`)
    try {
      const url = fresh[1].url.replace(fresh[1].name, name)
      const made = openDatabase(url, { max: 1 })
      await made.query('create table t (id text primary key)')
      await made.close()
      expect(await refusalOf(configOf(url, side('owner'), side('copy')))).toEqual([
        'The database of source "copy" is in SQL_ASCII.',
        expect.stringContaining('in UTF8'),
      ])
      const asReference = references('Parents are there', {
        child: { ...side('owner'), by: 'id' },
        parent: side('copy'),
      })
      const { invariants } = await check({ ...configOf(url, side('owner'), side('copy')), invariants: [asReference] })
      expect(invariants[0]?.why).toBe('The database of source "copy" is in SQL_ASCII.')
    } finally {
      await owner.query(`drop database ${name} with (force)`)
    }
  })

  it('that dies midway makes its invariant incomplete and no other', async () => {
    for (const db of [owner, copy]) await db.query('create table t (id int primary key); insert into t values (1)')
    const slow = side('copy', { query: 'select id, pg_sleep(30) from t', columns: { slept: 'pg_sleep::text' } })
    const config: Config = {
      ...configOf(fresh[1].url, side('owner'), side('copy')),
      invariants: [
        agree('Slow', side('owner', { columns: { slept: "''" } }), slow).within(soon),
        agree('Quick', side('owner'), side('copy')).within(soon),
      ],
    }
    const checking = check(config)
    const ended = async () =>
      (
        await owner.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = $1 and application_name = 'selvedge check' and state = 'active'
             and clock_timestamp() - query_start > interval '300 milliseconds'`,
          [fresh[1].name],
        )
      ).rowCount > 0
    await waitFor(ended, { within: 20_000, what: 'a read under way' })
    const { invariants } = await checking
    expect(invariants.map(({ name, state }) => [name, state])).toEqual([
      ['Slow', 'incomplete'],
      ['Quick', 'checked'],
    ])
    expect(invariants[0]?.why).toMatch(/^source "copy": .*(terminat|reached)/)
    expect(invariants[0]?.help).toBeDefined()
  })
})

describe('a database where a backslash in a text is an escape', () => {
  it('is read as any other', async () => {
    const table = (json: string) =>
      `create table t (id int primary key, told json, note text); insert into t values (1, '${json}', 'a'), (2, '{"a": 1}', 'b')`
    await owner.query(table('{"a": -0}'))
    await copy.query(table('{"a": 0}'))
    for (const { name } of fresh) await owner.query(`alter database ${name} set standard_conforming_strings = off`)
    const sides = ['owner', 'copy'].map((source) =>
      side(source, { columns: ['told'], where: String.raw`note ~ '^\w$'` }),
    )
    const { incomplete, findings } = await check(configOf(fresh[1].url, sides[0]!, sides[1]!))
    expect([incomplete, findings.map(({ key, columns }) => [key, columns.map(({ column }) => column)])]).toEqual([
      false,
      [['1', ['told']]],
    ])
  })
})

describe('two checks at once', () => {
  it('say the same', async () => {
    await owner.query('create table t (id int primary key); insert into t select generate_series(1, 500)')
    await copy.query('create table t (id int primary key); insert into t select generate_series(2, 501)')
    const config = configOf(fresh[1].url, side('owner'), side('copy'))
    const reports = await Promise.all([check(config), check(config)])
    for (const { findings } of reports) expect(findings.map(({ key }) => key)).toEqual(['1', '501'])
  })
})

describe('rows of 20 MiB', { timeout: 120_000 }, () => {
  const residentMiBMax = 200
  const megabytes = (n: number) => (n * 1024 * 1024) / 32
  const columns = ['a', 'b', 'c', 'd']
  /** Runs the command as a process of its own, and gives what it printed and how much memory it took at most. */
  async function checked(copyUrl: string, compared: readonly string[], listed: SideDeclaration = side('copy')) {
    const folder = ownFolder()
    const config = join(folder, 'selvedge.config.json')
    const sides = { owner: side('owner', { columns: compared }), copy: { ...listed, columns: compared } }
    const sources = { owner: { url: fresh[0].url }, copy: { url: copyUrl } }
    writeFileSync(
      config,
      JSON.stringify({ sources, invariants: [{ kind: 'replicaOf', name: 'Same', within: 0.05, ...sides }] }),
    )
    const tell = `process.on('exit', () => process.stderr.write('resident ' + process.resourceUsage().maxRSS))`
    const words = [
      '--import',
      `data:text/javascript,${encodeURIComponent(tell)}`,
      builtCli,
      'check',
      '--json',
      '--config',
      config,
    ]
    const run = startProgram([process.execPath, ...words], folder)
    const code = await run.ended
    const residentMiB = Number(/resident (\d+)/.exec(run.errors())?.[1]) / 1024
    return { code, residentMiB, ...(JSON.parse(run.out()) as Awaited<ReturnType<typeof check>>) }
  }
  const table = `create table t (id int primary key, a text, b text, c text, d text)`
  const five = `repeat(left(encode(sha256(i::text::bytea), 'hex'), 32), ${megabytes(5)})`

  beforeEach(async () => {
    await owner.query(
      `${table}; insert into t select i, ${five}, ${five}, ${five}, ${five} from generate_series(1, 12) i`,
    )
  })

  it('that differ are found by hashes that the server makes: whole they never travel', async () => {
    await copy.query(`${table}; insert into t select i, ${five}, ${five} || case when i > 2 then 'x' else '' end, ${five}, ${five}
      from generate_series(1, 12) i`)
    const { code, findings, incomplete, residentMiB } = await checked(fresh[1].url, columns)
    expect([code, incomplete, findings.length]).toEqual([1, false, 10])
    expect(findings[0]?.columns).toEqual([
      {
        column: 'b',
        values: {
          'owner.t': expect.stringMatching(/^<5242880 bytes, sha256 [0-9a-f]{64}>$/),
          'copy.t': expect.stringMatching(/^<5242881 bytes, sha256 [0-9a-f]{64}>$/),
        },
      },
    ])
    console.info(`rows of 20 MiB in PostgreSQL: ${residentMiB.toFixed(0)} MiB resident`)
    expect(residentMiB).toBeLessThan(residentMiBMax)
  })

  it('of an API are read page by page, and of a page that is too large it is said', async () => {
    const api = await jsonApi()
    await owner.query('delete from t where id > 3')
    const digests = Array.from({ length: 3 }, (_, i) =>
      createHash('sha256')
        .update(String(i + 1))
        .digest('hex')
        .slice(0, 32),
    )
    const itemOf = (i: number) => {
      const value = digests[i]!.repeat(megabytes(5))
      return `{"id": ${i + 1}, "a": "${value}", "b": "${value}${i > 1 ? 'x' : ''}", "c": "${value}", "d": "${value}"}`
    }
    api.instead = (_, response, url) => {
      const at = Number(url.searchParams.get('cursor') ?? 0)
      response.end(`{"data": [${itemOf(at)}], "meta": {"next": ${at < 2 ? at + 1 : null}}}`)
      return true
    }
    const http = { path: '/cursor', items: 'data', next: 'meta.next' }
    const read = await checked(api.url, columns, { source: 'copy', http, key: 'id' })
    expect([read.code, read.findings.map(({ key }) => key)]).toEqual([1, ['3']])
    console.info(`items of 20 MiB of an API: ${read.residentMiB.toFixed(0)} MiB resident`)
    expect(read.residentMiB).toBeLessThan(residentMiBMax)
    api.instead = (_, response) => {
      response.end(`{"data": [${[0, 1].map(itemOf).join(',')}], "meta": {"next": null}}`)
      return true
    }
    const large = await checked(api.url, columns, { source: 'copy', http, key: 'id' })
    expect([large.code, large.invariants[0]?.help]).toEqual([4, 'Ask for smaller pages in `path`.'])
  })

  testWithMariadb(
    'are found across engines, or the limit of the server is named that keeps it from hashing them',
    async () => {
      const { url, run } = await freshMariadb()
      const most = Number((await run('select @@max_allowed_packet as most'))[0]?.most)
      await run('create table t (id int primary key, a longtext, b longtext, c longtext, d longtext)')
      const five = `repeat(left(sha2(seq, 256), 32), ${megabytes(5)})`
      await run(
        `insert into t select seq, ${five}, concat(${five}, if(seq > 2, 'x', '')), ${five}, ${five} from seq_1_to_12`,
      )

      const whole = await checked(url, columns)
      if (most > 24 * 1024 * 1024) expect([whole.code, whole.findings.length]).toEqual([1, 10])
      else {
        expect([whole.code, whole.findings]).toEqual([4, []])
        expect(whole.invariants[0]).toMatchObject({
          why: expect.stringContaining('the text of 12 rows of copy.t outgrows the server'),
          help: expect.stringContaining('Raise max_allowed_packet'),
        })
      }
      const part = await checked(url, ['b'])
      expect([part.code, part.findings.length]).toEqual([1, 10])
      console.info(`rows of 20 MiB in MariaDB: ${part.residentMiB.toFixed(0)} MiB resident`)
      expect(Math.max(whole.residentMiB, part.residentMiB)).toBeLessThan(residentMiBMax)
    },
  )
})
