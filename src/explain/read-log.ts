/**
 * What the tables of Selvedge tell about streams, in the database of one service.
 *
 * As owner: its log and its head. As consumer: what waits, what was skipped, what its positions cover, which version a
 * stream has reached, which values lost a conflict. A database without our tables tells nothing, and that is no failure.
 */
import type { PostgresSource } from '../check/sources/postgres.ts'
import type { Moment } from '../observe/observe.ts'
import { type Queryable, quoteIdentifier, quoteLiteral } from '../store/store.ts'

/** An event of a log, with what decides whether a position covers it. */
export interface LogFact {
  readonly source: string
  readonly stream: string
  readonly version: number
  readonly seq: string
  readonly xid: string
  readonly lane: number
  readonly type: string
  readonly id: string
}

/** What one owner's log holds about the streams. */
export interface OwnerFacts {
  readonly moments: readonly Moment[]
  readonly events: readonly LogFact[]
}

/** A stream with more events than this is told by its newest ones. */
const eventsMax = 200

/** Which of our tables are there. */
export async function ourTables(source: PostgresSource): Promise<ReadonlySet<string>> {
  const schema = quoteLiteral(source.schema)
  const sql = `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = ${schema} and c.relkind in ('r', 'p')`
  const { rows } = await source.read((snapshot) => snapshot.query<{ name: string }>(sql))
  return new Set(rows.map((row) => row.name))
}

interface LogRow {
  readonly stream: string
  readonly version: string
  readonly seq: string
  readonly xid: string
  readonly lane: number
  readonly type: string
  readonly id: string
  readonly op: string
  readonly at: Date
  readonly tick: string | null
  readonly traceparent: string | null
  readonly data: unknown
}

/** The events of the streams in this owner's log, newest `eventsMax` of each read. */
export async function readOwner(source: PostgresSource, streams: readonly string[]): Promise<OwnerFacts> {
  const s = quoteIdentifier(source.schema)
  const { rows } = await source.read((snapshot) =>
    snapshot.query<LogRow>(
      `select l.stream, l.version, l.seq, l.xid::text as xid, l.lane, l.type, l.id, l.op, l.at, l.traceparent, l.data,
         (select t.id from ${s}.tick t where t.seq_hi >= l.seq and pg_visible_in_snapshot(l.xid, t.snapshot) order by t.seq_hi, t.id limit 1) as tick
       from ${s}.log l where l.stream = any($1::text[]) order by l.seq desc limit ${eventsMax}`,
      [streams],
    ),
  )
  const events = rows.map(({ stream, version, seq, xid, lane, type, id }) => ({
    ...{ source: source.service, stream, version: Number(version) },
    ...{ seq, xid, lane, type, id },
  }))
  const moments = rows.map(
    (row): Moment => ({
      kind: 'published',
      service: source.service,
      at: row.at,
      op: opNames[row.op] ?? row.op,
      event: { source: source.service, stream: row.stream, version: Number(row.version), type: row.type, id: row.id },
      ...(row.tick === null ? {} : { tick: Number(row.tick) }),
      ...(row.traceparent === null ? {} : { traceparent: row.traceparent }),
      data: row.data,
    }),
  )
  return { moments, events }
}

const opNames: Readonly<Record<string, string>> = { e: 'event', u: 'state', d: 'tombstone', x: 'erase' }

/** Writes of owned rows that published nothing, where the service captures them. */
export async function readSilentWrites(source: PostgresSource, entity: string, key: string): Promise<Moment[]> {
  const s = quoteIdentifier(source.schema)
  const { rows } = await source.read((snapshot) =>
    snapshot.query<{ table: string; at: Date }>(
      `select c."table", c.at from ${s}.capture c join ${s}.captured_table t using ("table")
       where t.entity = $1 and c.key = $2 and not exists (select from ${s}.log l where l.xid = c.xid and l.stream = (t.entity || '/' || c.key) collate "C")
       order by c.at desc limit ${eventsMax}`,
      [entity, key],
    ),
  )
  return rows.map(({ table, at }) => ({ kind: 'written-behind', service: source.service, at, table }))
}

/** What waits here of the streams, and what a person left out. */
export async function readWaiting(source: PostgresSource, streams: readonly string[]): Promise<Moment[]> {
  const s = quoteIdentifier(source.schema)
  const service = source.service
  return source.read(async (snapshot) => {
    const parked = await snapshot.query<Waiting & { attempts: number; error: { message?: string; code?: string } }>(
      `select p.consumer, p.source, p.stream, p.attempts, p.error, e.version, coalesce(e.at, p.at) as at
       from ${s}.parked_stream p left join ${s}.parked_event e using (consumer, source, stream)
       where p.stream = any($1::text[]) order by e.version limit ${eventsMax}`,
      [streams],
    )
    const skipped = await snapshot.query<Waiting & { by: string; reason: string }>(
      `select consumer, source, stream, version, by, reason, at from ${s}.skipped_event where stream = any($1::text[]) limit ${eventsMax}`,
      [streams],
    )
    return [
      ...parked.rows.map(
        (row): Moment => ({
          kind: 'parked',
          service,
          ...placed(row),
          attempts: row.attempts,
          error: row.error.message ?? row.error.code ?? 'unknown',
        }),
      ),
      ...skipped.rows.map(
        (row): Moment => ({
          kind: 'released',
          service,
          ...placed(row),
          by: `${row.by}, who skipped it: ${row.reason}`,
        }),
      ),
    ]
  })
}

interface Waiting {
  readonly consumer: string
  readonly source: string
  readonly stream: string
  readonly version: string | null
  readonly at: Date
}

function placed({ consumer, source, stream, version, at }: Waiting) {
  return { consumer, at, event: { source, stream, version: Number(version ?? 0) } }
}

/** The versions that streams have reached here, where messages go through the inbox. */
export async function readReached(source: PostgresSource, streams: readonly string[]): Promise<Moment[]> {
  const s = quoteIdentifier(source.schema)
  const { rows } = await source.read((snapshot) =>
    snapshot.query<Waiting & { tick: string }>(
      `select consumer, source, stream, version, tick, at from ${s}.applied where stream = any($1::text[]) limit ${eventsMax}`,
      [streams],
    ),
  )
  return rows.map((row) => ({ kind: 'applied', service: source.service, ...placed(row), tick: Number(row.tick) }))
}

/** What the positions of the consumers here cover, at the moment that the first kept position which does so was stored. */
export async function readCovered(source: PostgresSource, events: readonly LogFact[]): Promise<Moment[]> {
  const s = quoteIdentifier(source.schema)
  const { rows } = await source.read((snapshot) => snapshot.query<Covered>(coveredSql(s), [JSON.stringify(events)]))
  return rows.map(({ consumer, n, tick, at }): Moment => {
    const { source: owner, stream, version, type, id } = events[n]!
    const event = { source: owner, stream, version, type, id }
    // The relay's effect is a send, not a change of rows.
    if (consumer === relayConsumer)
      return { kind: 'sent', service: source.service, destination: 'its channel', at, event }
    return { kind: 'applied', service: source.service, consumer, at, event, tick: Number(tick) }
  })
}

/** The name under which a service's relay stands in its own log. */
const relayConsumer = 'relay'

interface Covered {
  readonly consumer: string
  readonly n: number
  readonly tick: string
  readonly at: Date
}

const coveredSql = (s: string): string => `
select p.consumer, (e.place - 1)::int as n, p.tick, p.at
from json_array_elements($1::json) with ordinality as e(event, place)
cross join lateral (
  select distinct on (p.consumer) p.consumer, coalesce(p.current_tick, p.tick) as tick, p.at from ${s}.position p
  where p.source = e.event->>'source' and p.lane = (e.event->>'lane')::int
    and (pg_visible_in_snapshot((e.event->>'xid')::xid8, p.previous)
      or (p.current is not null and pg_visible_in_snapshot((e.event->>'xid')::xid8, p.current) and p.seq >= (e.event->>'seq')::bigint))
    and not exists (select from ${s}.parked_event w where w.consumer = p.consumer and w.source = p.source
      and w.stream = (e.event->>'stream') collate "C" and w.version = (e.event->>'version')::bigint)
    and not exists (select from ${s}.skipped_event w where w.consumer = p.consumer and w.source = p.source
      and w.stream = (e.event->>'stream') collate "C" and w.version = (e.event->>'version')::bigint)
  order by p.consumer, p.n
) p`

/** Values of the entity that lost a conflict here. */
export async function readConflicts(source: PostgresSource, entity: string, key: string): Promise<Moment[]> {
  const s = quoteIdentifier(source.schema)
  const { rows } = await source.read((snapshot) =>
    snapshot.query<{ replica: string; field: string; value: unknown; version: string; source: string; at: Date }>(
      `select c.replica, c.field, c.value, c.version, c.source, c.at from ${s}.replica_conflict c join ${s}.replica r on r.name = c.replica
       where r.entity = $1 and c.key = $2 order by c.at desc limit ${eventsMax}`,
      [entity, key],
    ),
  )
  return rows.map(({ replica, field, value, at }) => ({
    kind: 'conflict',
    service: source.service,
    at,
    replica,
    field,
    lost: value,
  }))
}

/** Where copies are kept by a declared replica: its table, and how far its row of this key is. */
export interface CopyFact {
  readonly table: string
  readonly keyColumn: string
  readonly version: number | undefined
  readonly asOf: Date | undefined
}

/** The declared replicas of the entity in this database. */
export async function readCopies(source: PostgresSource, entity: string, key: string): Promise<CopyFact[]> {
  const s = quoteIdentifier(source.schema)
  const { rows } = await source.read((snapshot: Queryable) =>
    snapshot.query<{ table_name: string; key_column: string; version: string | null; changed_at: Date | null }>(
      `select r.table_name, r.key_column, w.changed_at, (select max(v) from unnest(w.versions || w.alive || w.deleted) v) as version
       from ${s}.replica r left join ${s}.replica_row w on w.replica = r.name and w.key = $2 where r.entity = $1`,
      [entity, key],
    ),
  )
  return rows.map(({ table_name, key_column, version, changed_at }) => ({
    table: table_name,
    keyColumn: key_column,
    version: version === null ? undefined : Number(version),
    asOf: changed_at ?? undefined,
  }))
}
