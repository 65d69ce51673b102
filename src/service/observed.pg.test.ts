/** What an operator sees: one trace from the owner by relay to consumer, and the metrics on the way. */
import { context, metrics as otelMetrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { OrderPlaced, shop, stats } from '../../test/support/shop.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { systemScheduler } from '../base/scheduler.ts'
import { service } from '../contract/contract.ts'
import { type Consumer, consumer, on, onMany, release } from '../inbox/inbox.ts'
import { handlerTable, runHandlers } from '../inbox/run-handlers.ts'
import type { LoggedEvent } from '../log/event.ts'
import { withSpan } from '../observe/trace.ts'
import { type PublishOptions, publish, publishWith, relay } from '../outbox/outbox.ts'
import { fromPg } from '../store/borrow/pg.ts'
import type { Database } from '../store/store.ts'
import { memoryChannel } from '../transport/memory-channel.ts'
import { defineService, type RunningService, type ServiceParts } from './service.ts'

const spans = new InMemorySpanExporter()
const tracing = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
const exported = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const reader = new PeriodicExportingMetricReader({ exporter: exported, exportIntervalMillis: 3_600_000 })
const metering = new MeterProvider({ readers: [reader] })

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(tracing)
  otelMetrics.setGlobalMeterProvider(metering)
})
afterAll(async () => {
  await tracing.shutdown()
  await metering.shutdown()
  trace.disable()
  otelMetrics.disable()
  context.disable()
})
beforeEach(() => spans.reset())

function define(parts: ServiceParts): RunningService {
  const defined = defineService(parts)
  onTestFinished(() => defined.stop())
  return defined
}

async function twoDatabases(): Promise<readonly [Database, Database]> {
  const [one, other] = await Promise.all([freshDatabase(), freshDatabase()])
  return [await one.connect(), await other.connect()]
}

/** Publishes inside a span, as a request would, and gives the ids of its trace and span. */
const within = async (name: string, work: () => Promise<unknown>): Promise<{ traceId: string; spanId: string }> =>
  withSpan(name, { kind: 'server' }, async (span) => {
    await work()
    const { traceId, spanId } = span.spanContext()
    return { traceId, spanId }
  })

const place = (db: Database, orderId: string, options?: PublishOptions) =>
  db.transaction((tx) => publish(tx, OrderPlaced, { orderId }, options))

/** The finished spans of a name, and of a consumer, that link to a trace. */
const linked = (name: string, traceId: string, group?: string) =>
  spans
    .getFinishedSpans()
    .filter(
      (span) =>
        span.name === name &&
        span.attributes['messaging.consumer.group.name'] === group &&
        span.links.some((link) => link.context.traceId === traceId),
    )

test('one trace is seen at the owner, at the relay and at the consumer', async () => {
  const [shopDb, statsDb] = await twoDatabases()
  const owner = define({ contract: shop, database: shopDb })
  await owner.start()
  await define({
    contract: stats,
    database: statsDb,
    sources: { shop: { database: shopDb, ticks: owner.ticked } },
    consumers: [
      consumer('each', { from: shop, handlers: [on(OrderPlaced, () => undefined)] }),
      consumer('runs', { from: shop, handlers: [onMany([OrderPlaced], () => undefined)] }),
    ],
  }).start()
  const events = relay(shopDb, { name: 'broker', send: async () => undefined })
  onTestFinished(() => events.stop())
  await events.start()

  const request = await within('POST /orders', () => place(shopDb, '1'))

  const { rows } = await shopDb.query('select traceparent from selvedge.log')
  expect(rows).toEqual([{ traceparent: `00-${request.traceId}-${request.spanId}-01` }])
  for (const [name, group] of [['send broker'], ['process shop', 'each'], ['process shop', 'runs']] as const)
    await waitFor(() => linked(name, request.traceId, group).length === 1, { within: 20_000, what: `${name} ${group}` })
  const [send] = linked('send broker', request.traceId)
  expect(send?.links[0]?.context.spanId).toBe(request.spanId)
  expect(send?.attributes).toMatchObject({ 'messaging.destination.name': 'broker', 'messaging.operation.name': 'send' })
  expect(send?.spanContext().traceId).not.toBe(request.traceId)
  const [each] = linked('process shop', request.traceId, 'each')
  expect(each?.links.map((link) => link.context.spanId)).toEqual([request.spanId])
})

test('every way of publishing writes the active span down, and none where there is none', async () => {
  const { connect, url } = await freshDatabase()
  const shopDb = await connect()
  await define({ contract: shop, database: shopDb }).start()
  await shopDb.query('create table orders(id text)')
  const client = new pg.Client({ connectionString: url })
  await client.connect()

  const request = await within('POST /orders', async () => {
    await place(shopDb, '1')
    await shopDb.transaction(async (tx) => {
      await publish(tx, OrderPlaced, { orderId: '2' })
      await publish(tx, OrderPlaced, { orderId: '3' })
    })
    await place(shopDb, '4', { expectedVersion: 0 })
    await publishWith(shopDb, { text: 'insert into orders values ($1)', values: ['5'] }, OrderPlaced, { orderId: '5' })
    await client.query('begin')
    await publish(fromPg(client), OrderPlaced, { orderId: '6' })
    await client.query('commit')
  })
  await place(shopDb, '7')
  await client.end()

  const { rows } = await shopDb.query<{ trace: string | null; n: string }>(
    `select split_part(traceparent, '-', 2) as trace, count(*) as n from selvedge.log group by 1 order by 2`,
  )
  expect(rows).toEqual([
    { trace: null, n: '1' },
    { trace: request.traceId, n: '6' },
  ])
})

test('what a handler publishes belongs to the span of the handler, which links to the cause', async () => {
  const [shopDb, statsDb] = await twoDatabases()
  await define({ contract: shop, database: shopDb }).start()
  const counter = service('stats')
  const Counted = counter.event('Counted', {
    schemaVersion: 1,
    schema: z.object({ order: z.string() }),
    key: (data) => data.order,
  })
  await define({
    contract: counter,
    database: statsDb,
    sources: { shop: { database: shopDb } },
    consumers: [
      consumer('counting', {
        from: shop,
        handlers: [on(OrderPlaced, (tx, event) => publish(tx, Counted, { order: event.stream }))],
      }),
    ],
  }).start()

  const request = await within('POST /orders', () => place(shopDb, '1'))
  const row = await waitFor(
    async () => (await statsDb.query<{ traceparent: string }>('select traceparent from selvedge.log')).rows[0],
    { within: 20_000 },
  )

  const [handling] = await waitFor(
    () => {
      const found = linked('process shop', request.traceId, 'counting')
      return found.length > 0 ? found : undefined
    },
    { within: 20_000 },
  )
  const { traceId, spanId } = handling!.spanContext()
  expect(row.traceparent).toBe(`00-${traceId}-${spanId}-01`)
})

interface Point {
  readonly attributes: Readonly<Record<string, unknown>>
  readonly value: unknown
}

/** The newest points of a metric. */
async function points(name: string): Promise<readonly Point[]> {
  exported.reset()
  await reader.forceFlush()
  return exported
    .getMetrics()
    .flatMap((resource) => resource.scopeMetrics)
    .flatMap((scope) => scope.metrics)
    .filter((metric) => metric.descriptor.name === name)
    .flatMap((metric) => metric.dataPoints as readonly Point[])
}
async function point(name: string, attributes: Readonly<Record<string, unknown>>): Promise<unknown> {
  const found = (await points(name)).find((one) =>
    Object.entries(attributes).every(([key, value]) => one.attributes[key] === value),
  )
  return found?.value
}

function failing(isBroken: () => boolean): Consumer {
  return consumer('failing', {
    from: shop,
    handlers: [
      on(OrderPlaced, (_, event) => {
        if (isBroken() && event.stream === 'Order/bad') throw Object.assign(new Error('no'), { code: 'shop/no' })
      }),
    ],
  })
}

test('the lag of a consumer that stopped is the events it has not applied and the age of the oldest', async () => {
  const [shopDb, statsDb] = await twoDatabases()
  const owner = define({ contract: shop, database: shopDb })
  await owner.start()
  const counts = define({
    contract: stats,
    database: statsDb,
    sources: { shop: { database: shopDb } },
    consumers: [failing(() => false)],
  })
  await counts.start()
  await place(shopDb, '0')
  await waitFor(() => counts.health().consumers[0]?.applied === 1, { within: 20_000 })
  await counts.stop()
  for (let n = 1; n <= 7; n++) await place(shopDb, String(n))
  await shopDb.query("update selvedge.log set at = at - interval '90 seconds' where stream = 'Order/1'")

  owner.wake()

  const labels = { service: 'shop', consumer: 'failing' }
  await waitFor(async () => (await point('selvedge.consumer.lag', labels)) === 7, { within: 20_000 })
  expect(owner.health().readers).toMatchObject([{ consumer: 'failing', service: 'stats', state: 'live', events: 7 }])
  const behind = (await point('selvedge.consumer.lag_time', labels)) as number
  expect(behind).toBeGreaterThan(89)
  expect(behind).toBeLessThan(120)
})

test('parked streams are counted by consumer and error, and none are left when they are released', async () => {
  const [shopDb, statsDb] = await twoDatabases()
  await define({ contract: shop, database: shopDb }).start()
  let broken = true
  const parts = { contract: stats, database: statsDb, sources: { shop: { database: shopDb } } }
  const counts = define({ ...parts, consumers: [failing(() => broken)] })
  await counts.start()
  await place(shopDb, 'bad')
  await place(shopDb, 'bad')
  await waitFor(() => counts.health().consumers[0]?.parked === 1, { within: 20_000 })

  counts.wake()
  const labels = { consumer: 'failing', 'error.type': 'shop/no' }
  await waitFor(async () => (await point('selvedge.consumer.parked_keys', labels)) === 1, { within: 20_000 })
  broken = false
  await release(statsDb, 'failing')
  await waitFor(() => counts.health().consumers[0]?.parked === 0, { within: 20_000 })
  counts.wake()
  await waitFor(async () => (await point('selvedge.consumer.parked_keys', labels)) === 0, { within: 20_000 })
})

test('duplicates and the delay of what a channel carried are counted', async () => {
  const [shopDb, statsDb] = await twoDatabases()
  const scheduler = systemScheduler()
  onTestFinished(() => scheduler.stop())
  const channel = memoryChannel(scheduler)
  const twice = {
    ...channel,
    send: async (packets: Parameters<typeof channel.send>[0]) => {
      await channel.send(packets)
      await channel.send(packets)
    },
  }
  await define({ contract: shop, database: shopDb, relayTo: twice }).start()
  const counts = define({
    contract: stats,
    database: statsDb,
    sources: { shop: { database: shopDb, channel } },
    consumers: [consumer('twice', { from: shop, handlers: [on(OrderPlaced, () => undefined)] })],
  })
  await counts.start()
  await place(shopDb, '1')
  await waitFor(() => (counts.health().consumers[0]?.duplicates ?? 0) > 0, { within: 20_000 })
  await counts.stop()

  expect(await point('selvedge.inbox.duplicates', { consumer: 'twice' })).toBe(counts.health().consumers[0]?.duplicates)
  const delay = (await point('selvedge.outbox.delay', { service: 'shop' })) as { count: number; max: number }
  expect(delay.count).toBeGreaterThan(0)
  expect(delay.max).toBeLessThan(10)
  expect(await point('messaging.client.sent.messages', { 'messaging.destination.name': 'shop' })).toBeGreaterThan(0)
})

test('a relay that cannot send shows what waits, and how long', async () => {
  const [shopDb] = await twoDatabases()
  await define({ contract: shop, database: shopDb }).start()
  const send = () => Promise.reject(new Error('the broker is away'))
  const away = relay(shopDb, { name: 'away', send })
  onTestFinished(() => away.stop())
  await away.start()
  await waitFor(async () => (await shopDb.query("select from selvedge.consumer where name = 'away'")).rowCount, {
    within: 20_000,
  })
  await place(shopDb, '1')
  await place(shopDb, '2')
  await away.stop()
  const later = relay(shopDb, { name: 'away', send })
  onTestFinished(() => later.stop())
  await later.start()

  await waitFor(async () => (await point('selvedge.outbox.pending', { service: 'away' })) === 2, { within: 20_000 })
  expect(await point('selvedge.outbox.oldest_age', { service: 'away' })).toBeGreaterThan(0)
})

test('a payload that breaks its contract is counted, at publish and at receipt', async () => {
  const before = (await point('selvedge.contract.violations', { contract: 'OrderPlaced', side: 'publish' })) ?? 0
  await expect(publish(undefined as never, OrderPlaced, { orderId: 1 } as never)).rejects.toThrow()

  const counted = { contract: 'OrderPlaced', version: '1' }
  expect(await point('selvedge.contract.violations', { ...counted, side: 'publish' })).toBe((before as number) + 1)
  const broken = { type: 'OrderPlaced', schemaVersion: 1, op: 'event', data: { orderId: 1 } } as LoggedEvent
  const table = handlerTable(consumer('any', { from: shop, handlers: [on(OrderPlaced, () => undefined)] }))
  await expect(runHandlers(table, 'any', undefined as never, [broken])).rejects.toThrow()
  expect(await point('selvedge.contract.violations', { ...counted, side: 'receive' })).toBe(1)
})
