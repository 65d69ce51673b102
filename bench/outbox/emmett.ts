/**
 * Work A by Emmett: an append to one stream per order, the order row by an inline projection of the same transaction, the copy by
 * a reactor with a checkpoint that pulls every 10 ms.
 */
import { SQL } from '@event-driven-io/dumbo'
import {
  getPostgreSQLEventStore,
  postgreSQLEventStoreConsumer,
  postgreSQLRawSQLProjection,
} from '@event-driven-io/emmett-postgresql'
import { pause } from '../lib/measure.ts'
import { type MakeSystem, type Order, outboxWork } from './work.ts'

const stopWithinMs = 3_000
interface OrderPlaced {
  readonly type: 'OrderPlaced'
  readonly data: Order
}

const emmett: MakeSystem = async (setting) => {
  const connectionString = setting.ownerUrl
  const orders = postgreSQLRawSQLProjection({
    name: 'orders',
    canHandle: ['OrderPlaced'],
    evolve: ({ data }: { data: Order }) =>
      SQL`insert into orders(id, customer, course, amount) values (${data.id}, ${data.customer}, ${data.course}, ${data.amount})`,
  } as never)
  const store = getPostgreSQLEventStore(connectionString, {
    projections: [{ type: 'inline', projection: orders }],
  } as never)
  await store.schema.migrate()
  const consumer = postgreSQLEventStoreConsumer({
    connectionString,
    pulling: { batchSize: 256, pullingFrequencyInMs: 10 },
  })
  consumer.reactor({
    processorId: 'copy',
    startFrom: 'BEGINNING',
    eachMessage: async (message: OrderPlaced) => setting.apply(message.data),
  } as never)
  return {
    name: 'Emmett, event store and reactor',
    produce: (order) => store.appendToStream(`order-${order.id}`, [{ type: 'OrderPlaced', data: order }] as never),
    async start() {
      consumer.start().catch(() => undefined)
    },
    async stop() {
      await Promise.race([consumer.close(), pause(stopWithinMs)])
      await store.close().catch(() => undefined)
    },
  }
}

export const variants = { each: () => outboxWork(emmett) }
