/** How names are read, whatever their style. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nameMatch } from './decide-name-match.ts'
import { entityOf, isShortFor, keyNameOf, singular, wordsOf } from './words.ts'

it.each([
  ['SupportRepId', ['support', 'rep', 'id']],
  ['order_details', ['order', 'details']],
  ['HTTPServerID', ['http', 'server', 'id']],
  ['sales."Order Items"', ['order', 'items']],
  ['EMPLOYEE_ID', ['employee', 'id']],
])('%s is read as %j', (name, words) => {
  expect(wordsOf(name)).toEqual(words)
})

it.each([
  ...[
    ['categories', 'category'],
    ['addresses', 'address'],
    ['statuses', 'status'],
    ['status', 'status'],
  ],
  ...[
    ['people', 'person'],
    ['boxes', 'box'],
    ['address', 'address'],
    ['orders', 'order'],
    ['analysis', 'analysis'],
    ['warehouses', 'warehouse'],
    ['buses', 'bus'],
    ['caches', 'cache'],
    ['coaches', 'coach'],
    ['prizes', 'prize'],
    // Every object knows this word, and none of its values is one.
    ['constructor', 'constructor'],
    ['constructors', 'constructor'],
  ],
])('one of %s is a %s', (many, one) => {
  expect(singular(many!)).toBe(one)
})

it.each([
  ...[
    ['emp', 'employee'],
    ['dept', 'department'],
    ['prod', 'product'],
    ['cust', 'customer'],
    ['ship', 'shipper'],
  ],
])('%s is short for %s', (short, long) => {
  expect(isShortFor(short!, long!)).toBe(true)
})

it.each([
  ['region', 'order'],
  ['id', 'identity'],
  ['part', 'department'],
  ['order', 'order'],
])('%s is not short for %s', (short, long) => {
  expect(isShortFor(short, long)).toBe(false)
})

const word = fc.stringMatching(/^[a-z]{4,9}$/)
/** A key of two words in the styles that people write. */
const styles = (a: string, b: string) => {
  const big = (text: string) => text[0]!.toUpperCase() + text.slice(1)
  return [`${a}_${b}_id`, `${big(a)}${big(b)}Id`, `${a}${big(b)}ID`, `${a}_${b}_id`.toUpperCase()]
}

describe('a name matches', () => {
  it('whatever the style of the one and of the other', () => {
    fc.assert(
      fc.property(word, word, fc.nat(3), fc.nat(3), (a, b, i, j) => {
        const table = { entity: entityOf(`${a}_${b}s`), column: styles(a, singular(`${b}s`))[j]! }
        const score = nameMatch({ entity: ['other'], column: styles(a, singular(`${b}s`))[i]! }, table)
        expect(score).toBeGreaterThanOrEqual(0.95)
      }),
    )
  })

  it.each([
    ['customer_id', 'customers', 'id', 1],
    ['billing_address_id', 'addresses', 'id', 1],
    ['emp_id', 'employees', 'id', 1],
    ['PersonID', 'Person', 'BusinessEntityID', 1],
    ['o_custkey', 'customer', 'c_custkey', 1],
    ['reports_to', 'employees', 'employee_id', 1],
    ['ship_via', 'shippers', 'shipper_id', 1],
    ['product_sku', 'products', 'sku', 1],
    ['homebranchid', 'branches', 'branchid', 1],
    ['from_account', 'accounts', 'account_no', 1],
    ['dispatched_by', 'employees', 'id', 1],
    ['owner', 'users', 'id', 1],
    ['lead', 'emp', 'empno', 1],
    // Keys that end in a word of their own: `mid`, `kid`, `bid`.
    ['roomid', 'room', 'id', 1],
    ['taskid', 'task', 'id', 1],
    ['hybrid', 'hybr', 'hybr_no', 0],
    // What tells one of a pair from the other is no part of the name.
    ['player_id_2', 'players', 'id', 1],
    ['team1_id', 'teams', 'id', 1],
    ['account_b', 'accounts', 'id', 1],
    ['sample_a_id', 'samples', 'id', 1],
    ['write_uid', 'app_user', 'id', 1],
    ['uid', 'users', 'id', 0],
    ['guard_on_duty_id', 'guards', 'id', 1],
    ['claim_id', 'claim_headers', 'header_id', 1],
    ['vendor_id', 'vendor_master', 'id', 1],
    ['maker', 'boat_makers', 'id', 1],
    ['winner_id', 'players', 'id', 1],
    ['bride_id', 'people', 'id', 1],
    ['pid', 'plots', 'pid', 1],
    ['created', 'users', 'id', 0],
    ['partner_invoice_id', 'partner', 'id', 1],
    ['status_id', 'users', 'id', 0],
    ['id', 'users', 'id', 0],
    ['code', 'countries', 'code', 0],
    ['paid', 'pays', 'pay_id', 0],
    ['order_id', 'order_details', 'detail_id', 0],
  ])('%s of %s.%s: %d', (column, table, key, isMatch) => {
    const shared = column.startsWith('o_') ? 'o' : undefined
    const score = nameMatch({ entity: ['elsewhere'], column, shared }, { entity: entityOf(table), column: key })
    expect(score > 0).toBe(isMatch === 1)
  })

  it('never throws, and lies between 0 and 1', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (column, table, key) => {
        const score = nameMatch({ entity: entityOf(table), column }, { entity: entityOf(key), column: key })
        expect(score).toBeGreaterThanOrEqual(0)
        expect(score).toBeLessThanOrEqual(1)
        expect(keyNameOf(column).stem.length).toBeLessThanOrEqual(keyNameOf(column).words.length)
      }),
      { examples: [['0Of', '', '']] },
    )
  })
})
