/** A service in a process of its own: counts the orders of a shop until it is told to end. Arguments: shop URL, own URL. */
import { consumer, on } from '../../src/inbox/inbox.ts'
import { defineService, runUntilSignal } from '../../src/service/service.ts'
import { openDatabase } from '../../src/store/store.ts'
import { OrderPlaced, shop, stats } from './shop.ts'

const [shopUrl = '', statsUrl = ''] = process.argv.slice(2)
const database = openDatabase(statsUrl)
const source = openDatabase(shopUrl)
const service = defineService({
  contract: stats,
  database,
  sources: { shop: { database: source } },
  batchEvents: 8,
  consumers: [
    consumer('counting', {
      from: shop,
      handlers: [
        on(OrderPlaced, async (tx, event) => {
          // Slow enough that a signal always comes in the middle of a batch.
          await tx.query('update counted set n = n + 1 from (select pg_sleep(0.005)) s where stream = $1', [
            event.stream,
          ])
        }),
      ],
    }),
  ],
})
const signal = await runUntilSignal(service, {
  onRetry: (error) => console.log(`again: ${JSON.stringify(error)}`),
  started: () => {
    console.log('started')
    return async () => console.log('draining')
  },
})
await Promise.all([database.close(), source.close()])
console.log(`drained after ${signal}`)
