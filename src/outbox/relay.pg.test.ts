/** The outbox alone: a pool that the user already has, and a function that takes what was published. */
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { startMsMax, startProcess } from '../../test/support/process.ts'
import { OrderPlaced } from '../../test/support/shop.ts'
import { startTcpProxy } from '../../test/support/tcp-proxy.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { signal } from '../base/signal.ts'
import type { LoggedEvent } from '../log/event.ts'
import { logMigrations } from '../log/migrations.ts'
import { fromPg } from '../store/borrow/pg.ts'
import { migrate } from '../store/store.ts'
import { publish, type Relay, type RelayOptions, relay } from './outbox.ts'

interface Bench {
  readonly database: FreshDatabase
  readonly pool: pg.Pool
  /** A relay whose `send` remembers, stopped with the test. */
  relay(options?: Partial<RelayOptions>, over?: pg.Pool | string): { readonly relay: Relay; readonly sent: string[] }
  /** Publishes one event per order in one transaction of the user's own client. */
  place(orders: readonly string[], told?: Relay['published']): Promise<void>
}

async function makeBench(max = 4): Promise<Bench> {
  const database = await freshDatabase()
  const pool = new pg.Pool({ connectionString: database.url, max })
  pool.on('error', () => undefined)
  onTestFinished(() => pool.end())
  return {
    database,
    pool,
    relay: (options = {}, over = pool) => {
      const sent: string[] = []
      const made = relay(over, { send: async (batch) => void sent.push(...batch.map(nameOf)), ...options })
      onTestFinished(() => made.stop())
      return { relay: made, sent }
    },
    place: async (orders, published = signal()) => {
      const client = await pool.connect()
      try {
        await client.query('begin')
        const tx = fromPg(client, { published })
        for (const orderId of orders) await publish(tx, OrderPlaced, { orderId })
        await client.query('commit')
      } finally {
        client.release()
      }
    },
  }
}

const nameOf = (event: Pick<LoggedEvent, 'stream' | 'version'>) => `${event.stream} ${event.version}`

/** The versions of each stream in the order in which they came. */
function byStream(sent: readonly string[]): Map<string, number[]> {
  const streams = new Map<string, number[]>()
  for (const line of sent) {
    const [stream = '', version] = line.split(' ')
    streams.set(stream, [...(streams.get(stream) ?? []), Number(version)])
  }
  return streams
}

/** Nothing is missing, and what is repeated was sent before: a receiver that keeps the highest version misses nothing. */
function assertInOrder(sent: readonly string[], upTo: number): void {
  for (const [stream, versions] of byStream(sent)) {
    let highest = 0
    for (const version of versions) {
      expect(version, `${stream} after ${highest}`).toBeLessThanOrEqual(highest + 1)
      highest = Math.max(highest, version)
    }
    expect(highest, stream).toBe(upTo)
  }
}

const streams = ['a', 'b', 'c', 'd', 'e']

test('what is published in a plain pg transaction is sent once, in the order of each stream, also by a pool of one', async () => {
  const { relay, place } = await makeBench(1)
  const { relay: events, sent } = relay()
  await events.start()

  for (let n = 0; n < 20; n++) await place(streams)
  await waitFor(() => sent.length >= 100, { within: 20_000, what: 'all events' })

  expect(byStream(sent)).toEqual(
    new Map(streams.map((name) => [`Order/${name}`, Array.from({ length: 20 }, (_, n) => n + 1)])),
  )
  await waitFor(() => events.sent === 100, { within: 20_000, what: 'the stored position' })
})

test('what was rolled back is never sent', async () => {
  const { relay, pool, place } = await makeBench()
  const { relay: events, sent } = relay()
  await events.start()
  const client = await pool.connect()

  await client.query('begin')
  await publish(fromPg(client), OrderPlaced, { orderId: 'undone' })
  await client.query('rollback')
  client.release()
  await place(['done'])
  await waitFor(() => sent.length > 0, { within: 20_000 })

  expect(sent).toEqual(['Order/done 1'])
})

test('a relay that is told of a borrowed publish does not wait for its poll', async () => {
  const { relay, place } = await makeBench()
  const { relay: events, sent } = relay({ ticker: { pollMs: 20_000 }, pollMs: 20_000 })
  await events.start()
  await place(['a'], events.published)

  await waitFor(() => sent.length === 1, { within: 20_000, what: 'the event long before the poll' })
})

test('a send that rejects gets the same events again after growing pauses, and nothing passes them', async () => {
  const { relay, place } = await makeBench()
  const calls: { readonly atMs: number; readonly first: string }[] = []
  const sent: string[] = []
  const { relay: events } = relay({
    send: async (batch) => {
      calls.push({ atMs: performance.now(), first: nameOf(batch[0] as LoggedEvent) })
      if (calls.length <= 4) throw new Error('the broker is away')
      sent.push(...batch.map(nameOf))
    },
  })
  await events.start()
  for (let n = 0; n < 10; n++) await place(streams)
  await waitFor(() => sent.length >= 50, { within: 15_000, what: 'the events after the broker is back' })

  assertInOrder(sent, 10)
  expect(sent).toHaveLength(50)
  expect(new Set(calls.slice(0, 5).map((call) => call.first)).size).toBe(1)
  const pauses = calls.slice(1, 5).map((call, n) => call.atMs - calls[n]!.atMs)
  expect(pauses[0]).toBeGreaterThan(50)
  // 800 ms of its own, were the machine never late; a late first pause must not look like growth that is missing.
  expect(pauses[3]).toBeGreaterThan(400)
})

test('a connection lost between the send and its position sends the batch again', async () => {
  const { relay, place, database } = await makeBench()
  const proxy = await startTcpProxy(database.url)
  const sent: string[] = []
  const { relay: events } = relay(
    {
      send: async (batch) => {
        sent.push(...batch.map(nameOf))
        if (sent.length === batch.length) proxy.cut()
      },
    },
    proxy.url(),
  )
  await events.start()
  await place(['a', 'a', 'a'])

  await waitFor(() => sent.length >= 6, { within: 10_000, what: 'the repetition' })
  expect(sent.slice(0, 6)).toEqual([1, 2, 3, 1, 2, 3].map((version) => `Order/a ${version}`))
  await events.stop()
  await proxy.close()
})

test('relays killed at any moment lose nothing and keep the order', async () => {
  const { relay, place, database } = await makeBench()
  await migrate(await database.connect(), [logMigrations])
  for (let n = 0; n < 60; n++) await place(streams)
  const sent: string[] = []
  for (const after of [9, 64]) {
    const child = startProcess(new URL('../../test/support/run-relay.ts', import.meta.url), {
      arguments: [database.url],
    })
    await waitFor(() => child.lines().length > after, { within: startMsMax, what: `${after} lines` })
    child.signal('SIGKILL')
    await child.ended
    sent.push(...child.lines().filter((line) => line.startsWith('Order/')))
  }
  const killed = new Set(sent).size

  const last = relay()
  await last.relay.start()
  await waitFor(() => new Set([...sent, ...last.sent]).size === 300, { within: 15_000, what: 'the rest' })

  assertInOrder([...sent, ...last.sent], 60)
  expect(killed).toBeGreaterThan(64)
  // At most the batch in flight of each killed relay came twice.
  expect(sent.length + last.sent.length).toBeLessThanOrEqual(300 + 2 * 8)
}, 150_000)

test('a relay that was stopped leaves nothing to repeat, and what it opened closed', async () => {
  const { relay, place, database, pool } = await makeBench()
  const first = relay({}, database.url)
  await first.relay.start()
  await place(streams)
  await waitFor(() => first.sent.length === 5, { within: 20_000 })
  await first.relay.stop()
  await first.relay.stop()
  const sessions = "select from pg_stat_activity where datname = $1 and application_name = 'selvedge'"
  await waitFor(async () => (await pool.query(sessions, [database.name])).rowCount === 0, {
    within: 20_000,
    what: 'the end of what the relay opened',
  })

  const second = relay()
  await second.relay.start()
  await place(['f'])
  await waitFor(() => second.sent.length > 0, { within: 20_000 })

  expect(second.sent).toEqual(['Order/f 1'])
})

test('relays of two names send everything each; a new one may leave out what was before it', async () => {
  const { relay, place, database } = await makeBench()
  await migrate(await database.connect(), [logMigrations])
  await place(['a'])
  const [all, other, late] = [relay({ name: 'all' }), relay({ name: 'other' }), relay({ name: 'late', start: 'now' })]
  await all.relay.start()
  await other.relay.start()
  await waitFor(() => all.sent.length + other.sent.length === 2, { within: 20_000 })
  await late.relay.start()
  await waitFor(
    async () => (await (await database.connect()).query("select from selvedge.consumer where name = 'late'")).rowCount,
    {
      within: 20_000,
    },
  )
  await place(['b'])
  await waitFor(() => all.sent.length + other.sent.length + late.sent.length === 5, { within: 20_000 })

  expect(all.sent).toEqual(['Order/a 1', 'Order/b 1'])
  expect(other.sent).toEqual(all.sent)
  expect(late.sent).toEqual(['Order/b 1'])
})

test('a start without a database fails, leaves nothing running, and may be tried again', async () => {
  const { relay, place, database } = await makeBench()
  const proxy = await startTcpProxy(database.url)
  const { relay: events, sent } = relay({}, proxy.url())
  proxy.cut(true)

  await expect(events.start()).rejects.toMatchObject({ code: 'store/unreachable' })
  proxy.restore()
  await events.start()
  await place(['a'])
  await waitFor(() => sent.length === 1, { within: 20_000 })

  await events.stop()
  await proxy.close()
})
