/**
 * Replay: a log of 1,000,000 events is read by a consumer that begins today.
 *
 * `read` reads alone; `read-one` reads one transaction of 60,000 events; `apply` runs a new consumer with everything on.
 * The log is written once, 500 events in a transaction, and kept for the next rounds; every run is a new consumer.
 */
import { z } from 'zod'
import { service } from '../src/contract/contract.ts'
import { consumer, onMany } from '../src/inbox/inbox.ts'
import { logMigrations } from '../src/log/migrations.ts'
import { positionAfter } from '../src/log/position.ts'
import { SqlOwnerLog } from '../src/log/reader.ts'
import { publish } from '../src/outbox/publish.ts'
import { defineService } from '../src/service/service.ts'
import { migrate } from '../src/store/migrate.ts'
import { type Database, openDatabase } from '../src/store/store.ts'
import { nowMs, pause, rounded } from './lib/measure.ts'
import { databaseUrl } from './lib/server.ts'

const events = Number(process.env.EVENTS ?? 1_000_000)
const eventsOfOne = 60_000
const eventsPerTransaction = 500
const streams = 5_000
const readEvents = 1024

const shop = service('shop')
const billing = service('billing')
const OrderPlaced = shop.event('OrderPlaced', {
  schemaVersion: 1,
  schema: z.object({ id: z.number(), customer: z.string(), course: z.string(), amount: z.number() }),
  key: (order) => order.customer,
})
const orderOf = (id: number) => ({
  id,
  customer: `learner-${id % streams}`,
  course: `course-${id % 200}`,
  amount: (id % 1000) / 10,
})

/** The database with a log of `count` events, written when it is not there yet. */
async function logOf(count: number, perTransaction: number): Promise<Database> {
  const name = `bench_log_${count}_${perTransaction}`
  const admin = openDatabase(databaseUrl('postgres'), { max: 1 })
  const found = await admin.query('select from pg_database where datname = $1', [name])
  if (found.rowCount === 0) {
    const unfinished = `${name}_unfinished`
    await admin.query(`drop database if exists ${unfinished} with (force)`)
    await admin.query(`create database ${unfinished}`)
    await writeLog(unfinished, count, perTransaction)
    await admin.query(`alter database ${unfinished} rename to ${name}`)
  }
  await admin.close()
  return openDatabase(databaseUrl(name), { max: 2 })
}

async function writeLog(name: string, count: number, perTransaction: number): Promise<void> {
  const database = openDatabase(databaseUrl(name), { max: 2 })
  await migrate(database, [logMigrations])
  for (let from = 0; from < count; from += perTransaction) {
    await database.transaction(async (tx) => {
      for (let id = from; id < Math.min(count, from + perTransaction); id++) await publish(tx, OrderPlaced, orderOf(id))
    })
    // Ticks as a busy service makes them, so that merging them is part of the work.
    await database.query('select selvedge.tick()')
    if ((from / perTransaction) % 100 === 0) await database.query('select selvedge.extend_log()')
  }
  await database.query('analyze')
  await database.close()
}

/** How much the process holds at most; half a million of events in memory would show here. */
const residentMiBMost = (): number => Math.round(process.resourceUsage().maxRSS / 1024)

async function read(count: number, perTransaction: number): Promise<Record<string, unknown>> {
  const database = await logOf(count, perTransaction)
  const log = new SqlOwnerLog('shop', database)
  const name = `reader-${Date.now()}`
  let { position } = await log.register(name, 'billing', 'beginning')
  const startMs = nowMs()
  let found = 0
  let longestMs = 0
  for (;;) {
    const beforeMs = nowMs()
    const reading = await log.batch(name, position, undefined, readEvents)
    if (!reading) break
    longestMs = Math.max(longestMs, nowMs() - beforeMs)
    found += reading.events.length
    const lastSeq = reading.events.at(-1)?.seq ?? 0
    position = positionAfter(position, reading.cut, { complete: reading.complete, lastSeq })
  }
  const seconds = (nowMs() - startMs) / 1000
  await database.query('delete from selvedge.consumer where name = $1', [name])
  await database.close()
  return {
    name: `read ${count} events, ${perTransaction} in a transaction`,
    eventsPerSecond: Math.round(found / seconds),
    longestReadMs: rounded(longestMs),
    lost: count - found,
    seconds: rounded(seconds),
    residentMiBMost: residentMiBMost(),
  }
}

async function apply(): Promise<Record<string, unknown>> {
  const source = await logOf(events, eventsPerTransaction)
  const admin = openDatabase(databaseUrl('postgres'), { max: 1 })
  await admin.query('drop database if exists bench_replayed with (force)')
  await admin.query('create database bench_replayed')
  await admin.close()
  const database = openDatabase(databaseUrl('bench_replayed'))
  await database.query(
    'create table orders_copy(id bigint primary key, customer text not null, course text not null, amount numeric(12,2) not null, times int not null default 1)',
  )
  let applied = 0
  let lastAtMs = 0
  const name = `replay-${Date.now()}`
  const copy = consumer(name, {
    from: shop,
    handlers: [
      onMany([OrderPlaced], (tx, many) => {
        tx.send({
          name: 'copy orders',
          text: `insert into orders_copy select * from json_to_recordset($1) as x(id bigint, customer text, course text, amount numeric)
            on conflict (id) do update set times = orders_copy.times + 1`,
          values: [JSON.stringify(many.map((event) => event.data))],
        })
        tx.afterCommit(() => {
          applied += many.length
          lastAtMs = nowMs()
        })
      }),
    ],
  })
  const reader = defineService({
    contract: billing,
    database,
    consumers: [copy],
    sources: { shop: { database: source } },
  })
  const startMs = nowMs()
  await reader.start()
  while (applied < events && nowMs() - Math.max(lastAtMs, startMs) < 10_000) await pause(10)
  const { rows } = await database.query<{ rows: string; doubled: string }>(
    'select count(*) as rows, coalesce(sum(times - 1), 0) as doubled from orders_copy',
  )
  const result = {
    name: `replay ${events} events into a new consumer`,
    eventsPerSecond: Math.round(applied / ((lastAtMs - startMs) / 1000)),
    lost: events - Number(rows[0]!.rows),
    doubled: Number(rows[0]!.doubled),
    seconds: rounded((lastAtMs - startMs) / 1000),
    residentMiBMost: residentMiBMost(),
  }
  await reader.stop()
  await source.query('delete from selvedge.consumer where name = $1', [name])
  await source.close()
  await database.close()
  return result
}

export const variants = {
  read: () => read(events, eventsPerTransaction),
  'read-one': () => read(eventsOfOne, eventsOfOne),
  apply,
}
