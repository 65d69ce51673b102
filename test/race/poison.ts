/** The others' latency beside one stream that always fails, in rounds that alternate with the same load without the failure. */

import { parkedStreams } from '../../src/inbox/inbox.ts'
import { publish } from '../../src/outbox/outbox.ts'
import type { Database } from '../../src/store/database.ts'
import { waitFor } from '../support/wait-for.ts'
import { makeWorld } from './raced.ts'
import { countInCopy, countingConsumer, ItemMoved, startReader } from './shop.ts'

/** Percentiles of one round, in milliseconds. */
export interface Round {
  readonly isPoisoned: boolean
  readonly p50: number
  readonly p99: number
}

/** What was measured. */
export interface Poison {
  readonly rounds: readonly Round[]
  /** Events of the failing stream that wait at the end. */
  readonly waiting: number
}

/** Events a second of the failing stream, and of all the others together. */
const perSecond = 200

/** Each pair of rounds has its own world: what waits of one round must not weigh on the next that is clean. */
export async function poison(options: { readonly pairs: number; readonly forMs: number }): Promise<Poison> {
  const rounds: Round[] = []
  let waiting = 0
  for (let pair = 0; pair < options.pairs; pair++)
    for (const isPoisoned of pair % 2 === 0 ? [false, true] : [true, false]) {
      const round = await oneRound(isPoisoned, options.forMs)
      rounds.push(round.round)
      waiting += round.waiting
    }
  return { rounds, waiting }
}

async function oneRound(isPoisoned: boolean, forMs: number): Promise<{ round: Round; waiting: number }> {
  const world = await makeWorld(20)
  const publishedAt = new Map<string, number>()
  const latencies: number[] = []
  const counting = countingConsumer('copy', async (tx, event) => {
    if (isPoisoned && event.data.item === 'item-0') throw new Error('always')
    await countInCopy(tx, event)
    if (event.data.item === 'item-0') return
    const key = `${event.data.item} ${event.version}`
    tx.afterCommit(() => latencies.push(performance.now() - (publishedAt.get(key) ?? Number.NaN)))
  })
  const reader = await startReader({ source: world.db, own: world.own }, counting, { ticks: world.owner.ticker.ticked })
  const next = new Map<string, number>()
  const others = world.items.slice(1)
  const one = async (item: string): Promise<void> => {
    const version = (next.get(item) ?? 0) + 1
    next.set(item, version)
    publishedAt.set(`${item} ${version}`, performance.now())
    await publishOne(world.db, item)
  }
  const beginAt = performance.now()
  const pairs = (forMs / 1_000) * perSecond
  for (let i = 0; i < pairs; i++) {
    await Promise.all([one('item-0'), one(others[i % others.length] as string)])
    await world.owner.scheduler.sleep(Math.max(0, beginAt + (i * 1_000) / perSecond - performance.now()))
  }
  // Counted where they are applied: of a commit whose answer is lost nobody here hears.
  const applied = async (): Promise<number> => {
    const { rows } = await world.own.query<{ n: number }>(
      `select coalesce(sum(n), 0)::int as n from copy where stream not like '%/item-0'`,
    )
    return rows[0]?.n ?? 0
  }
  await waitFor(async () => (await applied()) >= pairs, { within: 30_000, every: 50, what: 'the events of the others' })
  const waitingNow = async () => (await parkedStreams(world.own)).reduce((sum, report) => sum + report.events, 0)
  // The last event of the failing stream may still be on its way when the last of the others is there.
  if (isPoisoned)
    await waitFor(async () => (await waitingNow()) >= pairs, { within: 30_000, what: 'the failing stream to wait' })
  const waiting = await waitingNow()
  await reader.stop()
  await world.owner.stop()
  latencies.sort((a, b) => a - b)
  // The first events meet cold connections and plans, in both kinds of round alike.
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? Number.NaN
  return { round: { isPoisoned, p50: at(0.5), p99: at(0.99) }, waiting }
}

async function publishOne(db: Database, item: string): Promise<void> {
  await db.transaction(async (tx) => {
    tx.send('update item set n = n + 1 where name = $1', [item])
    await publish(tx, ItemMoved, { item })
  })
}

/** The median, and the distance between the least and the greatest. */
export function spread(values: readonly number[]): {
  readonly median: number
  readonly least: number
  readonly greatest: number
} {
  const sorted = [...values].sort((a, b) => a - b)
  return {
    median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    least: sorted[0] ?? Number.NaN,
    greatest: sorted.at(-1) ?? Number.NaN,
  }
}
