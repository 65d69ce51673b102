/** What is said of a proposal: what it rests on, and no more. */
import { expect, it } from 'vitest'
import { wholeReader } from '../../../test/propose/cut.ts'
import { code, generate, other, ref, type SchemaSpec, serial, text, uuid } from '../../../test/propose/generate.ts'
import { referenceEvidence } from './evidence.ts'
import { propose } from './propose.ts'

/** Each table in a source of its own. */
async function saidOf(spec: SchemaSpec): Promise<string[]> {
  const tables = generate(spec, 5).tables.map((table) => ({ ...table, source: `of_${table.name}` }))
  const { references } = await propose(tables, wholeReader)
  return references.map((one) => `${one.confidence}: ${referenceEvidence(one)}`)
}

const users = { rows: 90, columns: { id: serial(), name: text(), seen_at: other() } }

it('a table without rows is proposed by name and type, and that is said', async () => {
  expect(await saidOf({ users, badges: { rows: 0, columns: { id: serial(), user_id: ref('users') } } })).toEqual([
    'sure: of_badges.badges.user_id has the name and type of of_users.users.id, and nothing else says it: no row is in of_badges.badges',
  ])
})

it('so is a column of NULL alone', async () => {
  expect(
    await saidOf({ users, posts: { rows: 9, columns: { id: serial(), user_id: ref('users', { nulls: 1 }) } } }),
  ).toEqual([
    'sure: of_posts.posts.user_id has the name and type of of_users.users.id, and nothing else says it: every row has NULL there',
  ])
})

it('without rows, a name that may be of two tables is doubtful, and a key of another type is none', async () => {
  const posts = { rows: 0, columns: { id: serial(), user_id: ref('users') } }
  expect(await saidOf({ users, user: users, posts })).toEqual([
    'doubtful: of_posts.posts.user_id has the name of of_users.users.id, and nothing else says it: no row is in of_posts.posts',
  ])
  expect(
    await saidOf({
      user: { rows: 30, columns: { code: code('C'), name: text() } },
      seats: users,
      posts: { rows: 0, columns: { id: serial(), user_id: ref('seats') } },
    }),
  ).toEqual([])
})

it('where only the values say it, that is said', async () => {
  const owners = { rows: 60, columns: { id: uuid(), name: text() } }
  expect(await saidOf({ owners, things: { rows: 80, columns: { id: serial(), made: ref('owners') } } })).toEqual([
    'sure: 100 % of of_things.things.made are in of_owners.owners.id (80 rows), which chance would not do, though the name says nothing',
  ])
})

it('where the name only begins with that of the table, the values must be from all over it', async () => {
  const partner = { rows: 200, columns: { id: serial(), name: text() } }
  const orders = (column: SchemaSpec[string]['columns'][string]) => ({
    ...{ rows: 700, columns: { id: serial(), partner_invoice_id: column } },
  })
  expect(await saidOf({ partner, orders: orders(ref('partner')) })).toEqual([
    'sure: 100 % of of_orders.orders.partner_invoice_id are in of_partner.partner.id (700 rows), and from all over it, though the name says little',
  ])
  expect(await saidOf({ partner, orders: orders({ kind: 'int', from: 1, to: 6 }) })).toEqual([])
})
