import { expect, test } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { migrate } from '../store/migrate.ts'
import type { Database } from '../store/store.ts'
import { checkEpoch } from './epoch.ts'
import { logMigrations } from './migrations.ts'

test('of two processes that start after a restore one begins the new epoch, and the other leaves what is in it alone', async () => {
  const db = await (await freshDatabase()).connect()
  await migrate(db, [logMigrations])
  await db.query(`update selvedge.epoch set system_identifier = 'another cluster'`)
  let goOn = (): void => undefined
  const held = new Promise<void>((resolve) => {
    goOn = resolve
  })
  let hasDecided = (): void => undefined
  const decided = new Promise<void>((resolve) => {
    hasDecided = resolve
  })
  const late: Database = {
    schema: db.schema,
    clock: db.clock,
    published: db.published,
    query: db.query.bind(db),
    listen: db.listen.bind(db),
    sibling: db.sibling.bind(db),
    close: async () => undefined,
    transaction: async (work, options) => {
      hasDecided()
      await held
      return db.transaction(work, options)
    },
  }
  const second = checkEpoch(late)
  await decided
  expect(await checkEpoch(db)).toMatchObject({ kind: 'new' })
  await db.query(`select selvedge.register('reader', 'progress', 'now')`)
  goOn()
  expect(await second).toMatchObject({ kind: 'new' })
  const { rows } = await db.query(
    `select (select max(epoch) from selvedge.epoch) as epoch, c.state, c.tick <= (select max(id) from selvedge.tick) as known from selvedge.consumer c`,
  )
  expect(rows).toEqual([{ epoch: 2, state: 'live', known: true }])
})
