/**
 * The smallest world that can show a lost, doubled or reordered event: items that count their moves, events that say so,
 * and a copy that counts what it was told. Every effect is `n = n + 1`, so that nothing can hide behind an upsert.
 *
 * Owner and reader share one database under two schemas, so that one SQL statement compares the copy with the log.
 */
import { z } from 'zod'
import { type Scheduler, systemScheduler } from '../../src/base/scheduler.ts'
import type { Signal } from '../../src/base/signal.ts'
import { service } from '../../src/contract/contract.ts'
import { type Consumer, consumer, type Handle, inboxMigrations, on } from '../../src/inbox/inbox.ts'
import { InboxEffect } from '../../src/inbox/inbox-effect.ts'
import { LaneLoop, Membership, SqlOwnerLog, Ticker } from '../../src/log/log.ts'
import { logMigrations } from '../../src/log/migrations.ts'
import type { Cut } from '../../src/log/position.ts'
import type { Database } from '../../src/store/database.ts'
import { migrate } from '../../src/store/migrate.ts'

export const shop = service('shop')
export const ItemMoved = shop.event('ItemMoved', {
  schemaVersion: 1,
  schema: z.object({ item: z.string(), by: z.string().optional() }),
  key: (data) => data.item,
})

/** Names of `count` items. */
export const itemNames = (count: number): string[] => Array.from({ length: count }, (_, i) => `item-${i}`)

/** The business tables of the owner, and the copy of the reader. */
export async function makeTables(owner: Database, items: readonly string[]): Promise<void> {
  await owner.query('create table item(name text primary key, n bigint not null default 0)')
  await owner.query('create table noise(id bigint generated always as identity)')
  await owner.query('insert into item(name) select unnest($1::text[])', [items])
  await owner.query(
    'create table copy(stream text collate "C" primary key, n bigint not null, last bigint not null, disorder bigint not null default 0)',
  )
}

/** Counts the event, and counts it as disorder when it is not the next of its stream. */
export const countInCopy: Handle<unknown> = (tx, event) => {
  tx.send({
    name: 'count in copy',
    text: `insert into copy as c(stream, n, last, disorder) values ($1, 1, $2, ($2::bigint <> 1)::int)
           on conflict (stream) do update set n = c.n + 1, last = $2, disorder = c.disorder + (c.last + 1 <> $2)::int`,
    values: [event.stream, event.version],
  })
}

export const countingConsumer = (name = 'copy', handle: Handle<{ item: string }> = countInCopy): Consumer =>
  consumer(name, { from: shop, handlers: [on(ItemMoved, handle)] })

/** What SQL says of log, heads, items and copy. All but `events` must be 0. */
export interface Verdict {
  readonly events: number
  readonly lost: number
  readonly doubled: number
  readonly disorder: number
  readonly notDense: number
  readonly rowsWithoutEvent: number
}

/** Compares log, heads, business rows and copy in one statement. */
export async function verdict(db: Database): Promise<Verdict> {
  const { rows } = await db.query<Record<keyof Verdict, string>>(`
    with l as (select stream, count(*) as n, max(version) as highest, count(distinct version) as versions from selvedge.log group by 1)
    select coalesce(sum(l.n), 0) as events, coalesce(sum(greatest(l.n - coalesce(c.n, 0), 0)), 0) as lost,
      coalesce(sum(greatest(c.n - coalesce(l.n, 0), 0)), 0) as doubled, coalesce(sum(c.disorder), 0) as disorder,
      count(*) filter (where h.version is distinct from l.n or l.highest is distinct from l.n or l.versions is distinct from l.n) as "notDense",
      count(*) filter (where coalesce(i.n, 0) <> coalesce(l.n, 0)) as "rowsWithoutEvent"
    from l full join copy c using (stream) full join selvedge.head h using (stream)
      full join (select ('ItemMoved/' || name) collate "C" as stream, n from item where n > 0) i using (stream)`)
  return Object.fromEntries(
    Object.entries(rows[0] ?? {}).map(([name, count]) => [name, Number(count)]),
  ) as unknown as Verdict
}

/** A verdict without a fault, for `toMatchObject`. */
export const faultless = { lost: 0, doubled: 0, disorder: 0, notDense: 0, rowsWithoutEvent: 0 }

/** The owner's log, made and ticking. */
export interface Owner {
  readonly ticker: Ticker
  readonly scheduler: Scheduler
  stop(): Promise<void>
}

export async function startOwner(database: Database, options: { readonly notify?: boolean } = {}): Promise<Owner> {
  await migrate(database, [logMigrations])
  const scheduler = systemScheduler()
  const control = database.sibling({ max: 2 })
  const ticker = new Ticker(control, scheduler, options)
  ticker.start(database.published)
  return {
    ticker,
    scheduler,
    stop: async () => {
      await ticker.stop()
      await scheduler.stop()
      await control.close()
    },
  }
}

/** How a reader reads. Small numbers force positions inside ticks. */
export interface ReaderOptions {
  readonly ticks?: Signal<Cut>
  readonly readEvents?: number
  readonly batchEvents?: number
  readonly pollMs?: number
  readonly beatMs?: number
}

/** One process's share of a consumer. */
export interface Reader {
  readonly loop: LaneLoop
  readonly effect: InboxEffect
  readonly members: Membership
  stop(): Promise<void>
}

/** Reads `source` into `own`, as `defineService` would, with the knobs that only a test turns. */
export async function startReader(
  { source, own }: { readonly source: Database; readonly own: Database },
  of: Consumer,
  options: ReaderOptions = {},
): Promise<Reader> {
  await migrate(own, [logMigrations, inboxMigrations])
  const scheduler = systemScheduler()
  const [control, reading] = [own.sibling({ max: 2 }), source.sibling({ max: 2 })]
  const members = new Membership(control, scheduler, options.beatMs === undefined ? {} : { beatMs: options.beatMs })
  await members.start()
  const log = new SqlOwnerLog(of.source, reading, options.ticks)
  await log.start()
  const effect = new InboxEffect(own, of, (entity, afterKey) => log.backfill(of.name, entity, afterKey, 1_000))
  const { readEvents, batchEvents, pollMs } = options
  const loop = new LaneLoop(
    { database: control, log, members, effect },
    {
      consumer: of.name,
      service: 'reader',
      start: of.start,
      ...(readEvents === undefined ? {} : { readEvents }),
      ...(batchEvents === undefined ? {} : { batchEvents }),
      ...(pollMs === undefined ? {} : { pollMs }),
    },
  )
  loop.start(scheduler)
  return {
    loop,
    effect,
    members,
    stop: async () => {
      await loop.stop()
      await log.stop()
      await members.stop()
      await scheduler.stop()
      await Promise.all([control.close(), reading.close()])
    },
  }
}
