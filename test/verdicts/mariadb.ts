/** The same copies in MariaDB, as plain tables. */
import { milliseconds } from '../../src/base/base.ts'
import { check, type Report } from '../../src/check/check.ts'
import { replicaOf } from '../../src/invariant/invariant.ts'
import type { FreshMariadb } from '../support/mariadb.ts'
import { nameOf, type Target, type World } from './world.ts'

const types: Readonly<Record<string, string>> = {
  id: 'varchar(100)',
  course: 'varchar(100)',
  learner: 'int',
  name: 'text not null',
  email: 'text',
  score: 'decimal(9,2)',
  active: 'boolean not null',
  price: 'decimal(9,2) not null',
  note: 'text',
  since: 'datetime(6)',
}

/** Brings the rows of copies over, and checks them there against the owner in PostgreSQL. */
export async function checkInMariadb(world: World, those: readonly Target[], maria: FreshMariadb): Promise<Report> {
  for (const target of those) await bringOver(world, target, maria)
  const invariants = those.map((target) => {
    const { kind, table } = target
    const columns = Object.keys(kind.columns)
    const owner = { source: 'people', table: kind.table, key: kind.keys, columns }
    const copy = { source: 'maria', table, key: kind.keys, columns }
    return replicaOf(nameOf(target), { owner, copy }).within(milliseconds(50))
  })
  return check({ sources: { people: { url: world.urls.people }, maria: { url: maria.url } }, invariants })
}

async function bringOver(world: World, { reader, table, kind }: Target, maria: FreshMariadb): Promise<void> {
  const names = [...kind.keys, ...Object.keys(kind.columns)]
  const columns = names.map((name) => `${name} ${types[name]}`)
  await maria.run(
    `create table ${table}(${columns.join(', ')}, primary key (${kind.keys.join(', ')})) collate utf8mb4_bin`,
  )
  const read = names.map((name) =>
    name === 'since' ? `to_char(since at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as since` : name,
  )
  const { rows } = await world.readers[reader].query(`select ${read.join(', ')} from ${table}`)
  await maria.run(`insert into ${table}(${names.join(', ')}) values ?`, [
    rows.map((row) => names.map((name) => row[name])),
  ])
}
