/** Reads the owner's part of the evidence. SELECT on `tick`, `log`, `head` and `epoch` is all it needs. */
import { type Queryable, quoteIdentifier } from '../../store/store.ts'
import type { EventFact, OwnerEvidence, StreamFact } from './evidence.ts'
import { parseSnapshot } from './snapshot.ts'

/** Newest events read of each stream: enough to know what the log says of each field, few enough for hot streams. */
const eventsPerStream = 64

interface TickRow {
  readonly now: Date
  readonly epoch: number
  readonly id: string | null
  readonly at: Date | null
  readonly snapshot: string | null
}

interface EventRow {
  readonly stream: string
  readonly head: string
  readonly version: string | null
  readonly seq: string
  readonly xid: string
  readonly lane: number
  readonly op: string
  readonly type: string
  readonly schema_version: number
  readonly at: Date
  readonly data: unknown
}

/** What the owner's log says of some streams, in the snapshot of `snapshot`. */
export async function readOwner(
  snapshot: Queryable,
  schema: string,
  streams: readonly string[],
): Promise<OwnerEvidence> {
  const s = quoteIdentifier(schema)
  const [ticks, events] = await Promise.all([
    snapshot.query<TickRow>(
      `select ${s}.now() as now, (select max(epoch) from ${s}.epoch) as epoch, t.id::text, t.at, t.snapshot::text
       from (select 1) as one left join (select id, at, snapshot from ${s}.tick order by id desc limit 1) t on true`,
    ),
    snapshot.query<EventRow>(
      `select h.stream, h.version::text as head, e.*
       from ${s}.head h left join lateral (
         select l.version::text, l.seq::text, l.xid::text, l.lane, l.op::text, l.type, l.schema_version, l.at, l.data
         from ${s}.log l where l.stream = h.stream order by l.version desc limit ${eventsPerStream}) e on true
       where h.stream = any($1::text[] collate "C") order by h.stream, e.version::bigint desc`,
      [streams],
    ),
  ])
  const [row] = ticks.rows
  const tick = row?.snapshot
    ? { id: Number(row.id), atMs: row.at?.getTime() ?? 0, snapshot: parseSnapshot(row.snapshot) }
    : undefined
  return { nowMs: row?.now.getTime() ?? 0, epoch: row?.epoch ?? 1, tick, streams: streamsOf(events.rows) }
}

function streamsOf(rows: readonly EventRow[]): ReadonlyMap<string, StreamFact> {
  const streams = new Map<string, { version: number; events: EventFact[] }>()
  for (const row of rows) {
    const known = streams.get(row.stream) ?? { version: Number(row.head), events: [] }
    streams.set(row.stream, known)
    // Retention may have dropped all events of a stream whose head is still there.
    if (row.version !== null) known.events.push(eventOf(row, row.version))
  }
  return streams
}

function eventOf(row: EventRow, version: string): EventFact {
  const { lane, op, type, data } = row
  return {
    version: Number(version),
    seq: BigInt(row.seq),
    xid: BigInt(row.xid),
    lane,
    op,
    type,
    schemaVersion: row.schema_version,
    atMs: row.at.getTime(),
    data,
  }
}

/** How long the oldest event that no tick shows has waited, when the newest tick is older still; undefined when all is cut. */
export async function silentForMs(snapshot: Queryable, schema: string): Promise<number | undefined> {
  const s = quoteIdentifier(schema)
  // By seq from the tick's floor on, as readers do: an index range, however long the log is.
  const { rows } = await snapshot.query<{ waited: number | null }>(
    `select (extract(epoch from least(${s}.now() - min(l.at), ${s}.now() - max(t.at))) * 1000)::float8 as waited
     from (select at, floor_seq, snapshot from ${s}.tick order by id desc limit 1) t
     join ${s}.log l on l.seq > t.floor_seq and not pg_visible_in_snapshot(l.xid, t.snapshot)`,
  )
  return rows[0]?.waited ?? undefined
}
