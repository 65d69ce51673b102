/**
 * Work A: business transactions insert an order and emit one event; a consumer keeps a copy in another database.
 *
 * 300 events warm up, 1,000 at 200 a second give latency (commit acknowledged to copy acknowledged), then 16 producers
 * run for 8 s or 20,000 events, and what is left may drain for 12 s. Events a second are applied events over the time from
 * the first begin to the last apply. An event that is missing after 9 s without progress is lost.
 */
import pg from 'pg'
import { closedLoop, nowMs, openLoop, pause, perEvent, quantile, rounded, type Usage, usage } from '../lib/measure.ts'
import { databaseUrl } from '../lib/server.ts'
import { type Bystanders, holdTransactions } from './bystanders.ts'

export interface Order {
  readonly id: number
  readonly customer: string
  readonly course: string
  readonly amount: number
  readonly version: number
}

/** One system at work. */
export interface System {
  readonly name: string
  /** The whole business transaction; resolves when its commit was acknowledged. */
  produce(order: Order): Promise<unknown>
  start(): Promise<unknown>
  stop(): Promise<unknown>
  /** What only this system can say of its result, read before it stops. */
  facts?(): Promise<Readonly<Record<string, unknown>>>
}

/** What a system is given. */
export interface Setting {
  readonly ownerUrl: string
  readonly copyUrl: string
  /** Connections that the 16 producers use, for systems that join a transaction of `pg`. */
  readonly pool: pg.Pool
  /** An idempotent upsert of one event in its own transaction. */
  apply(order: Order): Promise<void>
  /** The same for many in one statement. */
  applyMany(orders: readonly Order[]): Promise<void>
  /** For systems that apply by themselves: told after the commit that holds the effect. */
  applied(order: { readonly id: number }): void
}

export type MakeSystem = (setting: Setting) => Promise<System>

export const ownerName = 'bench_owner'
export const copyName = 'bench_copy'
export const producers = 16
const saturationMost = Number(process.env.EVENTS ?? 20_000)
const saturationMs = Number(process.env.SATURATION_MS ?? 8_000)
const drainMs = Number(process.env.DRAIN_MS ?? 12_000)
const lightEvents = Number(process.env.LIGHT_EVENTS ?? 1_000)
const lightPerSecond = 200
/** An event that has not come after this long without any other is lost, or stays away long enough to be called so. */
const lostAfterMs = 9_000
/** Ids of the phases, far apart, so that a late event of one is not counted in the next. */
const phaseIds = { warmUp: 10_000_000, light: 20_000_000, saturation: 0 }
const idsPerPhase = 10_000_000

const insertOrder = 'insert into orders(id, customer, course, amount) values ($1, $2, $3, $4)'
export const insertOrderStatement = { name: 'insert order', text: insertOrder }
export const orderValues = (order: Order): unknown[] => [order.id, order.customer, order.course, order.amount]

const upsert = `on conflict (id) do update set customer = excluded.customer, course = excluded.course, amount = excluded.amount,
  version = excluded.version, applied_at = now() where orders_copy.version < excluded.version`

export function orderOf(id: number): Order {
  return { id, customer: `learner-${id % 5000}`, course: `course-${id % 200}`, amount: (id % 1000) / 10, version: 1 }
}

/** The business transaction of a system that joins one of `pg`: begin, the order, its event, commit. */
export function emitting(
  pool: pg.Pool,
  emit: (client: pg.PoolClient, order: Order) => Promise<unknown>,
): (order: Order) => Promise<void> {
  return async (order) => {
    const client = await pool.connect()
    try {
      await client.query('begin')
      await client.query({ ...insertOrderStatement, values: orderValues(order) })
      await emit(client, order)
      await client.query('commit')
    } finally {
      client.release()
    }
  }
}

export async function freshDatabases(): Promise<pg.Client> {
  const admin = new pg.Client({ connectionString: databaseUrl('postgres') })
  await admin.connect()
  for (const name of [ownerName, copyName]) {
    await admin.query(`drop database if exists ${name} with (force)`)
    await admin.query(`create database ${name}`)
  }
  await admin.query('checkpoint')
  const columns = 'id bigint primary key, customer text not null, course text not null, amount numeric(12,2) not null'
  await run(ownerName, `create table orders(${columns}, created_at timestamptz not null default now())`)
  await run(
    copyName,
    `create table orders_copy(${columns}, version int not null, applied_at timestamptz not null default now(), times int not null default 1)`,
  )
  return admin
}

async function run(database: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl(database) })
  await client.connect()
  await client.query(sql)
  await client.end()
}

/** Counts what arrives in the phase that runs. */
class Arrivals {
  applied = 0
  doubled = 0
  lastAtMs = 0
  latencies: number[] = []
  #from = 0
  #ackedAtMs = new Map<number, number>()
  #appliedAtMs = new Map<number, number>()

  begin(fromId: number): void {
    Object.assign(this, { applied: 0, doubled: 0, latencies: [] })
    this.#from = fromId
    this.#ackedAtMs = new Map()
    this.#appliedAtMs = new Map()
  }

  arrived(id: number): void {
    if (id < this.#from || id >= this.#from + idsPerPhase) return
    if (this.#appliedAtMs.has(id)) {
      this.doubled += 1
      return
    }
    this.lastAtMs = nowMs()
    this.#appliedAtMs.set(id, this.lastAtMs)
    this.applied += 1
    const acked = this.#ackedAtMs.get(id)
    if (acked !== undefined) this.latencies.push(this.lastAtMs - acked)
  }

  /** An event that was applied before its producer heard of the commit took no time. */
  acked(id: number): void {
    this.#ackedAtMs.set(id, nowMs())
    if (this.#appliedAtMs.has(id)) this.latencies.push(0)
  }

  /** When each event was acknowledged and applied. */
  journeys(): { ackedMs: number; appliedMs: number }[] {
    return [...this.#ackedAtMs].flatMap(([id, ackedMs]) => {
      const appliedMs = this.#appliedAtMs.get(id)
      return appliedMs === undefined ? [] : [{ ackedMs, appliedMs: Math.max(ackedMs, appliedMs) }]
    })
  }

  async reach(count: number, withinMs: number): Promise<'all' | 'idle' | 'cut off'> {
    const fromMs = nowMs()
    while (this.applied < count) {
      if (nowMs() - Math.max(this.lastAtMs, fromMs) > lostAfterMs) return 'idle'
      if (nowMs() - fromMs > withinMs) return 'cut off'
      await pause(5)
    }
    return 'all'
  }
}

function settingFor(arrivals: Arrivals, producing: pg.Pool, copying: pg.Pool): Setting {
  return {
    ownerUrl: databaseUrl(ownerName),
    copyUrl: databaseUrl(copyName),
    pool: producing,
    applied: (order) => arrivals.arrived(order.id),
    async apply(order) {
      const text = `insert into orders_copy(id, customer, course, amount, version) values ($1, $2, $3, $4, $5) ${upsert}`
      await copying.query({ name: 'apply one', text, values: [...orderValues(order), order.version] })
      arrivals.arrived(order.id)
    },
    async applyMany(orders) {
      const text = `insert into orders_copy(id, customer, course, amount, version)
        select * from json_to_recordset($1) as x(id bigint, customer text, course text, amount numeric, version int) ${upsert}`
      await copying.query({ name: 'apply many', text, values: [JSON.stringify(orders)] })
      for (const order of orders) arrivals.arrived(order.id)
    },
  }
}

/** Null where the run was cut off while events still came: then nobody knows. */
const lostOf = (end: 'all' | 'idle' | 'cut off', missing: number): number | null =>
  end === 'all' ? 0 : end === 'idle' ? missing : null

/** One run of a system; resolves with its line of the results. */
export async function outboxWork(make: MakeSystem, bystanders: Bystanders = 'none'): Promise<Record<string, unknown>> {
  const admin = await freshDatabases()
  const trace = process.env.TRACE === undefined ? undefined : await import('./trace-latency.ts')
  const producing = new pg.Pool({ connectionString: databaseUrl(ownerName), max: producers })
  const copying = new pg.Pool({ connectionString: databaseUrl(copyName), max: 16 })
  const arrivals = new Arrivals()
  const system = await make(settingFor(arrivals, producing, copying))
  const one = async (id: number): Promise<void> => {
    await system.produce(orderOf(id))
    arrivals.acked(id)
  }
  await system.start()
  arrivals.begin(phaseIds.warmUp)
  await closedLoop({ most: 300, together: 4, withinMs: 30_000 }, (i) => one(phaseIds.warmUp + i))
  await arrivals.reach(300, 15_000)
  if (arrivals.applied === 0) throw new Error('nothing arrived in the warm-up')
  const held = await holdTransactions(bystanders, ownerName, copyName)

  arrivals.begin(phaseIds.light)
  await openLoop(lightEvents, lightPerSecond, (i) => one(phaseIds.light + i))
  const lightEnd = await arrivals.reach(lightEvents, 15_000)
  const light = {
    p50Ms: quantile(arrivals.latencies, 0.5),
    p99Ms: quantile(arrivals.latencies, 0.99),
    maxMs: quantile(arrivals.latencies, 1),
    lightLost: lostOf(lightEnd, lightEvents - arrivals.applied),
  }

  trace?.printSlow(arrivals.journeys())

  arrivals.begin(phaseIds.saturation)
  const before = await usage(admin)
  const startMs = nowMs()
  const sent = await closedLoop({ most: saturationMost, together: producers, withinMs: saturationMs }, (i) => one(i))
  const producedMs = nowMs() - startMs
  const end = await arrivals.reach(sent, drainMs)
  const after: Usage = await usage(admin)
  const seconds = (arrivals.lastAtMs - startMs) / 1000
  const copy = await copying.query<{ rows: number; doubled: number }>(
    `select count(*)::int as rows, coalesce(sum(times - 1), 0)::int as doubled from orders_copy where id < ${phaseIds.warmUp}`,
  )
  const result = {
    name: system.name,
    eventsPerSecond: Math.round(arrivals.applied / seconds),
    producedPerSecond: Math.round((sent / producedMs) * 1000),
    ...light,
    ...perEvent(before, after, arrivals.applied),
    sent,
    applied: arrivals.applied,
    end,
    lost: lostOf(end, sent - arrivals.applied),
    doubled: arrivals.doubled + copy.rows[0]!.doubled,
    inCopy: copy.rows[0]!.rows,
    seconds: rounded(seconds),
    ...(await system.facts?.()),
    ...(await held.release()),
  }
  await system.stop()
  await Promise.all([producing.end(), copying.end()])
  await admin.end()
  return result
}
