import { openDatabase, publish, relay, service } from 'selvedge'
import { z } from 'zod'

const shop = service('shop')
const schema = z.object({ orderId: z.string(), total: z.number() })
const OrderPlaced = shop.event('OrderPlaced', { schemaVersion: 1, schema, key: (order) => order.orderId })

const db = openDatabase(process.env.DATABASE_URL ?? 'postgres://localhost/shop')
const events = relay(db, { send: async (batch) => console.log(batch.map((event) => [event.type, event.data])) })
await events.start()

await db.transaction(async (tx) => {
  await tx.query('insert into orders (id, total) values ($1, $2)', ['42', 99])
  await publish(tx, OrderPlaced, { orderId: '42', total: 99 })
})
process.once('SIGTERM', () => events.stop().then(() => db.close()))
