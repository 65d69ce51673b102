/** How large a table is taken to be, and that its parts are all of it: plain, partitioned, inherited, a view, a query. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type FreshDatabase, freshDatabase } from '../../../test/support/database.ts'
import { replicaOf } from '../../invariant/invariant.ts'
import type { Database } from '../../store/store.ts'
import { openComparison } from '../comparison.ts'
import { total } from '../scan-digests.ts'
import { SummedDigests } from '../summed-digests.ts'
import { openSource } from './open-source.ts'
import { sizeOf } from './postgres-types.ts'

const rows = 60_000
let fresh: FreshDatabase
let db: Database
beforeEach(async () => {
  fresh = await freshDatabase()
  db = await fresh.connect()
  const columns = `id bigint not null, at date not null, note text`
  const filled = (table: string) =>
    `insert into ${table} select i, date '2026-01-01' + i % 365, 'note ' || i from generate_series(1, ${rows}) i`
  await db.query(`
    create table plain (${columns}, primary key (id)); ${filled('plain')};
    create table parted (${columns}, primary key (id, at)) partition by range (at);
    create table parted_early partition of parted for values from ('2026-01-01') to ('2026-02-01');
    create table parted_late partition of parted for values from ('2026-02-01') to ('2027-01-01') partition by hash (id);
    create table parted_late_0 partition of parted_late for values with (modulus 2, remainder 0);
    create table parted_late_1 partition of parted_late for values with (modulus 2, remainder 1);
    ${filled('parted')};
    create table parent (${columns}, primary key (id)); create table child () inherits (parent);
    ${filled('child')}; insert into parent values (0, '2026-01-01', 'own');
    create table empty (${columns}, primary key (id)); create view seen as select * from plain`)
})
afterEach(async () => {
  await fresh.drop()
})

const side = (table: string) => ({ source: 'here', table, key: 'id', columns: ['note'] })

async function sizeIn(table: string) {
  const invariant = replicaOf('Same', { owner: side(table), copy: side(table) })
  return db.transaction((tx) => sizeOf(tx, invariant.relation.sides[0]!))
}

it.each([
  ['before it was analyzed', ''],
  ['after', 'analyze'],
])('counts partitions and children with their table %s', async (_, analyze) => {
  if (analyze !== '') await db.query('analyze; analyze parted')
  const [plain, parted, parent] = [await sizeIn('plain'), await sizeIn('parted'), await sizeIn('parent')]
  for (const size of [plain, parted, parent]) {
    expect(size.isTable).toBe(true)
    expect(size.rowsAbout).toBeGreaterThan(rows * 0.4)
    expect(size.rowsAbout).toBeLessThan(rows * 1.1)
    expect(Math.abs(size.pagesInAll - plain.pagesInAll)).toBeLessThan(5)
  }
  expect(plain.pages).toBe(plain.pagesInAll)
  expect(parted.pages).toBeLessThan(parted.pagesInAll * 0.6)
  expect(await sizeIn('empty')).toMatchObject({ rowsAbout: 0, pages: 0 })
})

it('asks the planner about a view, and prepares for more than it may have missed', async () => {
  await db.query('analyze')
  const size = await sizeIn('seen')
  expect(size).toMatchObject({ isTable: false, rowsPrepared: 1_000_000, pages: 0, pagesInAll: 0 })
  expect(Math.abs(size.rowsAbout - rows)).toBeLessThan(rows / 10)
})

it.each(['plain', 'parted', 'parent'])('parts of %s are all of it, once', async (table) => {
  const source = openSource('here', { url: fresh.url }, undefined)
  const invariant = replicaOf('Same', { owner: side(table), copy: side(table) })
  const { readers } = await openComparison(invariant, () => source)
  const spread = { lane: 'record', buckets: 31, byInteger: true } as const
  const whole = await readers[0]!.digests(spread)
  const sum = new SummedDigests(spread)
  const counts: number[] = []
  for (let index = 0; index < 3; index += 1) {
    const part = await readers[0]!.digests(spread, { index, of: 3 })
    counts.push(total(part, [...part.keys()]))
    sum.add(part)
  }
  expect(Math.min(...counts)).toBeGreaterThan(rows / 10)
  for (const [bucket, digest] of whole) {
    const { rows: n, sum: s, product } = sum.get(bucket)!
    expect([n, s, product]).toEqual([digest.rows, BigInt.asUintN(64, digest.sum), BigInt.asUintN(64, digest.product)])
  }
  await source.close()
})
