/** Canonical text, row text, hashes and digests of MariaDB against TypeScript and PostgreSQL. */
import * as fc from 'fast-check'
import { afterAll, expect } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { freshMariadb, isMysql, testWithMariadb } from '../../test/support/mariadb.ts'
import type { Database } from '../store/store.ts'
import {
  bucketSql,
  canonicalSettings,
  canonicalSql,
  canonicalText,
  digestColumnsSql,
  digestOf,
  hash60,
  hashedText,
  kindOfMysql,
  type MysqlCell,
  type MysqlType,
  mysqlBucketSql,
  mysqlDigestColumnsSql,
  mysqlHash60Sql,
  mysqlHashedTextSql,
  mysqlTextSql,
  type PostgresType,
  rowHashSql,
} from './digest.ts'

type Maria = Awaited<ReturnType<typeof freshMariadb>>
let opened: Promise<{ maria: Maria; db: Database; drop: () => Promise<void> }> | undefined
const servers = () => {
  opened ??= (async () => {
    const maria = await freshMariadb()
    // The settings of somebody who likes them odd, which a session of ours must not depend on, and then ours.
    await maria.run(`set sql_mode = 'ANSI', time_zone = '+05:00'`)
    await maria.run(`set sql_mode = '', time_zone = '+00:00'; set names utf8mb4 collate utf8mb4_bin`)
    const fresh = await freshDatabase()
    const db = await fresh.connect()
    return { maria, db, drop: fresh.drop }
  })()
  return opened
}
afterAll(async () => (await opened)?.drop())

const postgres = (name: string): PostgresType => ({ name, form: 'b', category: 'U' })

async function inPostgres<R>(sql: string, values: readonly unknown[]): Promise<R[]> {
  const { db } = await servers()
  return db.transaction(async (tx) => {
    for (const [name, value] of Object.entries(canonicalSettings))
      tx.send(`select set_config('${name}', '${value}', true)`)
    return (await tx.query<R>(sql, values)).rows
  })
}

const digits = (n: bigint, scale: number) => {
  const text = String(n < 0n ? -n : n).padStart(scale + 1, '0')
  return `${n < 0n ? '-' : ''}${text.slice(0, -scale)}.${text.slice(-scale)}`
}
const between = (min: bigint, max: bigint) => fc.bigInt({ min, max }).map(String)
const text = fc.string({ unit: 'grapheme', maxLength: 40 }).map((s) => s.replaceAll('\0', ''))
const latin = fc.string({ unit: fc.constantFrom(...'aZ é ß\u00a0~#|\'"\\%') })
const instants = fc.date({ min: new Date('1971-01-01'), max: new Date('2037-12-31'), noInvalidDate: true })
const micros = fc
  .tuple(instants, fc.constantFrom('', '.5', '.25', '.000001', '.123456', '.999999', '.100000'))
  .map(([date, fraction]) => `${date.toISOString().slice(0, 19).replace('T', ' ')}${fraction}`)
const int64 = [-(2n ** 63n), 2n ** 63n - 1n] as const

interface Claim {
  readonly declared: string
  readonly type: Omit<MysqlType, 'isNullable'>
  readonly postgres: string
  readonly values: fc.Arbitrary<string>
  /** From a value to what TypeScript is given, where it is not the text itself. */
  readonly given?: (value: string) => unknown
}

const claims: readonly Claim[] = [
  { declared: 'bigint', type: { name: 'bigint' }, postgres: 'int8', values: between(...int64) },
  {
    declared: 'bigint unsigned',
    type: { name: 'bigint' },
    postgres: 'numeric',
    values: between(0n, 2n ** 64n - 1n),
  },
  {
    declared: 'int(8) zerofill',
    type: { name: 'int', isZerofill: true },
    postgres: 'int8',
    values: between(0n, 2n ** 32n - 1n),
  },
  { declared: 'year', type: { name: 'year' }, postgres: 'int4', values: between(1901n, 2155n) },
  {
    declared: 'decimal(24,6)',
    type: { name: 'decimal', digits: 6 },
    postgres: 'numeric(24,6)',
    values: fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }).map((n) => digits(n, 6)),
  },
  {
    declared: 'decimal(12,2)',
    type: { name: 'decimal', digits: 2 },
    postgres: 'numeric',
    values: fc.constantFrom('0.00', '-0.00', '100.00', '-10.50', '1.05', '-0.01'),
  },
  { declared: 'decimal(20,0)', type: { name: 'decimal', digits: 0 }, postgres: 'numeric', values: between(...int64) },
  {
    declared: 'tinyint(1)',
    type: { name: 'tinyint(1)' },
    postgres: 'bool',
    values: fc.constantFrom('0', '1'),
    given: (value) => value === '1',
  },
  { declared: 'varchar(200)', type: { name: 'varchar', charset: 'utf8mb4' }, postgres: 'text', values: text },
  {
    declared: 'text character set utf8mb4 collate utf8mb4_unicode_ci',
    type: { name: 'text', charset: 'utf8mb4' },
    postgres: 'text',
    values: text,
  },
  {
    declared: 'varchar(200) character set latin1',
    type: { name: 'varchar', charset: 'latin1' },
    postgres: 'text',
    values: latin,
  },
  {
    declared: 'varchar(200) character set utf16',
    type: { name: 'varchar', charset: 'utf16' },
    postgres: 'text',
    values: text,
  },
  {
    declared: "enum('é','ß','b')  character set latin1",
    type: { name: 'enum', charset: 'latin1' },
    postgres: 'text',
    values: fc.constantFrom('é', 'ß', 'b'),
  },
  { declared: 'datetime(6)', type: { name: 'datetime', digits: 6 }, postgres: 'timestamp', values: micros },
  { declared: 'timestamp(6) null', type: { name: 'timestamp', digits: 6 }, postgres: 'timestamptz', values: micros },
  {
    declared: 'datetime',
    type: { name: 'datetime', digits: 0 },
    postgres: 'timestamp',
    values: instants.map((date) => date.toISOString().slice(0, 19).replace('T', ' ')),
  },
  {
    declared: 'date',
    type: { name: 'date' },
    postgres: 'date',
    values: instants.map((date) => date.toISOString().slice(0, 10)),
  },
  {
    declared: 'time(3)',
    type: { name: 'time', digits: 3 },
    postgres: 'time',
    values: instants.map((date) => date.toISOString().slice(11, 23)),
    given: (value) => value.replace(/\.?0+$/, (zeros) => (value.includes('.') ? '' : zeros)),
  },
  ...(isMysql
    ? []
    : [{ declared: 'uuid', type: { name: 'uuid' }, postgres: 'uuid', values: fc.uuid({ version: [1, 3, 4, 5, 7] }) }]),
]

for (const { declared, type, postgres: other, values, given } of claims)
  testWithMariadb(`a ${declared} has the text that PostgreSQL and TypeScript give to ${other}`, async () => {
    const { maria } = await servers()
    const cell: MysqlCell = { sql: '`v`', type: { ...type, isNullable: true } }
    await maria.run(`create or replace table t (n int primary key, v ${declared})`)
    const property = fc.asyncProperty(fc.array(values, { minLength: 1, maxLength: 100 }), async (list) => {
      await maria.run('delete from t; insert into t values ?', [list.map((value, n) => [n, value])])
      const rows =
        await maria.run(`select cast(${mysqlTextSql(cell)} as char) as x, cast(${mysqlHashedTextSql([cell])} as char) as r,
        cast(${mysqlHash60Sql(mysqlHashedTextSql([cell]))} as char) as h from t order by n`)
      const expected = list.map((value) => canonicalText(kindOfMysql(cell.type), given?.(value) ?? value))
      expect(rows).toEqual(expected.map((x) => ({ x, r: hashedText([x], []), h: String(hash60(hashedText([x], []))) })))
      const there = await inPostgres<{ x: string }>(
        `select ${canonicalSql(postgres(other.replace(/\(.*/, '')), `v::${other}`)} as x from unnest($1::text[]) with ordinality as u(v, n) order by n`,
        [list],
      )
      expect(there.map(({ x }) => x)).toEqual(expected)
    })
    await fc.assert(property, { numRuns: 8, seed: 7 })
  })

testWithMariadb('bytes are hex, and sixteen of them a uuid where the other side has one', async () => {
  const { maria } = await servers()
  await maria.run(`create or replace table t (b varbinary(20), u binary(16))`)
  await maria.run(`insert into t values (x'00ff', x'00112233445566778899aabbccddeeff'), ('', null)`)
  const b: MysqlCell = { sql: 'b', type: { name: 'varbinary', isNullable: true } }
  const u: MysqlCell = { sql: 'u', type: { name: 'binary', isNullable: true }, form: { kind: 'uuid' } }
  expect(await maria.run(`select ${mysqlHashedTextSql([b, u])} as x from t order by b desc`)).toEqual([
    { x: '4,00ff,36,00112233-4455-6677-8899-aabbccddeeff' },
    { x: '0,,-1' },
  ])
})

testWithMariadb('a day that never was is a text of its own, and bits are a number', async () => {
  const { maria } = await servers()
  await maria.run(`create or replace table t (d date, t datetime(6), s timestamp null, b bit(9));
    insert into t values ('0000-00-00', '0000-00-00', '0000-00-00', b'101000001'), (null, null, null, null)`)
  const cells = (
    [
      ['d', 'date'],
      ['t', 'datetime', 6],
      ['s', 'timestamp', 0],
      ['b', 'bit'],
    ] as const
  ).map(
    ([sql, name, digits]): MysqlCell => ({
      sql,
      type: { name, isNullable: true, ...(digits === undefined ? {} : { digits }) },
    }),
  )
  expect(await maria.run(`select ${mysqlHashedTextSql(cells)} as x from t order by d desc`)).toEqual([
    { x: '10,0000-00-00,19,0000-00-00 00:00:00,19,0000-00-00 00:00:00,3,321' },
    { x: '-1,-1,-1,-1' },
  ])
})

testWithMariadb('digits are cut from seconds and rounded from decimals, as PostgreSQL does it', async () => {
  const { maria } = await servers()
  await maria.run(`create or replace table t (n int primary key, t datetime(6), d decimal(12,4))`)
  const rows = [
    ['2026-01-31 08:00:00.999999', '1.2350'],
    ['2026-01-31 08:00:00.100400', '-1.2350'],
    ['2026-01-31 08:00:00.000900', '0.0049'],
    ['2026-01-31 08:00:01', '-0.0049'],
  ]
  await maria.run('insert into t values ?', [rows.map((row, n) => [n, ...row])])
  const cells = (shown: number): MysqlCell[] => [
    { sql: 't', type: { name: 'datetime', digits: 6, isNullable: false }, form: { kind: 'timestamp', digits: shown } },
    { sql: 'd', type: { name: 'decimal', digits: 4, isNullable: false }, form: { kind: 'decimal', digits: 2 } },
  ]
  const texts = async (shown: number) =>
    (await maria.run(`select ${mysqlHashedTextSql(cells(shown))} as x from t order by n`)).map(({ x }) => x)
  expect(await texts(3)).toEqual([
    '23,2026-01-31 08:00:00.999,4,1.24',
    '21,2026-01-31 08:00:00.1,5,-1.24',
    '19,2026-01-31 08:00:00,1,0',
    '19,2026-01-31 08:00:01,1,0',
  ])
  expect((await texts(0))[0]).toBe('19,2026-01-31 08:00:00,4,1.24')
})

testWithMariadb('buckets and digests of the same rows are those of PostgreSQL and of TypeScript', async () => {
  const { maria, db } = await servers()
  const rows = Array.from({ length: 500 }, (_, i) => [i * 7919 - 1_000_000, i % 3 === 0 ? null : `näme ${i}`] as const)
  await maria.run('create or replace table t (id bigint primary key, v varchar(40))')
  await maria.run('insert into t values ?', [rows])
  await db.query('create table t (id bigint primary key, v text)')
  await db.query('insert into t select * from unnest($1::int8[], $2::text[])', [
    rows.map(([id]) => id),
    rows.map(([, v]) => v),
  ])
  const short = { kind: 'integer', isShort: true } as const
  const id: MysqlCell = { sql: 'id', type: { name: 'bigint', isNullable: false }, form: short }
  const v: MysqlCell = { sql: 'v', type: { name: 'varchar', charset: 'utf8mb4', isNullable: true } }
  const [pgId, pgV] = [
    { sql: 'id', type: postgres('int8'), form: short },
    { sql: 'v', type: postgres('text') },
  ]
  for (const byInteger of [true, false]) {
    const spread = { lane: 'portable', buckets: 31, byInteger } as const
    const here = await maria.run(
      `select ${mysqlBucketSql(spread, [id])} as b, ${mysqlDigestColumnsSql(mysqlHash60Sql(mysqlHashedTextSql([id, v])))} from t group by 1`,
    )
    const { rows: there } = await db.query(
      `select b::text as b, ${digestColumnsSql('h', 'portable')} from (select ${bucketSql(spread, [pgId])} b, ${rowHashSql('portable', [pgId, pgV])} h from t offset 0) q group by b`,
    )
    const plain = (list: readonly Record<string, unknown>[]) =>
      list.map((row) => [String(row.b), String(row.n ?? row.rows), row.s ?? row.sum]).sort()
    expect(plain(here)).toEqual(plain(there))
    if (byInteger) expect(here.map(({ b }) => Number(b)).some((b) => b < 0)).toBe(true)
  }
  const [whole] = await maria.run(`select ${mysqlDigestColumnsSql(mysqlHash60Sql(mysqlHashedTextSql([id, v])))} from t`)
  const { sum } = digestOf(rows.map(([key, value]) => hash60(hashedText([String(key), value], [id.form!, {}]))))
  expect(whole).toEqual({ n: 500, s: String(sum) })
})

testWithMariadb('a value beyond max_allowed_packet has no hash, instead of that of NULL', async () => {
  const { maria } = await servers()
  const v: MysqlCell = { sql: 'v', type: { name: 'longtext', charset: 'utf8mb4', isNullable: true } }
  const hash = mysqlHash60Sql(mysqlHashedTextSql([v]))
  const rows = "(select repeat('x', @@max_allowed_packet) as v union all select null) t"
  const [counted] = await maria.run(`select ${mysqlDigestColumnsSql(hash)} from ${rows}`)
  expect(counted).toMatchObject({ n: 2, s: expect.stringMatching(/^-\d+$/) })
})
