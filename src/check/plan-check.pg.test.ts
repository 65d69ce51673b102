/** What a check would read, told before it is read. */
import { expect, it } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { freshMariadb, testWithMariadb } from '../../test/support/mariadb.ts'
import { agree, correspondsTo, type SideDeclaration } from '../invariant/invariant.ts'
import { type PlannedCheck, planCheck } from './check.ts'

const rows = 3_000
const view: SideDeclaration = { source: 'shop', table: 'paid', key: 'id', columns: ['state'] }
const query: SideDeclaration = { source: 'shop', query: 'select id, state from orders', key: 'id', columns: ['state'] }
const tables = `create table orders (id int primary key, state varchar(9) not null);
  create view paid as select * from orders where id > 0`

async function plannedAt(url: string): Promise<readonly PlannedCheck[]> {
  const states = { source: 'shop', table: 'orders', key: 'id', state: 'state' }
  return planCheck({
    sources: { shop: { url } },
    invariants: [
      agree('A view', view, view),
      agree('A query', query, query),
      correspondsTo('States', { left: states, right: states, allowed: [['new', 'new']] }),
    ],
  })
}

function expectAbout(planned: readonly PlannedCheck[], share: number): void {
  expect(planned.map(({ way }) => way).at(-1)).toBe('states')
  for (const one of planned) {
    expect(one.rows, one.name).toBeGreaterThan(rows * share)
    expect(one.rows, one.name).toBeLessThan(rows / share)
  }
}

it('of a view, a query and states in PostgreSQL is about what is there', async () => {
  const fresh = await freshDatabase()
  const db = await fresh.connect()
  await db.query(`${tables}; insert into orders select i, 'new' from generate_series(1, ${rows}) i; analyze`)
  const planned = await plannedAt(fresh.url)
  expectAbout(planned, 0.3)
  // Every key travels with its state.
  expect(planned.at(-1)?.bytes).toBeGreaterThan(rows * 40)
  await fresh.drop()
})

testWithMariadb('of a view, a query and states in MariaDB is about what is there', async () => {
  const { url, run } = await freshMariadb()
  await run(`${tables}; insert into orders select seq, 'new' from seq_1_to_${rows}; analyze table orders`)
  expectAbout(await plannedAt(url), 0.3)
})
