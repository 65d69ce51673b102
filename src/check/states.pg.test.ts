/** Pairs of states by every sort of key, with rows doubled, without a key, of unknown states, and more of them than fit. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { freshMariadb, testWithMariadb } from '../../test/support/mariadb.ts'
import { type AllowedStates, correspondsTo } from '../invariant/invariant.ts'
import type { Database } from '../store/store.ts'
import type { ByState } from './compare.ts'
import { openComparison } from './comparison.ts'
import { candidatesMax } from './scan.ts'
import { openSource } from './sources/open-source.ts'
import type { SideReader, Source } from './sources/source.ts'
import { type StateOptions, scanStates } from './states.ts'

const allowed: AllowedStates = [
  ['active', 'captured'],
  ['cancelled', 'refunded'],
  ['cancelled', null],
  [null, 'failed'],
]
let fresh: FreshDatabase
let db: Database
let sources: Map<string, Source>
beforeEach(async () => {
  fresh = await freshDatabase()
  db = await fresh.connect()
  sources = new Map([['shop', openSource('shop', { url: fresh.url }, undefined)]])
})
afterEach(async () => {
  await Promise.all([...sources.values()].map((source) => source.close()))
  await fresh.drop()
})

const invariantOf = (key: readonly string[], right: string) =>
  correspondsTo('Paid', {
    left: { source: 'shop', table: 'enrollment', key, state: 'state' },
    right: { source: right, table: 'payment', key, state: 'state' },
    allowed,
  })

let rowsRead = 0
const counting = (reader: SideReader): SideReader => ({
  ...reader,
  stream: async function* (how) {
    for await (const rows of reader.stream(how)) {
      rowsRead += rows.length
      yield rows
    }
  },
})

async function scanned(key: readonly string[], options?: StateOptions, right = 'shop') {
  const invariant = invariantOf(key, right)
  const { readers } = await openComparison(invariant, (name) => sources.get(name)!)
  return scanStates(invariant.relation as ByState, readers.map(counting), options)
}

/** What the tables hold, told by SQL that knows nothing of scans. */
async function wrongBySql(key: readonly string[]): Promise<string[][]> {
  const list = key.map((name) => `${name}::text`).join(', ')
  const one = (table: string) => `select array[${list}] as key, state from ${table} where ${key[0]} is not null`
  const { rows } = await db.query<{ key: string[] }>(`with l as (${one('enrollment')}), r as (${one('payment')})
    select key from (select key, array_agg(l.state) filter (where l.key is not null) as ls, array_agg(r.state) filter (where r.key is not null) as rs
      from l full join r using (key) group by key) k
    where cardinality(ls) > 1 or cardinality(rs) > 1
      or (coalesce(ls[1], '-'), coalesce(rs[1], '-')) not in (('active', 'captured'), ('cancelled', 'refunded'), ('cancelled', '-'), ('-', 'failed'))`)
  return rows.map(({ key: found }) => found)
}

const sorted = (keys: readonly (readonly string[])[]) => keys.map((key) => key.join(' ')).sort()

/** Mostly right; of `rows` keys every 50th or so is wrong in one of many ways. */
async function fill(keyType: string, keySql: string, rows = 5_000): Promise<void> {
  await db.query(`create table enrollment (id ${keyType}, part text default 'é', state text);
    create table payment (id ${keyType}, part text default 'é', state text);
    insert into enrollment (id, state) select ${keySql}, case when i % 3 = 0 then 'cancelled' else 'active' end from generate_series(1, ${rows}) i where i % 10 > 0;
    insert into payment (id, state) select ${keySql}, case when i % 10 = 0 then 'failed' when i % 3 = 0 then 'refunded' else 'captured' end
      from generate_series(1, ${rows}) i where i % 15 <> 3;
    update payment set state = 'refunded' where state = 'captured' and ctid in (select ctid from payment where state = 'captured' order by id limit 9);
    delete from payment where ctid in (select ctid from payment where state = 'captured' order by id desc limit 7);
    update enrollment set state = 'Active' where ctid in (select ctid from enrollment where state = 'active' order by id limit 3 offset 400);
    update enrollment set state = null where ctid in (select ctid from enrollment where state = 'active' order by id limit 2 offset 500);
    insert into enrollment select * from enrollment where state = 'cancelled' order by id limit 2;
    insert into payment (id, state) values (null, 'captured'), (null, 'failed'); analyze`)
}

describe.each([
  ['integers', 'int', 'i'],
  ['texts', 'text', `case when i % 2 = 0 then 'K' else 'k' end || i || ' '`],
  ['uuids', 'uuid', 'md5(i::text)::uuid'],
])('states by %s', (_, type, sql) => {
  it('are found wrong where SQL finds them so, and rows without a key are counted', async () => {
    await fill(type, sql)
    const scan = await scanned(['id'])
    expect(sorted(scan.keys)).toEqual(sorted(await wrongBySql(['id'])))
    expect(scan.keys.length).toBeGreaterThan(20)
    expect(scan).toMatchObject({ stopped: false, nearlyAll: false, rowsWithoutKey: [{ rows: 2 }] })
  })
})

it('states are the same in as many parts as it takes, where a table was made for too few', async () => {
  await fill('uuid', 'md5(i::text)::uuid', 2_000)
  const [whole, inParts] = [await scanned(['id']), await scanned(['id'], { keysMost: 380 })]
  expect(inParts).toEqual(whole)
})

it('states by two columns are told apart by both', async () => {
  await fill('int', 'i')
  await db.query(`update payment set part = 'e' where id between 100 and 105`)
  expect(sorted((await scanned(['id', 'part'])).keys)).toEqual(sorted(await wrongBySql(['id', 'part'])))
})

it('states are read of a range of keys where only that is asked for', async () => {
  await db.query(`create table enrollment (id int primary key, state text); create table payment (id int primary key, state text);
    insert into enrollment select i, 'active' from generate_series(1, 5000) i; analyze`)
  const scan = await scanned(['id'], { within: { from: 101n, to: 300n } })
  expect(scan.rows).toBe(200)
  expect(sorted(scan.keys)).toEqual(sorted(Array.from({ length: 200 }, (_, i) => [String(101 + i)])))
})

it('states of keys that an index finds are read in ranges, once each', async () => {
  await db.query(`create table enrollment (id int primary key, state text); create table payment (id bigint primary key, state text);
    insert into enrollment select i * 3 - 900, 'active' from generate_series(1, 5000) i; insert into payment select i * 3 - 900, 'captured' from generate_series(1, 5000) i where i % 500 > 0;
    insert into payment values (-100000, 'captured'), (99999, 'captured'); analyze`)
  rowsRead = 0
  const scan = await scanned(['id'], { keysMost: 400 })
  expect(sorted(scan.keys)).toEqual(sorted(await wrongBySql(['id'])))
  expect(scan.rows).toBe(5_000)
  // Once to note them, and at most once more to find the wrong ones; and what did not fit where they lie close together.
  expect(rowsRead).toBeLessThan(2 * 10_000 + 8 * 2_000)
})

it('more wrong keys than a person reads stop the scan, which says how many there are', async () => {
  await fill('int', 'i', 30_000)
  await db.query(`update payment set state = 'lost'`)
  const scan = await scanned(['id'])
  expect(scan.keys).toHaveLength(candidatesMax)
  expect(scan).toMatchObject({ stopped: true, nearlyAll: true, differsAbout: (await wrongBySql(['id'])).length })
})

testWithMariadb('states of two engines are told apart byte for byte', async () => {
  const { url, run } = await freshMariadb()
  sources.set('other', openSource('other', { url }, undefined))
  await fill('text', `case when i % 2 = 0 then 'K' else 'k' end || i || ' '`)
  const { rows } = await db.query<{ id: string | null; part: string; state: string }>('select * from payment')
  await run('create table payment (id varchar(40), part varchar(9), state varchar(20))')
  await run('insert into payment values ?', [rows.map(({ id, part, state }) => [id, part, state])])
  expect(sorted((await scanned(['id'], {}, 'other')).keys)).toEqual(sorted(await wrongBySql(['id'])))
})
