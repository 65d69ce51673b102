/** Long values as a verdict sees them: the same from every engine, and never taken for another value. */
import { expect, it } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { freshMariadb, testWithMariadb } from '../../test/support/mariadb.ts'
import { milliseconds } from '../base/base.ts'
import { briefText, rowText, wholeBytesMost } from '../digest/digest.ts'
import { agree, type Config, replicaOf } from '../invariant/invariant.ts'
import { plan } from '../reconcile/reconcile.ts'
import { check } from './check.ts'
import { openComparison } from './comparison.ts'
import { openSource } from './sources/open-source.ts'
import type { ValuedRow } from './sources/source.ts'

/** Texts around the limit, and how long they are in UTF-8. */
const texts = [
  '',
  'x'.repeat(wholeBytesMost),
  'x'.repeat(wholeBytesMost + 1),
  'é'.repeat(wholeBytesMost / 2 + 1),
  'y'.repeat(99_999),
  briefText('text', 'y'.repeat(99_999))!,
  '<1 bytes, sha256 >',
  '<1 BYTES, sha256 x>',
  '<p>5 bytes, sha256 \n x</p>',
  '<p>text</p>',
]
const columns = ['b', 'doc', 'v']
const soon = milliseconds(40)

testWithMariadb('both engines write them as TypeScript does, and JSON stays whole', async () => {
  const [fresh, shop] = await Promise.all([freshDatabase(), freshMariadb()])
  const db = await fresh.connect()
  await db.query('create table t (id int primary key, v text, b bytea, doc jsonb)')
  await shop.run('create table t (id int primary key, v longtext character set latin1, b longblob, doc json)')
  const doc = JSON.stringify({ a: 'z'.repeat(9_000) })
  for (const [i, text] of [...texts, null].entries()) {
    const bytes = text === null ? null : Buffer.from(text, 'latin1')
    await db.query('insert into t values ($1, $2, $3, $4)', [i, text, bytes, doc])
    await shop.run('insert into t values (?, ?, ?, ?)', [i, text, bytes, doc])
  }
  const config: Config = {
    sources: { user: { url: fresh.url }, shop: { url: shop.url } },
    invariants: ['user', 'shop'].map((source) => {
      const side = { source, table: 't', key: 'id', columns }
      return agree(source, side, side)
    }),
  }
  for (const invariant of config.invariants) {
    const sources = new Map(
      Object.entries(config.sources).map(([name, one]) => [name, openSource(name, one, undefined)]),
    )
    const { readers, shape } = await openComparison(invariant, (name) => sources.get(name)!)
    const keys = [...texts, null].map((_, i) => [String(i)])
    const [brief, whole] = [await readers[0]!.rows(keys, { isBrief: true }), await readers[0]!.rows(keys)]
    expect(brief.size).toBe(keys.length)
    for (const [key, { image }] of whole) {
      const expected = image[0]!.map((value, c) => briefText(shape.kinds[c]!, value))
      expect(brief.get(key)?.image[0], `${invariant.name} ${key}`).toEqual(expected)
    }
    expect([...brief.values()].map(({ image }) => image[0]![2])).toEqual(
      [...texts, null].map((text) => briefText('text', text)),
    )
    const streamed = await all(readers[0]!.stream({ isBrief: true }))
    expect(new Map(streamed.map(({ key, values }) => [rowText(key), values]))).toEqual(
      new Map([...brief].map(([key, { image }]) => [key, image[0]])),
    )
    const inBuckets = { spread: { lane: 'travel', buckets: 31, byInteger: true, width: 2 }, buckets: ['1'] } as const
    const asked = await all(readers[0]!.stream({ inBuckets }))
    expect(asked.map(({ key, values }) => [key, values]).sort()).toEqual(
      ['2', '3'].map((key) => [[key], whole.get(rowText([key]))?.image[0]]),
    )
    await Promise.all([...sources.values()].map((source) => source.close()))
  }
})

it('a value that spells another one is not taken for it, nor for the values that look alike', async () => {
  const fresh = await freshDatabase()
  const db = await fresh.connect()
  const long = 'x'.repeat(20_000)
  await db.query('create table users (id int primary key, v text); create table learners (id int primary key, v text)')
  const values = [long, briefText('text', long)!, briefText('text', briefText('text', long)!)!]
  for (const [i, value] of values.entries()) {
    await db.query('insert into users values ($1, $2)', [i, value])
    await db.query('insert into learners values ($1, $2)', [i, values[(i + 1) % values.length]])
  }
  const side = { key: 'id', columns: ['v'] }
  const invariant = replicaOf('Same', {
    owner: { source: 'user', table: 'users', ...side },
    copy: { source: 'user', table: 'learners', ...side },
  })
  const report = await check({ sources: { user: { url: fresh.url } }, invariants: [invariant.within(soon)] })
  expect(report.findings.map(({ key }) => key)).toEqual(['0', '1', '2'])
})

async function all(batches: AsyncIterable<readonly ValuedRow[]>): Promise<ValuedRow[]> {
  const rows: ValuedRow[] = []
  for await (const batch of batches) rows.push(...batch)
  return rows
}

it('findings hold them, and a plan still writes the whole value', async () => {
  const fresh = await freshDatabase()
  const db = await fresh.connect()
  const long = 'x'.repeat(20_000)
  await db.query('create table users (id int primary key, v text); create table learners (id int primary key, v text)')
  await db.query('insert into users values (1, $1)', [long])
  await db.query('insert into learners values (1, $1)', [`${long}y`])
  const side = { key: 'id', columns: ['v'] }
  const config: Config = {
    sources: { user: { url: fresh.url, repair: { url: fresh.url } } },
    invariants: [
      replicaOf('Same', {
        owner: { source: 'user', table: 'users', ...side },
        copy: { source: 'user', table: 'learners', ...side },
      })
        .within(soon)
        .repairedBy({ kind: 'sql' }),
    ],
  }
  const report = await check(config)
  expect(Object.values(report.findings[0]?.columns[0]?.values ?? {})).toEqual([
    briefText('text', long),
    briefText('text', `${long}y`),
  ])
  const made = await plan(config, report)
  expect(made.steps).toMatchObject([{ repair: 'sql', after: { v: long } }])
})
