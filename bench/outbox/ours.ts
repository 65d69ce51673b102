/** Work A by Selvedge: `<form>-<streams>`, everything on. */
import { z } from 'zod'
import { service } from '../../src/contract/contract.ts'
import { consumer, onMany } from '../../src/inbox/inbox.ts'
import { publish, publishWith } from '../../src/outbox/publish.ts'
import { defineService } from '../../src/service/service.ts'
import { fromPg } from '../../src/store/borrow/pg.ts'
import { type Database, openDatabase } from '../../src/store/store.ts'
import {
  emitting,
  insertOrderStatement,
  type MakeSystem,
  type Order,
  orderValues,
  outboxWork,
  producers,
} from './work.ts'

type Form = 'interactive' | 'flight' | 'statement' | 'borrowed'

const shop = service('shop')
const billing = service('billing')

/** Orders that share a stream queue for its lock and get its versions 1, 2, 3 …; `0` gives every order a stream of its own. */
const streamOf = (streams: number) => (order: { readonly id: number }) =>
  streams === 0 ? `order-${order.id}` : `learner-${order.id % streams}`

const orderSchema = z.object({
  id: z.number(),
  customer: z.string(),
  course: z.string(),
  amount: z.number(),
  version: z.number(),
})

/** The effect is not idempotent: an event that came twice is counted in `times`. */
const copyOrders = {
  name: 'copy orders',
  text: `insert into orders_copy(id, customer, course, amount, version)
    select * from json_to_recordset($1) as x(id bigint, customer text, course text, amount numeric, version int)
    on conflict (id) do update set times = orders_copy.times + 1`,
}

export const ours =
  (form: Form, streams: number): MakeSystem =>
  async (setting) => {
    const OrderPlaced = shop.event('OrderPlaced', { schemaVersion: 1, schema: orderSchema, key: streamOf(streams) })
    const ownerDatabase = openDatabase(setting.ownerUrl, { max: producers })
    const copyDatabase = openDatabase(setting.copyUrl)
    const copy = consumer('copy', {
      from: shop,
      handlers: [
        onMany([OrderPlaced], (tx, events) => {
          tx.send({ ...copyOrders, values: [JSON.stringify(events.map((event) => event.data))] })
          tx.afterCommit(() => {
            for (const event of events) setting.applied(event.data)
          })
        }),
      ],
    })
    const owner = defineService({ contract: shop, database: ownerDatabase })
    const reader = defineService({
      contract: billing,
      database: copyDatabase,
      consumers: [copy],
      sources: { shop: { database: ownerDatabase, ticks: owner.ticked } },
    })
    const insert = (order: Order) => ({ ...insertOrderStatement, values: orderValues(order) })
    const produce: Record<Form, (order: Order) => Promise<unknown>> = {
      interactive: (order) =>
        ownerDatabase.transaction(async (tx) => {
          await tx.query(insert(order))
          await publish(tx, OrderPlaced, order)
        }),
      flight: (order) =>
        ownerDatabase.transaction(async (tx) => {
          tx.send(insert(order))
          await publish(tx, OrderPlaced, order)
        }),
      statement: (order) => publishWith(ownerDatabase, insert(order), OrderPlaced, order),
      // Our signal comes before their commit; the ticker looks again soon after.
      borrowed: emitting(setting.pool, (client, order) =>
        publish(fromPg(client, { published: ownerDatabase.published }), OrderPlaced, order),
      ),
    }
    return {
      name: `Selvedge, ${form}, ${streams === 0 ? 'a stream per order' : `${streams} streams`}`,
      produce: produce[form],
      async start() {
        await owner.start()
        await reader.start()
      },
      facts: () => facts(ownerDatabase),
      async stop() {
        await reader.stop()
        await owner.stop()
        await ownerDatabase.close()
        await copyDatabase.close()
      },
    }
  }

/** Dense: each stream's highest version is the number of its events. */
async function facts(database: Database): Promise<Readonly<Record<string, unknown>>> {
  const { rows } = await database.query<{ holes: string; ticks: string; events: string }>(
    `select (select count(*) from (select from selvedge.log group by stream having max(version) <> count(*)) x) as holes,
      (select count(*) from selvedge.tick) as ticks, (select count(*) from selvedge.log) as events`,
  )
  return { versionHoles: Number(rows[0]!.holes), ticks: Number(rows[0]!.ticks), logEvents: Number(rows[0]!.events) }
}

const forms: readonly Form[] = ['interactive', 'flight', 'statement', 'borrowed']
const streamCounts = { single: 1, '40': 40, '5000': 5000, each: 0 }

export const variants = Object.fromEntries(
  forms.flatMap((form) =>
    Object.entries(streamCounts).flatMap(([name, streams]) => [
      [`${form}-${name}`, () => outboxWork(ours(form, streams))],
      [`${form}-${name}-snapshots`, () => outboxWork(ours(form, streams), 'snapshots')],
      [`${form}-${name}-xid`, () => outboxWork(ours(form, streams), 'xid')],
    ]),
  ),
)
