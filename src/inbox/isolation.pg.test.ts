import { expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { service } from '../contract/contract.ts'
import { publish } from '../outbox/outbox.ts'
import { defineService } from '../service/service.ts'
import { consumer, on } from './inbox.ts'

const shop = service('shop')
const Sold = shop.event('Sold', { schemaVersion: 1, schema: z.object({ id: z.string() }), key: (data) => data.id })

test('a lane is checked as it is at commit, also where the database’s default is a snapshot of the whole transaction', async () => {
  const database = await freshDatabase()
  const admin = await database.connect({ max: 1 })
  await admin.query(`alter database ${database.name} set default_transaction_isolation = 'repeatable read'`)
  const db = await database.connect()
  const levels: unknown[] = []
  const level = async (): Promise<unknown> =>
    (await db.query<{ level: string }>(`select current_setting('transaction_isolation') as level`)).rows[0]?.level
  expect(await level()).toBe('repeatable read')
  const handle = on(Sold, async (tx) => {
    levels.push((await tx.query(`select current_setting('transaction_isolation') as level`)).rows[0]?.level)
  })
  const running = defineService({
    contract: shop,
    database: db,
    consumers: [consumer('self', { from: shop, handlers: [handle] })],
    sources: { shop: { database: db } },
  })
  await running.start()
  await db.transaction((tx) => publish(tx, Sold, { id: '1' }))
  await waitFor(() => levels.length === 1, { within: 20_000 })
  expect(levels).toEqual(['read committed'])
  await running.stop()
})
