/** One role for each service: what is another's cannot be read, by error and not by convention. */
import { errorCode, openDatabase, quoteIdentifier } from 'selvedge/store'
import { drawPlan, simulatedWorld } from 'selvedge/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { serverUrl } from '../../test/support/database.ts'
import { type AcademyDatabases, createDatabases } from './databases.ts'
import { type ServiceName, serviceNames } from './services.ts'
import { bound } from './setting.ts'
import { curedVariant } from './variants/cured.ts'

let databases: AcademyDatabases
let close: () => Promise<void>

beforeAll(async () => {
  databases = await createDatabases(serverUrl(), `academy_rights_${process.pid}`)
  const plan = drawPlan({ seed: 1, actions: 1, services: serviceNames, bound, kinds: [] })
  const academy = await curedVariant(simulatedWorld(plan), databases)
  close = () => academy.close()
})
afterAll(async () => {
  await close()
  await databases.drop()
})

async function tablesOf(owner: ServiceName): Promise<string[]> {
  const db = openDatabase(databases.adminUrl(owner), { max: 1 })
  const { rows } = await db.query<{ schema: string; name: string }>(
    `select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and n.nspname in ('public', 'selvedge') order by 1, 2`,
  )
  await db.close()
  return rows.map(({ schema, name }) => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`)
}

it.each(serviceNames)('the tables of %s are refused to the roles of all others', async (owner) => {
  const tables = await tablesOf(owner)
  expect(tables.length).toBeGreaterThan(15)
  for (const reader of serviceNames.filter((name) => name !== owner)) {
    const db = openDatabase(databases.urlAs(owner, reader), { max: 1 })
    const codes = new Set<string | undefined>()
    for (const table of tables) codes.add(await db.query(`select from ${table}`).then(() => 'read', errorCode))
    await db.close()
    expect([...codes], `${reader} reads ${owner}`).toEqual(['42501'])
  }
})
