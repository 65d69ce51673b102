/** A side in MariaDB as a check reads it. */
import { afterAll, expect } from 'vitest'
import { freshMariadb, isMysql, portable, testWithMariadb } from '../../../test/support/mariadb.ts'
import { startTcpProxy } from '../../../test/support/tcp-proxy.ts'
import { bucketOf, digestOf, hash60, hashedText, rowText } from '../../digest/digest.ts'
import { agree, type Side, type SideDeclaration } from '../../invariant/invariant.ts'
import { bindAlike } from '../bind.ts'
import { type MysqlSource, openMysql } from './mysql.ts'
import { mysqlKeyCondition } from './mysql-key.ts'
import { mysqlCells } from './mysql-types.ts'
import type { SideReader } from './source.ts'

const sources: MysqlSource[] = []
afterAll(() => Promise.all(sources.map((source) => source.close())))

function opened(url: string): MysqlSource {
  const source = openMysql('shop', { url })
  sources.push(source)
  return source
}

const sideIn = (declared: SideDeclaration): Side => {
  const side = { source: 'shop', ...declared }
  return agree('Same', side, side).relation.sides[0]!
}

async function readerOf(source: MysqlSource, declared: SideDeclaration): Promise<SideReader> {
  const described = await source.describe(sideIn(declared))
  return bindAlike([described]).readers[0]!
}

const byKey = { lane: 'portable', buckets: 31, byInteger: true } as const

testWithMariadb('a side is described by its table, its expressions and its queries', async () => {
  const { url, run } = await freshMariadb()
  await run(`create table \`odd name\` (id bigint unsigned primary key, \`Full Name\` varchar(80) character set latin1,
    paid datetime(3), price decimal(12,2), is_new tinyint(1), data json, token binary(16), at timestamp null, ratio float)`)
  const columns = {
    name: { column: 'Full Name' },
    paid: 'paid',
    price: 'price',
    total: 'price * 2 -- twice',
    isNew: 'is_new',
    data: 'data',
    token: 'token',
    at: 'at',
    ratio: 'ratio',
    upper: 'upper(`Full Name`)',
  }
  const described = await opened(url).describe(sideIn({ table: '"odd name"', key: 'id', columns }))
  expect(described.key).toEqual([{ kind: 'integer', name: 'bigint unsigned' }])
  const kinds = described.columns.map(({ kind, digits }, i) => [described.columnNames[i], kind, digits])
  expect(kinds).toEqual([
    ['at', 'timestamp', 0],
    ['data', 'json', undefined],
    ['isNew', 'boolean', undefined],
    ['name', 'text', undefined],
    ['paid', 'timestamp', 3],
    ['price', 'decimal', 2],
    ['ratio', 'float4', undefined],
    ['token', 'bytes', undefined],
    ['total', 'decimal', 2],
    ['upper', 'text', undefined],
  ])
  const query = await opened(url).describe(
    sideIn({ query: 'select id, sum(price) as total from `odd name` group by id; ', key: 'id', columns: ['total'] }),
  )
  expect([query.name, query.key[0]?.kind, query.columns[0]?.kind]).toEqual(['shop', 'integer', 'decimal'])
})

testWithMariadb('digests, hashes, values and rows say the same of the same rows', async () => {
  const { url, run } = await freshMariadb()
  await run('create table t (id int primary key, v varchar(20) character set latin1, p decimal(6,2) not null)')
  const rows = Array.from(
    { length: 200 },
    (_, i) => [(i - 50) * 100, i % 7 === 0 ? null : `é ${i}`, `${i}.50`] as const,
  )
  await run('insert into t values ?', [rows])
  const reader = await readerOf(opened(url), { table: 't', key: 'id', columns: ['v', 'p'] })

  const texts = new Map(rows.map(([id, v, p]) => [String(id), [p.replace(/0$/, ''), v] as const]))
  const hashes = new Map(
    [...texts].map(([id, values]) => [
      id,
      hash60(hashedText([id, ...values], [...reader.forms.key, ...reader.forms.columns])),
    ]),
  )
  const digests = await reader.digests(byKey)
  for (const [bucket, digest] of digests) {
    const { rows: count, sum } = digestOf(
      [...hashes].filter(([id]) => bucketOf(byKey, [id]) === bucket).map(([, h]) => h),
    )
    expect(digest).toEqual({ rows: count, sum, product: 0n })
  }
  const found = await reader.hashes({ spread: byKey, buckets: ['3', '-3'] })
  expect(found.map(({ key }) => (Number(key[0]) / 100) % 31).every((rest) => Math.abs(rest) === 3)).toBe(true)
  expect(found.length).toBeGreaterThan(4)
  for (const { key, hash } of found) expect(hash).toBe(String(hashes.get(key[0]!)))
  for await (const rows of reader.stream({ inBuckets: { spread: byKey, buckets: ['3'] } }))
    for (const { key, values } of rows) expect(values).toEqual(texts.get(key[0]!))
  const within = []
  for await (const rows of reader.stream({ within: { from: 300n, to: 600n } }))
    within.push(...rows.map(({ key }) => Number(key[0])))
  expect(Math.min(...within)).toBe(300)
  expect(Math.max(...within)).toBeLessThanOrEqual(600)
  const held = await reader.rows([['300'], ['15000'], ['abc'], ['99999999999999999999999']])
  expect([...held]).toEqual([[rowText(['300']), { image: [texts.get('300')], stamp: '' }]])
  const streamed = []
  for await (const batch of reader.stream()) streamed.push(...batch)
  expect(streamed).toHaveLength(200)
})

testWithMariadb('parts of a table add up to the whole, whatever is beyond the keys that were there', async () => {
  const { url, run } = await freshMariadb()
  await run('create table t (id bigint primary key, v int) select seq * 3 as id, seq as v from seq_1_to_5000')
  const reader = await readerOf(opened(url), { table: 't', key: 'id', columns: ['v'] })
  const parts = async () => Promise.all([0, 1, 2, 3].map((index) => reader.digests(byKey, { index, of: 4 })))
  const count = (digests: readonly Iterable<readonly [string | null, { rows: bigint; sum: bigint }]>[]) =>
    digests.flatMap((part) => [...part]).reduce(([n, sum], [, d]) => [n! + d.rows, sum! + d.sum], [0n, 0n])
  expect(count(await parts())).toEqual(count([await reader.digests(byKey)]))
  await run('insert into t values (-900, 0), (900000, 1)')
  expect(count(await parts())).toEqual(count([await reader.digests(byKey)]))
})

testWithMariadb('keys are told apart byte for byte, and found by their index', async () => {
  const { url, run } = await freshMariadb()
  await run(`create table t (k varchar(20), n int, primary key (k, n)); create table u (u char(36) primary key, b binary(16) unique, d datetime(6) unique);
    insert into t select concat('key', seq), seq from seq_1_to_3000; insert into t values ('A', 1), ('É', 2);
    insert into u select uuid(), unhex(left(sha2(seq, 256), 32)), '2026-01-01' + interval seq second from seq_1_to_3000;
    insert into u values ('AAAAAAAA-0000-7000-8000-00000000000A', x'00112233445566778899aabbccddeeff', '2020-01-01 00:00:00.5'); analyze table t; analyze table u`)
  const source = opened(url)
  const reader = await readerOf(source, { table: 't', key: ['k', 'n'] })
  const held = await reader.rows([
    ['a', '1'],
    ['A', '1'],
    ['A ', '1'],
    ['E', '2'],
    ['key7', '7'],
    ['key7', 'x'],
  ])
  expect([...held.keys()]).toEqual([rowText(['A', '1']), rowText(['key7', '7'])])
  expect(
    await reader.missing([
      ['a', '1'],
      ['A', '1'],
      ['key7', '7'],
    ]),
  ).toEqual(new Set([rowText(['a', '1'])]))

  const explain = isMysql ? 'explain format=traditional' : 'explain'
  const plan = async (table: string, key: readonly string[], keys: readonly string[][], kind?: 'uuid') =>
    source.read(async (snapshot) => {
      const cells = await mysqlCells(snapshot, sideIn({ table, key: [...key] }), key)
      const condition = mysqlKeyCondition(
        kind === undefined ? cells : cells.map((cell) => ({ ...cell, form: { kind } })),
        keys,
      )
      const { rows, fields } = await snapshot.answer(`${explain} select * from ${table} where ${condition}`)
      return rows[0]?.[fields.findIndex(({ name }) => name === 'type')]
    })
  expect(
    await plan(
      't',
      ['k', 'n'],
      [
        ['key7', '7'],
        ['key8', '8'],
      ],
    ),
  ).toBe('range')
  expect(await plan('t', ['k'], [['key7'], ['key8']])).toBe('range')
  expect(await plan('u', ['u'], [['aaaaaaaa-0000-7000-8000-00000000000a']], 'uuid')).toMatch(/const|range/)
  expect(await plan('u', ['b'], [['00112233-4455-6677-8899-aabbccddeeff']], 'uuid')).toMatch(/const|range/)
  expect(await plan('u', ['d'], [['2020-01-01 00:00:00.5'], ['2020-01-01 00:00:00.25']])).toBe('range')
})

testWithMariadb('a reference differs from another in case and in blanks at its end', async () => {
  const { url, run } = await freshMariadb()
  await run(`create table child (id int primary key, parent varchar(10), kind int);
    insert into child values (1, 'a', 1), (2, 'A', 1), (3, 'a ', 1), (4, 'a', 1), (5, null, 1), (6, 'b', null)`)
  const source = opened(url)
  const described = await source.describe(sideIn({ table: 'child', key: 'id' }), ['parent', 'kind'])
  const reader = bindAlike([described]).readers[0]!
  const found = []
  let rows = 0
  for await (const batch of reader.references()) {
    found.push(...batch.references)
    rows += batch.rows
  }
  expect(found.map((parts) => parts.join('|')).sort()).toEqual(['A|1', 'a |1', 'a|1'])
  expect(rows).toBe(4)
  expect(
    await reader.keysOf(
      [
        ['a', '1'],
        ['b', '1'],
      ],
      10,
    ),
  ).toEqual([['1'], ['4']])
})

testWithMariadb('a NULL key has a bucket of its own, and a doubled key two rows', async () => {
  const { url, run } = await freshMariadb()
  await run(`create table t (k varchar(5), v int); insert into t values (null, 1), ('x', 2), ('x', 2), ('y', 3)`)
  const reader = await readerOf(opened(url), { table: 't', key: 'k', columns: ['v'] })
  const digests = await reader.digests({ ...byKey, byInteger: false })
  expect(digests.get(null)?.rows).toBe(1n)
  expect((await reader.rows([['x']])).get(rowText(['x']))?.image).toEqual([['2'], ['2']])
})

testWithMariadb(
  'a row that outgrows max_allowed_packet makes the side unreadable instead of equal to NULL',
  async () => {
    const { url, run } = await freshMariadb()
    await run(`create table t (id int primary key, v longtext); insert into t values (1, 'small'), (2, null)`)
    const most = Number((await run('select @@max_allowed_packet as most'))[0]?.most)
    // Each half fits; the row as one text does not.
    const columns = {
      v: 'v',
      w: `case id when 1 then repeat('x', ${Math.ceil(most / 2)}) end`,
      x: `case id when 1 then repeat('y', ${Math.ceil(most / 2)}) end`,
    }
    const reader = await readerOf(opened(url), { table: 't', key: 'id', columns })
    await expect(reader.digests(byKey)).rejects.toMatchObject({
      code: 'check/unreadable',
      message: expect.stringContaining('1 rows of shop.t outgrows'),
      values: { source: 'shop', reason: 'max_allowed_packet' },
    })
  },
)

testWithMariadb('what cannot be read says which source, why and with which code, and no password', async () => {
  const { url, run } = await freshMariadb()
  await run('create table t (id int primary key)')
  const failure = async (at: string, declared: SideDeclaration): Promise<unknown> =>
    opened(at)
      .describe(sideIn(declared))
      .catch((error: unknown) => error)
  expect(await failure(url, { table: 'nothing', key: 'id' })).toMatchObject({
    code: 'check/unreadable',
    message: expect.stringMatching(/^source "shop": .*nothing.* \(ER_NO_SUCH_TABLE 1146\)$/),
  })
  expect(await failure(url, { table: 't', key: 'ids' })).toMatchObject({
    message: expect.stringContaining('ER_BAD_FIELD_ERROR 1054'),
  })
  const nobody = new URL(url)
  nobody.username = 'selvedge_nobody'
  nobody.password = 'hunter2'
  for (const at of [nobody.href, 'mysql://root:hunter2@127.0.0.1:1/t', 'mysql://root:hunter2@x']) {
    const error = await failure(at, { table: 't', key: 'id' })
    expect(error).toMatchObject({ code: 'check/unreadable', values: { source: 'shop' } })
    expect(JSON.stringify(error) + String((error as Error).message)).not.toContain('hunter2')
  }
})

testWithMariadb('a source that dies midway fails its read, and the next one connects again', async () => {
  const { url, run } = await freshMariadb()
  await run('create table t (id int primary key) select seq as id from seq_1_to_30000')
  const source = opened(url)
  const reader = await readerOf(source, { table: 't', key: 'id' })
  const streaming = async () => {
    for await (const _ of reader.stream()) {
      const others = await run(
        `select id from information_schema.processlist where db = database() and id <> connection_id()`,
      )
      for (const { id } of others) await run(`kill ${id}`)
    }
  }
  // All of it may have been sent already; then the commit is what fails.
  await expect(streaming()).rejects.toMatchObject({ code: 'check/unreadable', values: { source: 'shop' } })
  expect((await reader.rows([['7']])).size).toBe(1)
})

testWithMariadb(
  'a connection that is lost between two pages fails the read, and the next one connects again',
  async () => {
    const { url, run } = await freshMariadb()
    await run('create table t (id int primary key, v text)')
    await run(`insert into t select seq, repeat('x', 1000) from seq_1_to_20000`)
    const proxy = await startTcpProxy(url.replace('mysql:', 'postgres:'))
    const through = Object.assign(new URL(url), { port: new URL(proxy.url()).port })
    const reader = await readerOf(opened(through.href), { table: 't', key: 'id', columns: ['v'] })
    let rows = 0
    const streaming = async () => {
      for await (const page of reader.stream()) {
        rows += page.length
        proxy.cut()
      }
    }
    await expect(streaming()).rejects.toMatchObject({ code: 'check/unreadable', values: { source: 'shop' } })
    expect(rows).toBeLessThan(20_000)
    expect((await reader.rows([['7']])).size).toBe(1)
    await proxy.close()
  },
)

testWithMariadb('a page ends where it is full, by rows or by what they hold', async () => {
  const { url } = await freshMariadb()
  const source = opened(url)
  const pagesOf = async (sql: string) => {
    const pages: number[] = []
    for await (const page of source.pages(400, portable(sql))) pages.push(page.length)
    return pages
  }
  expect(await pagesOf('select seq from seq_1_to_1000')).toEqual([400, 400, 200])
  expect(await pagesOf('select seq from seq_1_to_800')).toEqual([400, 400])
  expect(await pagesOf('select seq from seq_1_to_5 where seq > 5')).toEqual([])
  expect(await pagesOf(`select repeat('x', 3 * 1024 * 1024) from seq_1_to_5`)).toEqual([2, 2, 1])
})

testWithMariadb('rows are shown to people as they are', async () => {
  const { url, run } = await freshMariadb()
  await run(
    `create table t (k varchar(5) primary key, v datetime(3)); insert into t values ('a', '2026-01-01 00:00:00.250')`,
  )
  const source = opened(url)
  expect(await source.peek(sideIn({ table: 't', key: 'k' }), ['a'], 5)).toEqual([
    { k: 'a', v: '2026-01-01 00:00:00.250' },
  ])
  expect(await source.peek(sideIn({ table: 't', key: 'k' }), ['A'], 5)).toEqual([])
})
