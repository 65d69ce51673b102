/**
 * What a held snapshot costs our tables: their bytes per event while it is held, and how long after its release they are back.
 *
 * The log itself is data and grows by its events; every other table of the schema is counted, indexes included, on both sides.
 * "Back" means that the next as many events make them no larger: dead rows are free space again, whatever the file's size.
 */
import pg from 'pg'
import { closedLoop, nowMs, pause, rounded } from '../lib/measure.ts'
import { databaseUrl } from '../lib/server.ts'
import { holdTransactions } from './bystanders.ts'
import { ours } from './ours.ts'
import { copyName, freshDatabases, orderOf, ownerName, producers } from './work.ts'

const events = Number(process.env.EVENTS ?? 20_000)
const perSecondMost = 1_000
const watchMs = Number(process.env.WATCH_MS ?? 75_000)
const lookMs = 1_000

/** Bytes and dead rows of each table, log partitions left out. */
const sizesText = `select relname as name, pg_total_relation_size(relid)::float8 as bytes, n_dead_tup::float8 as dead
  from pg_stat_user_tables where schemaname = 'selvedge' and relname !~ '^log(_\\d+)?$'`

type Sizes = Readonly<Record<string, { readonly bytes: number; readonly dead: number }>>

async function sizes(): Promise<Sizes> {
  const all = await Promise.all(
    [ownerName, copyName].map(async (name) => {
      const client = new pg.Client({ connectionString: databaseUrl(name) })
      await client.connect()
      const { rows } = await client.query<{ name: string; bytes: number; dead: number }>(sizesText)
      await client.end()
      return rows.map((row) => [`${name.replace('bench_', '')}.${row.name}`, row] as const)
    }),
  )
  return Object.fromEntries(all.flat())
}

const bytesOf = (now: Sizes): number => Object.values(now).reduce((sum, table) => sum + table.bytes, 0)
const deadOf = (now: Sizes): number => Object.values(now).reduce((sum, table) => sum + table.dead, 0)

async function growth(streams: number): Promise<Record<string, unknown>> {
  const admin = await freshDatabases()
  const producing = new pg.Pool({ connectionString: databaseUrl(ownerName), max: producers })
  let applied = 0
  const system = await ours(
    'interactive',
    streams,
  )({
    ownerUrl: databaseUrl(ownerName),
    copyUrl: databaseUrl(copyName),
    pool: producing,
    apply: async () => undefined,
    applyMany: async () => undefined,
    applied: () => {
      applied += 1
    },
  })
  await system.start()
  let next = 0
  const produce = async (count: number): Promise<void> => {
    const from = next
    next += count
    const startMs = nowMs()
    await closedLoop({ most: count, together: producers, withinMs: 600_000 }, async (i) => {
      const aheadMs = startMs + (i * 1000) / perSecondMost - nowMs()
      if (aheadMs > 0) await pause(aheadMs)
      await system.produce(orderOf(from + i))
    })
    while (applied < next) await pause(10)
  }
  await produce(2_000)
  const before = await sizes()
  const held = await holdTransactions('snapshots', ownerName, copyName)
  await produce(events)
  const during = await sizes()
  await held.release()
  const releasedMs = nowMs()
  // A trickle: upkeep of a quiet service and of a working one are both part of coming back.
  let backMs: number | undefined
  while (nowMs() - releasedMs < watchMs && backMs === undefined) {
    await produce(100)
    await pause(lookMs)
    const now = await sizes()
    if (deadOf(now) < Math.max(2_000, deadOf(before))) backMs = nowMs() - releasedMs
  }
  const released = await sizes()
  await produce(events)
  const after = await sizes()
  await system.stop()
  await producing.end()
  await admin.end()
  const grown = Object.entries(during).map(([name, { bytes }]) => [
    name,
    Math.round((bytes - before[name]!.bytes) / events),
  ])
  return {
    name: `tables beside a held snapshot, ${streams} streams`,
    events,
    bytesPerEventHeld: rounded((bytesOf(during) - bytesOf(before)) / events, 1),
    byTable: Object.fromEntries(grown.filter(([, bytes]) => bytes !== 0)),
    deadRowsHeld: deadOf(during),
    deadRowsAfter: deadOf(released),
    backAfterSeconds: backMs === undefined ? null : rounded(backMs / 1000, 1),
    bytesAtRelease: bytesOf(during),
    bytesAfterRelease: bytesOf(released),
    bytesAfterAsManyMore: bytesOf(after),
  }
}

export const variants = { '40': () => growth(40), '5000': () => growth(5_000) }
