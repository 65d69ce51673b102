/** `selvedge init` on real databases: what it proposes, what it writes, and what it must not. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { freshMariadb, mariadbUrl, testWithMariadb } from '../../test/support/mariadb.ts'
import { milliseconds } from '../base/duration.ts'
import { check } from '../check/check.ts'
import { quoteLiteral } from '../store/store.ts'
import { loadConfig } from './load-config.ts'
import { main } from './main.ts'

const folder = mkdtempSync(join(tmpdir(), 'selvedge-init-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

async function selvedge(words: readonly string[], environment: Record<string, string> = {}) {
  const said = { out: '', err: '' }
  const code = await main(words, {
    stdout: { write: (text: string) => (said.out += text) },
    stderr: { write: (text: string) => (said.err += text) },
    environment: { ...environment, CI: '1' },
    signal: new AbortController().signal,
  })
  return { code, ...said }
}

const usersSql = `create table users (id bigint primary key, email varchar(80) unique, name varchar(80));
  insert into users select i, 'user' || i || '@example.org', 'Name ' || i from generate_series(1, 500) i`
const progressSql = `create table progress (id int primary key, user_id bigint, status_id int, lesson varchar(20));
  insert into progress select i, case when i <= 14 then 9000 + i else i % 500 + 1 end, i % 3 + 1, 'l' || i from generate_series(1, 7000) i;
  create table badges (id int primary key, user_id bigint);
  create table drafts (id int primary key, user_id bigint);
  insert into drafts select i, case when i % 3 = 0 then 9000 + i else i end from generate_series(1, 60) i;
  create table learners (user_id bigint primary key, name varchar(80));
  insert into learners select i, case when i % 50 = 0 then 'Old' else 'Name ' || i end from generate_series(1, 500) i`

async function academy() {
  const [users, progress] = [await freshDatabase(), await freshDatabase()]
  await (await users.connect()).query(usersSql)
  await (await progress.connect()).query(progressSql)
  files += 1
  return {
    urls: [`users=${users.url}`, `progress=${progress.url}`],
    users,
    progress,
    file: join(folder, `c${files}.ts`),
  }
}

describe('init', () => {
  it('proposes with evidence, comments out what is doubtful, and proposes nothing for a status without a table', async () => {
    const { urls } = await academy()
    const { code, out } = await selvedge(['init', ...urls, '--json'])
    const { proposals, config } = JSON.parse(out)
    expect(code).toBe(0)
    expect(proposals).toHaveLength(4)
    expect(proposals).toEqual([
      expect.objectContaining({
        kind: 'replicaOf',
        sides: [
          { source: 'users', table: 'users', key: 'id' },
          { source: 'progress', table: 'learners', key: 'user_id' },
        ],
        evidence: expect.stringMatching(
          /^100 % of the keys of progress.learners are in users.users; name agrees in 19\d of 200$/,
        ),
      }),
      expect.objectContaining({
        ...{ kind: 'references', confidence: 'sure' },
        child: { source: 'progress', table: 'badges', by: 'user_id' },
        evidence:
          'progress.badges.user_id has the name and type of users.users.id, and nothing else says it: no row is in progress.badges',
      }),
      expect.objectContaining({
        ...{ kind: 'references', confidence: 'sure', rows: { asked: 7000, found: 6986 } },
        evidence: expect.stringMatching(
          /^99.8 % of progress.progress.user_id are in users.users.id; 14 are not, such as "9001"/,
        ),
      }),
      expect.objectContaining({
        ...{ kind: 'references', confidence: 'doubtful', doubt: 'many values are missing' },
        child: { source: 'progress', table: 'drafts', by: 'user_id' },
      }),
    ])
    expect(config).toMatch(/^ +\/\/ references\('Every progress.drafts.user_id/m)
    expect(config).not.toContain('status_id')
  })

  it('writes a configuration that check runs, and that finds what the evidence said', async () => {
    const { urls, users, progress, file } = await academy()
    expect(await selvedge(['init', ...urls, '--yes', '--out', file])).toMatchObject({ code: 0 })
    process.env.USERS_URL = users.url
    process.env.PROGRESS_URL = progress.url
    try {
      const config = await loadConfig(file)
      const invariants = config.invariants.map((one) => one.within(milliseconds(50)))
      const { findings, incomplete } = await check({ ...config, invariants })
      expect(incomplete).toBe(false)
      expect(findings).toHaveLength(24)
    } finally {
      delete process.env.USERS_URL
      delete process.env.PROGRESS_URL
    }
  })

  it('takes databases of the environment under the names of their variables, and no secret reaches file or output', async () => {
    const { users, progress, file } = await academy()
    const withPassword = (url: string) =>
      url.replace('://postgres', '://postgres:hunter2').replace(/:\/\/postgres:hunter2:[^@]*@/, '://postgres:hunter2@')
    const environment = {
      USERS_DATABASE_URL: withPassword(users.url),
      PROGRESS_URL: withPassword(progress.url),
      PATH_URL: 'https://example.org',
    }
    const { out, err } = await selvedge(['init', '--yes', '--out', file], environment)
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    expect(out + err + text).not.toContain('hunter2')
    if (text !== '') expect(text).toContain('users: { url: process.env.USERS_DATABASE_URL! }')
  })

  it('writes nothing without consent, and over a file only by force', async () => {
    const { urls, file } = await academy()
    expect(await selvedge(['init', ...urls, '--out', file])).toMatchObject({ code: 2 })
    expect(existsSync(file)).toBe(false)
    writeFileSync(file, 'mine')
    expect(await selvedge(['init', ...urls, '--yes', '--out', file])).toMatchObject({ code: 2 })
    expect(await selvedge(['init', ...urls, '--print', '--out', file])).toMatchObject({ code: 0 })
    expect(readFileSync(file, 'utf8')).toBe('mine')
    expect(await selvedge(['init', ...urls, '--yes', '--force', '--out', file])).toMatchObject({ code: 0 })
    expect(readFileSync(file, 'utf8')).toContain('defineConfig')
  })

  it('prints the rights of a role that is enough to look, and no more than SELECT', async () => {
    const { urls, users } = await academy()
    const { out } = await selvedge(['init', ...urls, '--json'])
    const sql: string = JSON.parse(out).rights[0].sql
    expect(sql.match(/^grant .*$/gm)?.every((line) => /^grant (?:select|usage|connect) /.test(line))).toBe(true)
    const role = `selvedge_init_${users.name}`
    const db = await users.connect()
    await db.query(sql.replaceAll('"selvedge_check"', `"${role}"`).replace("'<password>'", quoteLiteral('x')))
    try {
      await db.query(`set role "${role}"; select * from users limit 1`)
      await expect(db.query('delete from users')).rejects.toThrow(/permission denied|read-only/)
    } finally {
      await db.query(`reset role; drop owned by "${role}"; drop role "${role}"`)
    }
  })

  it('a source that is down is named, and no URL is repeated', async () => {
    const { urls } = await academy()
    const { code, err } = await selvedge(['init', urls[0]!, 'billing=postgres://a:hunter2@127.0.0.1:1/shop', '--print'])
    expect(code).toBe(4)
    expect(err).toContain('source "billing": The database cannot be reached (ECONNREFUSED)')
    expect(err).not.toContain('hunter2')
  })

  testWithMariadb('a URL of the wrong kind is told by who answers there', async () => {
    const { urls } = await academy()
    const url = mariadbUrl.replace(/^mysql:/, 'postgres:')
    const { code, err } = await selvedge(['init', urls[0]!, `shop=${url}/shop`, '--print'])
    expect(code).toBe(4)
    expect(err).toContain('source "shop": The server at this address is MySQL or MariaDB, not PostgreSQL.')
  })
})

testWithMariadb('init proposes between PostgreSQL and MariaDB, and prints the rights of both', async () => {
  const { urls } = await academy()
  const { url, name, run } = await freshMariadb()
  await run(`create table Invoice (InvoiceId int primary key, UserId int, Total decimal(8,2), StatusId int);
    insert into Invoice select seq, seq % 480 + 1, seq, seq % 4 + 1 from seq_1_to_900`)
  const { code, out, err } = await selvedge(['init', urls[0]!, `billing=${url}`, '--json'])
  expect({ code, err }).toMatchObject({ code: 0 })
  const { proposals, rights } = JSON.parse(out)
  expect(proposals).toEqual([
    expect.objectContaining({
      child: { source: 'billing', table: 'Invoice', by: 'UserId' },
      parent: { source: 'users', table: 'users', key: 'id' },
      confidence: 'sure',
    }),
  ])
  expect(rights[1].sql).toContain(`grant select on \`${name}\`.\`Invoice\``)
})

const linesSql = `create table order_line (order_id int, line_no int, product varchar(20), primary key (order_id, line_no));
  insert into order_line select i, n, 'p' || n from generate_series(1, 300) i, generate_series(1, 6) n where n <= i % 6 + 1`
const partsSql = `create table shipped (id int primary key, order_id int, line_no int);
  insert into shipped select i, i, case when i % 100 = 0 then 9 else i % 6 + 1 end from generate_series(1, 300) i`

describe('a key of two columns', () => {
  async function isOneReference(isMixed: boolean) {
    const [orders, depot] = [await freshDatabase(), isMixed ? await freshMariadb() : await freshDatabase()]
    await (await orders.connect()).query(linesSql)
    if ('run' in depot)
      await depot.run(partsSql.replace('generate_series(1, 300) i', '(select seq as i from seq_1_to_300) s'))
    else await (await depot.connect()).query(partsSql)
    const file = join(folder, `keys${String(isMixed)}.ts`)
    const { out } = await selvedge([
      'init',
      `orders=${orders.url}`,
      `depot=${depot.url}`,
      '--json',
      '--yes',
      '--out',
      file,
    ])
    const sure = JSON.parse(out).proposals.filter(({ confidence }: { confidence: string }) => confidence === 'sure')
    expect(sure).toEqual([
      expect.objectContaining({
        kind: 'references',
        child: { source: 'depot', table: 'shipped', by: ['order_id', 'line_no'] },
        parent: { source: 'orders', table: 'order_line', key: ['order_id', 'line_no'] },
        evidence:
          '99 % of depot.shipped.(order_id, line_no) are in orders.order_line.(order_id, line_no); 3 are not, such as ("100", "9"), ("200", "9"), ("300", "9") (of 300 rows)',
      }),
    ])
    Object.assign(process.env, { ORDERS_URL: orders.url, DEPOT_URL: depot.url })
    try {
      const config = await loadConfig(file)
      const invariants = config.invariants.map((one) => one.within(milliseconds(50)))
      const { findings, incomplete } = await check({ ...config, invariants })
      expect({ incomplete, keys: findings.map(({ key }) => key) }).toEqual({
        incomplete: false,
        keys: ['100', '200', '300'],
      })
    } finally {
      delete process.env.ORDERS_URL
      delete process.env.DEPOT_URL
    }
  }

  it('is proposed as one reference, and check finds what is not there', () => isOneReference(false))
  testWithMariadb('so it is between PostgreSQL and MariaDB', () => isOneReference(true))
})
