/** A handler that is silent for longer than the server allows a transaction to be. */
import { expect, test } from 'vitest'
import { makeWorld } from '../../test/race/raced.ts'
import { countInCopy, countingConsumer, ItemMoved, startReader } from '../../test/race/shop.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { systemScheduler } from '../base/scheduler.ts'
import { publish } from '../outbox/outbox.ts'
import { parkedStreams } from './inbox.ts'

test('a handler that loses its session by silence every time delays its own stream only', async () => {
  const world = await makeWorld(10)
  const scheduler = systemScheduler()
  await world.db.transaction(async (tx) => {
    for (const item of world.items) await publish(tx, ItemMoved, { item })
  })
  const silent = countingConsumer('copy', async (tx, event) => {
    await tx.query('select 1')
    if (event.data.item === 'item-4') await scheduler.sleep(4_000)
    await countInCopy(tx, event)
  })
  const reader = await startReader({ source: world.db, own: world.own }, silent)
  const counted = async (): Promise<number> => (await world.db.query('select from copy')).rowCount
  await waitFor(async () => (await counted()) === 9, { within: 60_000, every: 100, what: 'the nine others' })

  expect(await parkedStreams(world.own)).toMatchObject([{ stream: 'ItemMoved/item-4' }])
  await reader.stop()
  await scheduler.stop()
  await world.owner.stop()
})
