import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { systemScheduler } from '../base/base.ts'
import { service } from '../contract/contract.ts'
import { type OwnerLog, SqlOwnerLog } from '../log/reader.ts'
import { publish } from '../outbox/outbox.ts'
import { defineService, type RunningService, type Source } from '../service/service.ts'
import type { Database } from '../store/store.ts'
import { type Channel, memoryChannel, type Packet } from '../transport/transport.ts'
import { consumer, on } from './inbox.ts'

const user = service('user')
const Renamed = user.event('Renamed', {
  schemaVersion: 1,
  schema: z.object({ userId: z.string(), n: z.number() }),
  key: (data) => data.userId,
})
const progress = service('progress')

/** Counts what is asked of the owner, so that a test can claim that nothing was. */
function counted(log: OwnerLog): OwnerLog & { reads: number; gaps: number } {
  const counts = { reads: 0, gaps: 0 }
  return Object.assign(Object.create(log) as OwnerLog, {
    get reads() {
      return counts.reads
    },
    get gaps() {
      return counts.gaps
    },
    register: log.register.bind(log),
    acknowledge: log.acknowledge.bind(log),
    start: log.start.bind(log),
    stop: log.stop.bind(log),
    source: log.source,
    woken: log.woken,
    batch: (...parts: Parameters<OwnerLog['batch']>) => {
      counts.reads += 1
      return log.batch(...parts)
    },
    gap: (...parts: Parameters<OwnerLog['gap']>) => {
      counts.gaps += 1
      return log.gap(...parts)
    },
  }) as OwnerLog & { reads: number; gaps: number }
}

/** A channel that does to packets what `fault` says: gives back what is really sent, in which order. */
function faulty(channel: Channel, fault: (packets: readonly Packet[]) => readonly Packet[]): Channel {
  return {
    send: (packets) => channel.send(fault(packets)),
    subscribe: (name, handler) => channel.subscribe(name, handler),
    close: () => channel.close(),
  }
}

interface World {
  readonly owner: Database
  readonly reader: Database
  readonly ownerLog: OwnerLog & { reads: number; gaps: number }
  fault: (packets: readonly Packet[]) => readonly Packet[]
  readonly services: readonly RunningService[]
  readonly close: () => Promise<void>
}

async function world(options: { readonly pollMs: number }): Promise<World> {
  const [ownerDatabase, readerDatabase] = [await freshDatabase(), await freshDatabase()]
  const owner = await ownerDatabase.connect()
  const reader = await readerDatabase.connect()
  await reader.query('create table seen(user_id text, n int, times int not null default 1, primary key (user_id, n))')
  await reader.query('create table ordered(user_id text, n int, at bigserial)')
  const scheduler = systemScheduler()
  const memory = memoryChannel(scheduler)
  const state = { fault: (packets: readonly Packet[]): readonly Packet[] => packets }
  const channel = faulty(memory, (packets) => state.fault(packets))
  const ownerLog = counted(new SqlOwnerLog('user', await ownerDatabase.connect()))
  const source: Source = { log: ownerLog, channel }
  const count = consumer('count', {
    from: user,
    handlers: [
      on(Renamed, async (tx, event) => {
        await tx.query(
          'insert into seen(user_id, n) values ($1, $2) on conflict (user_id, n) do update set times = seen.times + 1',
          [event.data.userId, event.data.n],
        )
        await tx.query('insert into ordered(user_id, n) values ($1, $2)', [event.data.userId, event.data.n])
      }),
    ],
  })
  const running = [
    defineService({ contract: user, database: owner, relayTo: channel }),
    defineService({
      contract: progress,
      database: reader,
      consumers: [count],
      sources: { user: source },
      pollMs: options.pollMs,
    }),
  ]
  // The reader subscribes before the first message; what is sent earlier would be a loss of its own.
  await running[0]!.start()
  await running[1]!.start()
  return {
    owner,
    reader,
    ownerLog,
    services: running,
    get fault() {
      return state.fault
    },
    set fault(fault) {
      state.fault = fault
    },
    close: async () => {
      for (const one of [...running].reverse()) await one.stop()
      await channel.close()
      await scheduler.stop()
      for (const database of [ownerDatabase, readerDatabase]) await database.drop()
    },
  }
}

const publishMany = async (db: Database, from: number, to: number, users = 5): Promise<void> => {
  for (let n = from; n < to; n++) await db.transaction((tx) => publish(tx, Renamed, { userId: `u${n % users}`, n }))
}

const seen = async (db: Database) => {
  const { rows } = await db.query<{ rows: number; most: number; inverted: number }>(
    `select (select count(*)::int from seen) as rows, (select coalesce(max(times), 0)::int from seen) as most,
     (select count(*)::int from (select n, lag(n) over (partition by user_id order by at) as before from ordered) x where before > n) as inverted`,
  )
  return rows[0]
}

let current: World | undefined
beforeEach(() => {
  current = undefined
})
afterEach(async () => {
  await current?.close()
})
const make = async (pollMs: number): Promise<World> => {
  current = await world({ pollMs })
  return current
}
const acknowledged = async (w: World): Promise<number> =>
  Number(
    (await w.owner.query<{ tick: string }>(`select tick from selvedge.consumer where name = 'count'`)).rows[0]?.tick,
  )
const health = (w: World) => w.services[1]!.health().consumers[0]!

describe('an inbox fed by hints', () => {
  const isWhole = (w: World, rows: number) => async () => {
    const now = await seen(w.reader)
    return now?.rows === rows && now.most === 1 && now.inverted === 0
  }

  test('moves its position by punctuation, with far fewer reads of the owner than messages, while nothing is lost', async () => {
    const w = await make(60_000)
    await waitFor(() => health(w).state === 'reading', { within: 20_000 })
    const n = 5
    await publishMany(w.owner, 0, n)
    await waitFor(isWhole(w, n), { within: 10_000 })
    const before = { reads: w.ownerLog.reads, tick: await acknowledged(w) }
    await publishMany(w.owner, n, n + 200)
    await waitFor(isWhole(w, n + 200), { within: 10_000 })
    // Lanes without events are punctuated once a second, with the next tick.
    let more = n + 200
    const isMoved = async (): Promise<boolean> => {
      await publishMany(w.owner, more, ++more)
      return (await acknowledged(w)) > before.tick
    }
    await waitFor(isMoved, { within: 10_000, every: 100, what: 'the position moves by punctuation alone' })
    // A read and a punctuation that end in different ticks ask for one more read each; without punctuation it would be one a message.
    expect(w.ownerLog.reads - before.reads).toBeLessThan(100)
  })

  test('applies each event once, in order, when messages are lost, doubled and turned around', async () => {
    const w = await make(60_000)
    let k = 0
    w.fault = (packets) =>
      packets
        .flatMap((packet) =>
          packet.kind === 'message' && ++k % 7 === 0
            ? []
            : packet.kind === 'message' && k % 5 === 0
              ? [packet, packet]
              : [packet],
        )
        .reverse()
    await publishMany(w.owner, 0, 300)
    await waitFor(isWhole(w, 300), { within: 20_000 })
    expect(health(w).pulled).toBeGreaterThan(0)
    expect(health(w).duplicates).toBeGreaterThan(0)
  })

  test('sees the loss of a last message by punctuation', async () => {
    const w = await make(60_000)
    await publishMany(w.owner, 0, 10)
    await waitFor(isWhole(w, 10), { within: 10_000 })
    const before = health(w).pulled
    w.fault = (packets) => packets.filter((packet) => packet.kind !== 'message')
    await publishMany(w.owner, 10, 11)
    await waitFor(isWhole(w, 11), { within: 10_000 })
    await waitFor(() => health(w).pulled > before, { within: 20_000, what: 'it was read from the owner' })
  })

  test('reads the log after a silence, when even punctuation is lost', async () => {
    const w = await make(300)
    w.fault = () => []
    await publishMany(w.owner, 0, 20)
    await waitFor(isWhole(w, 20), { within: 10_000 })
    await waitFor(() => health(w).pulled === 20, { within: 20_000 })
  })
})
