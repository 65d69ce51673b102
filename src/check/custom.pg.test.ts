/** Sides that code reads, beside a database. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { milliseconds } from '../base/base.ts'
import { type Config, custom, references } from '../invariant/invariant.ts'
import type { Database } from '../store/store.ts'
import { check, planCheck } from './check.ts'

let fresh: FreshDatabase
let ledger: Database
beforeEach(async () => {
  fresh = await freshDatabase()
  ledger = await fresh.connect()
  await ledger.query(
    'create table entries(account int, cents bigint); insert into entries select i, i * 100 from generate_series(1, 2500) i',
  )
})
afterEach(() => fresh.drop())

const side = { source: 'ledger', table: 'entries', key: 'account', columns: ['cents'] }
const configOf = (invariants: Config['invariants']): Config => ({ sources: { ledger: { url: fresh.url } }, invariants })

/** Balances as a bank's client would give them: an account as text, money as a bigint. */
function* balances(change: (account: number, cents: number) => unknown) {
  for (let account = 1; account <= 2_500; account += 1)
    if (account !== 9) yield { account: String(account), cents: change(account, account * 100) }
}

describe('a side that code reads', () => {
  it('is compared row by row, whatever types the code gives', async () => {
    const bank = { source: 'bank', key: 'account', columns: ['cents'] }
    const changed = (account: number, cents: number) => (account === 7 ? 1n : account === 8 ? null : BigInt(cents))
    const same = custom('Money', { ...bank, read: async () => balances(changed) }, side).within(milliseconds(50))
    const { findings } = await check(configOf([same]))
    expect(findings.map(({ key }) => key)).toEqual(['7', '8', '9'])
    expect(findings[0]?.columns).toEqual([{ column: 'cents', values: { bank: '1', 'ledger.entries': '700' } }])
  })

  it('can be the parent of references', async () => {
    const known = { source: 'bank', key: 'account', read: () => balances((_, cents) => cents) }
    const named = references('Known', { child: { ...side, by: 'account' }, parent: known }).within(milliseconds(50))
    expect((await check(configOf([named]))).findings.map(({ key }) => key)).toEqual(['9'])
  })

  it('that fails is incomplete with the reason, and costs no other invariant its verdict', async () => {
    const broken = async function* () {
      yield { account: '1', cents: 100 }
      throw new Error('the bank is closed')
    }
    const bank = { source: 'bank', key: 'account', columns: ['cents'], read: broken }
    const report = await check(configOf([custom('Money', bank, side)]))
    expect(report).toMatchObject({ findings: [], incomplete: true })
    expect(report.invariants[0]?.why).toContain('the bank is closed')
  })

  it('is planned as rows that travel, and a table beside its like by records, without reading either', async () => {
    let reads = 0
    const read = () => {
      reads += 1
      return balances((_, cents) => cents)
    }
    const bank = { source: 'bank', key: 'account', columns: ['cents'], read }
    await ledger.query('create table copies as select * from entries; analyze')
    const like = custom('Like', side, { ...side, table: 'copies' })
    const missing = custom('Missing', side, { ...side, table: 'gone' })
    const planned = await planCheck(configOf([custom('Money', bank, side), like, missing]))
    expect(planned).toMatchObject([{ way: 'travel' }, { way: 'record', rows: 2_500 }, { name: 'Missing', rows: 0 }])
    expect(planned[2]?.why).toContain('gone')
    expect(reads).toBe(0)
  })
})
