/** Keys that digests tell: with differences alone in their bucket, beside others, and with keys that no weight can hold. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { type Spread, soleDifference } from '../digest/digest.ts'
import { replicaOf } from '../invariant/invariant.ts'
import type { Database } from '../store/store.ts'
import { openComparison } from './comparison.ts'
import { scan, spreadOf } from './scan.ts'
import { noRows, scanDigests } from './scan-digests.ts'
import { openSource } from './sources/open-source.ts'
import type { Source } from './sources/source.ts'

const rows = 20_000
let fresh: readonly FreshDatabase[]
let databases: readonly Database[]
let sources: ReadonlyMap<string, Source>
beforeEach(async () => {
  fresh = await Promise.all([freshDatabase(), freshDatabase()])
  databases = await Promise.all(fresh.map((each) => each.connect()))
  sources = new Map(['owner', 'copy'].map((name, i) => [name, openSource(name, { url: fresh[i]!.url }, undefined)]))
  const far = `select ${2n ** 40n} + i, 'far ' || i, i % 13 from generate_series(0, 500) i`
  for (const database of databases)
    await database.query(`create table t (id bigint primary key, name text, n int);
      insert into t select i, 'name ' || i, i % 13 from generate_series(-100, ${rows}) i; insert into t ${far}; analyze t`)
})
afterEach(async () => {
  await Promise.all([...sources.values()].map((source) => source.close()))
  await Promise.all(fresh.map((each) => each.drop()))
})

async function compared() {
  const side = { table: 't', key: 'id', columns: ['name', 'n'] }
  const invariant = replicaOf('All alike', { owner: { source: 'owner', ...side }, copy: { source: 'copy', ...side } })
  return openComparison(invariant, (name) => sources.get(name)!)
}

/** Keys that digests alone tell, of buckets that differ. */
async function guesses(): Promise<string[]> {
  const { readers } = await compared()
  const spread: Spread = await spreadOf({ readers, isSqlAlike: true })
  expect(spread).toMatchObject({ lane: 'record', byInteger: true })
  const [owner, copy] = await scanDigests(readers, spread)
  return [...owner!.keys()].flatMap((bucket) => {
    const [a = noRows, b = noRows] = [owner!.get(bucket), copy!.get(bucket)]
    const told = a.sum === b.sum ? undefined : soleDifference(a, b)
    return told === undefined ? [] : [String(told)]
  })
}

async function found(): Promise<string[]> {
  const comparison = await compared()
  return [...(await comparison.scan()).keys].map(([key]) => key!).sort((a, b) => Number(a) - Number(b))
}

it('of a hundred differences that are alone in their bucket digests tell each, and a scan finds just these', async () => {
  const keys = Array.from({ length: 100 }, (_, i) => i * 200)
  await databases[1]!.query(`update t set name = 'changed' where id = any($1) and id % 1000 <> 0`, [keys])
  await databases[1]!.query(`delete from t where id = any($1) and id % 2000 = 0`, [keys])
  await databases[0]!.query(`delete from t where id = any($1) and id % 2000 = 1000`, [keys])
  expect((await guesses()).sort((a, b) => Number(a) - Number(b))).toEqual(keys.map(String))
  expect(await found()).toEqual(keys.map(String))
})

it('what shares a bucket, has a key below zero or beyond 31 bits, or swaps its values is found as well', async () => {
  const swapped = (a: number, b: number) =>
    `update t set name = (select name from t o where o.id = ${a} + ${b} - t.id) where id in (${a}, ${b})`
  await databases[1]!.query(`update t set n = n + 1 where id in (-50, -3, 0, 7, 301, 302, 303, ${2n ** 40n + 7n}, 5000);
    ${swapped(1_001, 1_002)}; ${swapped(2_001, 9_999)}; delete from t where id in (5001, ${2n ** 40n + 99n})`)
  const far = [7n, 99n].map((n) => String(2n ** 40n + n))
  const near = [-50, -3, 0, 7, 301, 302, 303, 1_001, 1_002, 2_001, 5_000, 5_001, 9_999].map(String)
  expect(await found()).toEqual([...near, ...far])
})

it('a row that changes again before it is looked up is looked for in its whole bucket', async () => {
  await databases[1]!.query(`update t set n = n + 1 where id = 4242`)
  const comparison = await compared()
  const [owner, copy] = comparison.readers
  let asked = 0
  // The first lookup of keys meets a row that was written meanwhile.
  const moving = {
    ...copy!,
    hashes: async (wanted: Parameters<NonNullable<typeof copy>['hashes']>[0]) => {
      asked += 1
      if (asked === 1) await databases[1]!.query(`update t set n = n + 5 where id in (4242, 4243)`)
      return copy!.hashes(wanted)
    },
  }
  const { keys } = await scan({ shape: comparison.shape, readers: [owner!, moving], isSqlAlike: true })
  expect(keys).toEqual([['4242'], ['4243']])
  expect(asked).toBe(2)
})
