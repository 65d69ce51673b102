import { expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { service } from '../contract/contract.ts'
import { publish } from '../outbox/outbox.ts'
import { migrate } from '../store/migrate.ts'
import { capture, captureMigrations, silentWrites, trimCapture } from './capture.ts'
import { logMigrations } from './migrations.ts'
import { dropReadPartitions } from './upkeep.ts'

const shop = service('shop')
const Sold = shop.event('Sold', { schemaVersion: 1, schema: z.object({ id: z.string() }), key: (data) => data.id })

test('a write without an event is told, one whose event retention has dropped is not, and no more is kept than that takes', async () => {
  const db = await (await freshDatabase()).connect()
  await migrate(db, [logMigrations, captureMigrations])
  await db.query('create table sale(id text primary key)')
  await capture(db, { table: 'sale', key: 'id', entity: 'Sold' })
  const sell = (id: string): Promise<void> =>
    db.transaction(async (tx) => {
      await tx.query('insert into sale values ($1)', [id])
      await publish(tx, Sold, { id })
    })
  const tick = (): Promise<unknown> => db.query('select selvedge.tick()')
  const silent = async (): Promise<readonly string[]> => (await silentWrites(db)).map((write) => write.key)
  const captured = async (): Promise<readonly string[]> =>
    (await db.query<{ key: string }>('select key from selvedge.capture order by key')).rows.map((row) => row.key)

  await sell('told')
  await db.query(`insert into sale values ('silent')`)
  expect(await silent()).toEqual(['silent'])
  expect(await trimCapture(db, 60_000), 'nothing is that old').toBe(0)
  expect(await trimCapture(db, 0)).toBe(1)
  expect(await captured(), 'what is a finding stays').toEqual(['silent'])

  await db.query(`select setval('selvedge.log_seq', selvedge.partition_rows())`)
  await db.query('select selvedge.extend_log()')
  for (const id of ['later', 'latest']) {
    await tick()
    await sell(id)
  }
  // A transaction of another test on this server holds the floor down for as long as it is open.
  const isDropped = async (): Promise<boolean> => {
    await tick()
    return (await dropReadPartitions(db, 0)).includes('log_0')
  }
  await waitFor(isDropped, { within: 25_000, every: 100, what: 'the partition that all have read is dropped' })
  await db.query(`insert into sale values ('silent again')`)
  expect(await silent()).toEqual(['silent again'])
  await trimCapture(db, 60_000)
  expect(await captured(), 'what may be judged no more is gone').toEqual(['later', 'latest', 'silent again'])
})
