/** Checks while others write. Nothing here may be a finding but what is really wrong. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { milliseconds, seconds, seededRandom } from '../base/base.ts'
import { agree, type Config, replicaOf } from '../invariant/invariant.ts'
import type { Database } from '../store/store.ts'
import { check } from './check.ts'

let fresh: readonly [FreshDatabase, FreshDatabase]
let owner: Database
let copy: Database

beforeEach(async () => {
  fresh = await Promise.all([freshDatabase(), freshDatabase()])
  ;[owner, copy] = await Promise.all([fresh[0].connect(), fresh[1].connect()])
  const table = 'create table t(id int primary key, v text); insert into t select i, 0 from generate_series(1, 2000) i'
  await Promise.all([owner.query(table), copy.query(table)])
})

afterEach(async () => {
  await Promise.all(fresh.map((database) => database.drop()))
})

const side = (source: string) => ({ source, table: 't', key: 'id', columns: ['v'] })
const copied = replicaOf('Copied', { owner: side('owner'), copy: side('copy') })
const configOf = (...invariants: Config['invariants']): Config => ({
  sources: { owner: { url: fresh[0].url }, copy: { url: fresh[1].url } },
  invariants,
})

/** Writes at the owner and, `lagMs` later, at the copy, until stopped. Keys from 1000 on are hot: five of them, always. */
function writers(lagMs: number): { stop(): Promise<number> } {
  const random = seededRandom(7)
  let [running, writes] = [true, 0]
  const applied: Promise<unknown>[] = []
  const loop = async (hot: boolean): Promise<void> => {
    while (running) {
      const id = hot ? 1_000 + random.int(5) : 1 + random.int(900)
      writes += 1
      const number = writes
      const [value, inOrder] = [
        `v${number}`,
        `update t set v = $2 where id = $1 and coalesce(substring(v from '^v(\\d+)')::int, 0) < $3`,
      ]
      await owner.query('update t set v = $2 where id = $1', [id, value])
      applied.push(
        new Promise((resolve) => setTimeout(resolve, lagMs)).then(() => copy.query(inOrder, [id, value, number])),
      )
    }
  }
  const loops = [loop(false), loop(true)]
  return {
    async stop() {
      running = false
      await Promise.all(loops)
      await Promise.all(applied)
      return writes
    },
  }
}

describe('under live writes', () => {
  it('a copy that is late within its deadline gives no finding, and rows that are wrong are still found', async () => {
    await copy.query(
      `update t set v = 'wrong' where id in (1500, 1501); delete from t where id = 1502; insert into t values (3000, 'extra')`,
    )
    const load = writers(150)
    const reports = []
    for (let round = 0; round < 3; round += 1) reports.push(await check(configOf(copied.within(seconds(2)))))
    const writes = await load.stop()
    expect(writes).toBeGreaterThan(200)
    for (const report of reports)
      expect(report.findings.map((finding) => finding.key)).toEqual(['1500', '1501', '1502', '3000'])
  })

  it('rows that change at each look stay inconclusive, and are counted as that', async () => {
    const load = writers(2_500)
    const report = await check(
      configOf(
        copied.within(milliseconds(200)),
        agree('Agreed', side('owner'), side('copy')).within(milliseconds(200)),
      ),
    )
    await load.stop()
    const hot = report.findings.filter((finding) => Number(finding.key) >= 1_000)
    expect(hot).toEqual([])
    expect(report.invariants[0]?.inconclusive).toBeGreaterThan(0)
  })
})

describe('in wall time', () => {
  it('a difference is a finding after its deadline and not before, and no check waits when nothing differs', async () => {
    const began = performance.now()
    expect((await check(configOf(copied.within(seconds(30))))).findings).toEqual([])
    expect(performance.now() - began).toBeLessThan(25_000)

    await copy.query(`update t set v = 'wrong' where id = 7`)
    const from = performance.now()
    const report = await check(configOf(copied.within(milliseconds(1_200))))
    const tookMs = performance.now() - from
    expect(report.findings.map((finding) => finding.key)).toEqual(['7'])
    expect(tookMs).toBeGreaterThan(1_200)
    expect(tookMs).toBeLessThan(25_000)
  })

  it('a copy that catches up before its deadline gives no finding', async () => {
    await owner.query(`update t set v = 'new' where id = 7`)
    // Late enough to have been seen as a difference, and two seconds before the deadline, which a busy machine may need.
    const checking = check(configOf(copied.within(milliseconds(3_000))))
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    await copy.query(`update t set v = 'new' where id = 7`)
    expect(await checking).toMatchObject({ findings: [], incomplete: false })
  })
})
