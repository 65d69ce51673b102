/** Guarded statements on MariaDB: every kind of column comes back as it was, and any other write wins. */
import { describe, expect } from 'vitest'
import { type FreshMariadb, freshMariadb, testWithMariadb } from '../../../test/support/mariadb.ts'
import type { Side } from '../../invariant/invariant.ts'
import { mysqlWriter } from './mysql.ts'
import type { FullRow, GuardedStatement, WritableTable, Writer } from './writer.ts'

const side: Side = {
  ...{ source: 'copy', rows: { kind: 'table', table: 'things' }, key: ['id'], where: undefined, entity: undefined },
  columns: { name: 'name', price: 'price' },
}

async function things(): Promise<{
  readonly db: FreshMariadb
  readonly writer: Writer
  readonly table: WritableTable
}> {
  const db = await freshMariadb()
  await db.run(`create table things(id bigint primary key auto_increment, name varchar(20) not null, price decimal(10,2), ratio float,
    wide double, data varbinary(20), day date, at datetime(6), flags bit(5), word char(5) collate utf8mb4_general_ci,
    doc json, twice decimal(12,2) as (price * 2) stored, place point)`)
  await db.run(`insert into things(id, name, price, ratio, wide, data, day, at, flags, word, doc, place) values
    (1, 'Ada\\'s ☕', 1.5, 0.1, 1e300, x'00ff27', '2026-01-31', '2026-01-31 08:00:00.25', b'10101', 'a', '{"a": 1}', point(1, 2)),
    (2, 'Grace', null, null, null, null, null, null, null, null, null, null)`)
  const writer = mysqlWriter('copy', db.url)
  return { db, writer, table: (await writer.describe(side)) as WritableTable }
}

const run = (writer: Writer, table: WritableTable, key: string, statement: GuardedStatement) =>
  writer.write((session) => session.run(table, [key], statement))
const rowOf = (writer: Writer, table: WritableTable, key: string): Promise<FullRow | undefined> =>
  writer.write(async (session) => (await session.lock(table, [key]))[0])

describe('on MariaDB', () => {
  testWithMariadb('a row that is deleted and brought back is what it was, whatever its types', async () => {
    const { db, writer, table } = await things()
    await db.run(`update things set id = 0 where id = 2`)
    const all = () =>
      db.run('select *, hex(data) as h, hex(place) as p, flags + 0 as f, ratio + 0e0 as r from things order by id')
    const before = await all()
    for (const key of ['1', '0']) {
      const row = (await rowOf(writer, table, key))!
      expect(await run(writer, table, key, writer.deleteOf(table, [key], row))).toBeDefined()
      const back = writer.restoreOf(table, [key], { from: undefined, to: row })
      expect(await run(writer, table, key, back)).toEqual(row)
    }
    expect(await all()).toEqual(before)
    await writer.close()
  })

  testWithMariadb('an update is undone, and neither touches a row that somebody wrote', async () => {
    const { db, writer, table } = await things()
    const before = (await rowOf(writer, table, '1'))!
    const update = writer.updateOf(table, ['1'], { name: 'Lin', price: '2.5' }, before)
    const after = (await run(writer, table, '1', update))!
    expect(await db.run('select name, price from things where id = 1')).toMatchObject([{ name: 'Lin' }])
    const undo = writer.restoreOf(table, ['1'], { from: after, to: before })
    // Only the case of a case-insensitive column: the guard compares bytes.
    await db.run(`update things set word = 'A' where id = 1`)
    expect(await run(writer, table, '1', undo)).toBeUndefined()
    await db.run(`update things set word = 'a' where id = 1`)
    expect(await run(writer, table, '1', undo)).toEqual(before)
    await writer.close()
  })

  testWithMariadb('a row that came is not inserted over, and a value that does not fit fails whole', async () => {
    const { db, writer, table } = await things()
    const insert = writer.insertOf(table, ['2'], { name: 'came too late' })
    expect(await run(writer, table, '2', insert)).toBeUndefined()
    const long = writer.insertOf(table, ['3'], { name: 'x'.repeat(21) })
    await expect(run(writer, table, '3', long)).rejects.toThrow(/too long/i)
    expect(await db.run('select id from things order by id')).toHaveLength(2)
    await writer.close()
  })

  testWithMariadb('it is known which table loses rows with one that is deleted', async () => {
    const { db, writer, table } = await things()
    await db.run('create table kept(id int primary key, thing bigint, foreign key (thing) references things(id))')
    expect(await writer.takesAlong(table)).toBeUndefined()
    await db.run(
      'create table parts(id int primary key, thing bigint, foreign key (thing) references things(id) on delete cascade)',
    )
    // A writer asks once per table.
    const later = mysqlWriter('copy', db.url)
    expect(await later.takesAlong(table)).toBe('parts')
    await Promise.all([writer.close(), later.close()])
  })
})
