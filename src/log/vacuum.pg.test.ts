import { expect, test } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { migrate } from '../store/migrate.ts'
import type { Database } from '../store/store.ts'
import { logMigrations } from './migrations.ts'
import { vacuumSmallTables } from './vacuum.ts'

const deadRows = async (db: Database): Promise<number> => {
  const { rows } = await db.query<{ dead: string }>(
    `select n_dead_tup as dead from pg_stat_user_tables where schemaname = 'selvedge' and relname = 'position'`,
  )
  return Number(rows[0]?.dead)
}

test('dead positions are freed once nobody holds a snapshot, and not looked for before there are many', async () => {
  const fresh = await freshDatabase()
  const db = await fresh.connect()
  const other = await fresh.connect()
  try {
    await migrate(db, [logMigrations])
    await db.query('alter table selvedge.position set (autovacuum_enabled = off)')
    expect(await vacuumSmallTables(db)).toEqual([])

    await other.transaction(
      async (holder) => {
        await holder.query('select count(*) from selvedge.position')
        await db.query(
          `insert into selvedge.position(consumer, source, lane, n, epoch, tick, previous, seq_hi, floor_seq, fence)
           select 'c', 's', 0, n, 1, n, '3:3:', n, n, 1 from generate_series(1, 12000) n`,
        )
        await db.query('delete from selvedge.position where n < 12000')
        await waitFor(async () => (await deadRows(db)) > 10_000, { within: 15_000 })
        expect(await vacuumSmallTables(db)).toEqual(['position'])
        await waitFor(async () => (await deadRows(db)) > 10_000, { within: 20_000 })
      },
      { isolation: 'repeatable read' },
    )
    expect(await vacuumSmallTables(db)).toEqual(['position'])
    await waitFor(async () => (await deadRows(db)) < 100, { within: 15_000 })
  } finally {
    await other.close()
    await db.close()
    await fresh.drop()
  }
})
