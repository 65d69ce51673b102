/**
 * How far each registered consumer is behind, as its owner sees it: what consumers acknowledged, held against the log.
 *
 * A consumer acknowledges about once a second, so the lag of a busy one is up to a second old; that of one that stopped is exact.
 */
import { recordLag } from '../observe/lag.ts'
import { metrics } from '../observe/metrics.ts'
import type { Database } from '../store/database.ts'
import { quoteIdentifier } from '../store/identifier.ts'

/** One consumer of this log. */
export interface ConsumerLag {
  readonly consumer: string
  /** The service that reads. */
  readonly service: string
  readonly state: 'live' | 'needs_snapshot'
  /** Events that it has not acknowledged: counted up to 10,000, estimated by sequence numbers beyond. */
  readonly events: number
  /** Age of the oldest of them on the owner's clock; 0 when there is none. */
  readonly behindMs: number
}

/** A look costs one index scan; counting a backlog of millions every ten seconds would be load, not insight. */
const countedMax = 10_000

/** The lag of every consumer, by name. */
export async function consumerLags(db: Database): Promise<readonly ConsumerLag[]> {
  const s = quoteIdentifier(db.schema)
  const { rows } = await db.query<{
    name: string
    service: string
    state: ConsumerLag['state']
    counted: string
    distance: string
    behind_ms: string | null
  }>({
    text: `select c.name, c.service, c.state, x.counted, l.last_value - c.seq_hi as distance, greatest(0, extract(epoch from ${s}.now() - x.oldest) * 1000) as behind_ms
      from ${s}.consumer c cross join ${s}.log_seq l cross join lateral (
        select count(*) as counted, min(at) as oldest from (
          select l.at from ${s}.log l where l.seq > c.floor_seq and not pg_visible_in_snapshot(l.xid, c.snapshot) order by l.seq limit $1) y) x
      order by c.name`,
    values: [countedMax],
    name: `selvedge lags ${db.schema}`,
  })
  return rows.map((row) => ({
    consumer: row.name,
    service: row.service,
    state: row.state,
    events: Math.max(Number(row.counted), Number(row.counted) < countedMax ? 0 : Number(row.distance)),
    behindMs: Math.round(Number(row.behind_ms ?? 0)),
  }))
}

/**
 * Records the lag of each consumer of the log of `service` as metrics. What a relay (one of `relays`) has not sent is the outbox's
 * backlog: the same fact under the name that operators look for.
 */
export function recordLags(service: string, lags: readonly ConsumerLag[], relays: readonly string[]): void {
  for (const { consumer, events, behindMs } of lags) {
    if (relays.includes(consumer)) {
      metrics.outboxPending.record(events, { service })
      metrics.outboxOldestAge.record(behindMs / 1_000, { service })
    } else recordLag({ service, consumer }, { events, behind: { milliseconds: behindMs } })
  }
}
