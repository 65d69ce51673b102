/** A consumer whose events come by messages, then from the log alone, then by messages again. */
import { expect, test } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { OrderPlaced, shop, stats } from '../../test/support/shop.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { systemScheduler } from '../base/base.ts'
import { consumer, on } from '../inbox/inbox.ts'
import { publish } from '../outbox/outbox.ts'
import { type Channel, memoryChannel } from '../transport/transport.ts'
import { defineService } from './service.ts'

test('an event takes effect once, whichever way it came first', async () => {
  const [shopFresh, statsFresh] = [await freshDatabase(), await freshDatabase()]
  const [shopDb, statsDb] = [await shopFresh.connect(), await statsFresh.connect()]
  await statsDb.query('create table seen(stream text, version int)')
  const scheduler = systemScheduler()
  const channel = memoryChannel(scheduler)
  const owner = defineService({ contract: shop, database: shopDb, relayTo: channel })
  await owner.start()
  const order = (orderId: string) => shopDb.transaction((tx) => publish(tx, OrderPlaced, { orderId }))
  const counting = consumer('counting', {
    from: shop,
    handlers: [
      on(OrderPlaced, async (tx, { stream, version }) => {
        await tx.query('insert into seen values ($1, $2)', [stream, version])
      }),
    ],
  })
  const reading = async (by: { readonly channel?: Channel }, orders: readonly string[], seen: number) => {
    const sources = { shop: { database: shopDb, ...by } }
    const reader = defineService({ contract: stats, database: statsDb, consumers: [counting], sources })
    await reader.start()
    for (const id of orders) await order(id)
    const isSeen = async () => (await statsDb.query('select from seen')).rowCount >= seen
    await waitFor(isSeen, { within: 20_000, what: `${seen} effects` })
    await reader.stop()
  }

  await reading({ channel }, ['a'], 1)
  // What the channel holds meanwhile comes later.
  await reading({}, ['a', 'a', 'b'], 4)
  await reading({ channel }, ['a', 'b', 'c'], 7)

  const { rows } = await statsDb.query(`select stream || ' ' || version as event from seen order by 1`)
  const events = ['a 1', 'a 2', 'a 3', 'a 4', 'b 1', 'b 2', 'c 1'].map((event) => `Order/${event}`)
  expect(rows.map(({ event }) => event)).toEqual(events)
  await owner.stop()
  await channel.close()
  await scheduler.stop()
  await Promise.all([shopFresh.drop(), statsFresh.drop()])
})
