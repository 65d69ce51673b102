import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { freshDatabase } from '../../../test/support/database.ts'
import { freshMariadb, testWithMariadb } from '../../../test/support/mariadb.ts'
import { type Clock, hours, milliseconds } from '../../base/base.ts'
import { agree, type Config, references } from '../../invariant/invariant.ts'
import type { Database } from '../../store/store.ts'
import { check, type Report } from '../check.ts'

const rows = 400_000
/** A slice holds 50,000 rows or a little more. */
const sliceMax = 110_000
const make = 'create table t(id bigint primary key, v int)'

let folder: string
let left: Database
let right: Database
let urls: { left: string; right: string }
let hoursOn: number

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'selvedge-verified-'))
  hoursOn = 0
  const databases = await Promise.all([freshDatabase(), freshDatabase()])
  ;[left, right] = await Promise.all([databases[0].connect({ max: 2 }), databases[1].connect({ max: 2 })])
  urls = { left: databases[0].url, right: databases[1].url }
  for (const db of [left, right]) {
    await db.query(make)
    await db.query(`insert into t select i, 0 from generate_series(1, ${rows}) i`)
    await db.query('analyze t')
  }
})

afterEach(() => rmSync(folder, { recursive: true }))

const side = (source: string) => ({ source, table: 't', key: 'id', columns: ['v'] })

function config(sources: Config['sources'] = { left: { url: urls.left }, right: { url: urls.right } }): Config {
  return { sources, invariants: [agree('Both agree', side('left'), side('right')).within(milliseconds(1))] }
}

/** The machine's clock, on by so many hours. */
const clock: Clock = {
  now: () => new Date(Date.now() + hoursOn * 3_600_000),
  monotonicMs: () => performance.now(),
}

const run = (given = config(), onProgress?: (line: string) => void): Promise<Report> =>
  check(given, {
    clock,
    incremental: { folder, within: hours(24) },
    ...(onProgress === undefined ? {} : { onProgress }),
  })
const keys = ({ findings }: Report) => findings.map(({ key }) => key)
const looked = ({ invariants }: Report) => invariants.map((invariant) => invariant.rows)

describe('an incremental check', () => {
  test('looks at everything once, then at nothing until it is due, and within its time at everything again', async () => {
    const first = await run()
    expect(looked(first)).toEqual([rows])
    const { verified } = first.invariants[0]!
    expect(verified).toMatchObject({ verified: verified?.parts, oldest: expect.any(String) })
    expect(verified?.parts).toBeGreaterThanOrEqual(4)
    expect(looked(await run())).toEqual([0])
    let seen = 0
    for (hoursOn = 1; hoursOn <= 24; hoursOn += 1) {
      const [now = 0] = looked(await run())
      expect(now).toBeLessThanOrEqual(2 * sliceMax)
      seen += now
    }
    expect(seen).toBeGreaterThanOrEqual(rows)
  })

  test('finds a write behind its back when its part is due, and finds it until it is gone', async () => {
    await run()
    await right.query('update t set v = 9 where id = 250000')
    expect(keys(await run())).toEqual([])
    hoursOn = 25
    const found = await run()
    expect(keys(found)).toEqual(['250000'])
    expect(found.invariants[0]?.verified).toMatchObject({ verified: found.invariants[0]!.verified!.parts - 1 })
    expect(found.invariants[0]?.verified).not.toHaveProperty('oldest')
    const again = await run()
    expect(keys(again)).toEqual(['250000'])
    expect(looked(again)[0]).toBeLessThanOrEqual(sliceMax)
    await right.query('update t set v = 0 where id = 250000')
    expect(keys(await run())).toEqual([])
    expect(looked(await run())).toEqual([0])
  })

  test('sees keys below and above all that were there', async () => {
    await run()
    await left.query('insert into t values (-1, 0), ($1, 0), (0, 0)', [rows * 3])
    expect(keys(await run()).sort()).toEqual(['-1', '0', String(rows * 3)].sort())
  })

  test('cuts uuid keys as well, and looks only into the part that differs', async () => {
    for (const db of [left, right])
      await db.query(`create table u(id uuid primary key, v int); analyze u;
        insert into u select md5(i::text)::uuid, 0 from generate_series(1, 200000) i; analyze u`)
    const of = (source: string) => ({ source, table: 'u', key: 'id', columns: ['v'] })
    const given = { ...config(), invariants: [agree('Uuids agree', of('left'), of('right')).within(milliseconds(1))] }
    const first = await run(given)
    expect(first.invariants[0]).toMatchObject({ rows: 200_000 })
    expect(first.invariants[0]?.verified?.parts).toBeGreaterThanOrEqual(3)
    await right.query(
      `update u set v = 1 where id = md5('77')::uuid; insert into u values ('ffffffff-ffff-ffff-ffff-ffffffffffff', 1)`,
    )
    hoursOn = 25
    const wrong = ['28dd2c79-55ce-9264-5624-0b2ff0100bde', 'ffffffff-ffff-ffff-ffff-ffffffffffff']
    expect(keys(await run(given))).toEqual(wrong)
    const again = await run(given)
    expect(keys(again)).toEqual(wrong)
    expect(looked(again)[0]).toBeLessThanOrEqual(130_000)
  })

  test('goes on where a run was broken off', async () => {
    let parts = 0
    const broken = await run(config(), (line) => {
      if (/: \d+ of about/.test(line)) parts += 1
      if (parts > 2) throw new Error('the source died')
    })
    expect(broken.incomplete).toBe(true)
    const [rest = 0] = looked(await run())
    expect(rest).toBeGreaterThan(0)
    expect(rest).toBeLessThan(rows)
    expect(looked(await run())).toEqual([0])
  })

  test.each([
    ['no JSON', () => '{'],
    ['a width of nothing', (text: string) => text.replace(/"width":"\d+"/, '"width":"0"')],
    ['a width below nothing', (text: string) => text.replace(/"width":"\d+"/, '"width":"-100"')],
    ['an invariant that is none', () => '{"format":"selvedge/verified@1","invariants":{"Both agree":null}}'],
    ['another format', (text: string) => text.replace('verified@1', 'verified@2')],
  ])('begins anew where its file holds %s', async (_, edited) => {
    await run()
    const file = join(folder, 'verified.json')
    const before = readFileSync(file, 'utf8')
    writeFileSync(file, edited(before))
    expect(readFileSync(file, 'utf8')).not.toBe(before)
    expect(looked(await run())).toEqual([rows])
  })

  test('forgets what was verified when something else is declared', async () => {
    await run()
    const { sources, invariants } = config()
    const other = agree('Both agree', { ...side('left'), where: 'id > 5' }, { ...side('right'), where: 'id > 5' })
    expect(looked(await run({ sources, invariants: [other.within(milliseconds(1))] }))).toEqual([rows - 5])
    expect(looked(await run({ sources, invariants }))).toEqual([rows])
  })

  test('takes what cannot be cut as one part', async () => {
    const { sources } = config()
    const broken = references('Every v is an id', {
      child: { source: 'left', table: 't', key: 'id', by: 'v' },
      parent: { source: 'right', table: 't', key: 'id' },
    }).within(milliseconds(1))
    await left.query('update t set v = id where id <= 10')
    const lessly = { ...config(), sources, invariants: [broken] }
    expect((await run(lessly)).findings.length).toBeGreaterThan(0)
    await left.query('update t set v = 1')
    const whole = await run(lessly)
    expect(whole.invariants[0]?.verified).toMatchObject({ parts: 1, verified: 1 })
    expect(looked(await run(lessly))).toEqual([0])
    hoursOn = 25
    expect(looked(await run(lessly))).toEqual([rows])
  })

  test('says who holds the folder, and does not wait', async () => {
    let refusal: unknown
    await run(config(), () => {
      refusal ??= run().catch((error: unknown) => error)
    })
    expect(await refusal).toMatchObject({ code: 'check/verified-locked' })
  })

  testWithMariadb('does the same in MariaDB, and across engines', async () => {
    const { url, run: sql } = await freshMariadb()
    await sql(`${make}; insert into t select seq, 0 from seq_1_to_${rows}; analyze table t`)
    for (const sources of [
      { left: { url: urls.left }, right: { url } },
      { left: { url }, right: { url: urls.right } },
    ]) {
      expect(looked(await run(config(sources)))).toEqual([rows])
      await sql('update t set v = 7 where id = 77777')
      expect(keys(await run(config(sources)))).toEqual([])
      hoursOn += 25
      expect(keys(await run(config(sources)))).toEqual(['77777'])
      await sql('update t set v = 0 where id = 77777')
      expect(keys(await run(config(sources)))).toEqual([])
    }
  })
})
