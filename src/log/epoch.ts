/**
 * Epochs: a restore, a failover that lost its tail, or a logical copy starts transaction ids and sequences anew, and what a consumer
 * has seen may no longer exist. That is reported as an event of operations, never passed over.
 *
 *     same cluster, newest tick not in the future --> go on
 *     another system identifier, or a tick whose snapshot lies beyond the present transaction id --> new epoch
 */
import type { Database } from '../store/database.ts'
import { quoteIdentifier } from '../store/identifier.ts'

/** What a look at the cluster told. */
export interface EpochFacts {
  readonly epoch: number
  readonly storedIdentifier: string | null
  /** Null where this role may not read it. */
  readonly identifier: string | null
  /** The newest tick was cut with a transaction id that this cluster has not reached yet. */
  readonly tickIsAhead: boolean
}

export type EpochDecision =
  | { readonly kind: 'same' }
  | { readonly kind: 'adopt'; readonly identifier: string }
  | { readonly kind: 'new'; readonly reason: string }

/** Decides from the facts alone. */
export function epochDecision(facts: EpochFacts): EpochDecision {
  const { storedIdentifier, identifier, tickIsAhead } = facts
  if (tickIsAhead)
    return {
      kind: 'new',
      reason: 'the newest tick is ahead of the transaction ids of this cluster: it was restored or failed over',
    }
  if (storedIdentifier !== null && identifier !== null && storedIdentifier !== identifier)
    return { kind: 'new', reason: 'the log is in another cluster than it was made in' }
  if (storedIdentifier === null && identifier !== null) return { kind: 'adopt', identifier }
  return { kind: 'same' }
}

/**
 * Looks at start whether the log is still in the cluster and the time it was made in; begins a new epoch when it is not.
 *
 * In a new epoch the old tail is sealed: positions of old ticks mean nothing any more, so ticks start anew and every consumer is
 * told to start from a snapshot. Resolves with what was decided.
 */
export async function checkEpoch(db: Database): Promise<EpochDecision> {
  const s = quoteIdentifier(db.schema)
  const { rows } = await db.query<{ epoch: number; stored: string | null; ahead: boolean | null }>(
    `select e.epoch, e.system_identifier as stored, (select t.xid > pg_snapshot_xmax(pg_current_snapshot()) from ${s}.tick t order by t.id desc limit 1) as ahead
     from ${s}.epoch e order by e.epoch desc limit 1`,
  )
  const row = rows[0] as { epoch: number; stored: string | null; ahead: boolean | null }
  const identifier = await systemIdentifier(db)
  const decision = epochDecision({
    epoch: row.epoch,
    storedIdentifier: row.stored,
    identifier,
    tickIsAhead: row.ahead === true,
  })
  if (decision.kind === 'adopt')
    await db.query(`update ${s}.epoch set system_identifier = $1 where epoch = $2`, [decision.identifier, row.epoch])
  if (decision.kind === 'new') await beginEpoch(db, { epoch: row.epoch + 1, identifier, reason: decision.reason })
  return decision
}

/** Managed servers may refuse the control data to ordinary roles; the test by transaction id then stands alone. */
async function systemIdentifier(db: Database): Promise<string | null> {
  try {
    const { rows } = await db.query<{ id: string }>('select system_identifier::text as id from pg_control_system()')
    return rows[0]?.id ?? null
  } catch {
    return null
  }
}

async function beginEpoch(
  db: Database,
  next: { readonly epoch: number; readonly identifier: string | null; readonly reason: string },
): Promise<void> {
  const s = quoteIdentifier(db.schema)
  await db.transaction(async (tx) => {
    await tx.query(`lock table ${s}.log, ${s}.tick, ${s}.consumer in share row exclusive mode`)
    const begun = await tx.query(
      `insert into ${s}.epoch(epoch, system_identifier, sealed_seq, reason) select $1, $2, coalesce(max(seq), 0), $3 from ${s}.log on conflict do nothing`,
      [next.epoch, next.identifier, next.reason],
    )
    // Another process that started at the same time was first: what it has begun, with the ticks and events since, stands.
    if (begun.rowCount === 0) return
    await tx.query(
      `select setval('${s.replaceAll("'", "''")}.log_seq', greatest((select coalesce(max(seq), 0) from ${s}.log), 1))`,
    )
    // Old transaction ids are from another history: sealed rows count as long committed, so that no snapshot hides them.
    await tx.query(`update ${s}.log set xid = '3' where xid > pg_snapshot_xmin(pg_current_snapshot())`)
    await tx.query(`delete from ${s}.tick`)
    await tx.query(`update ${s}.consumer set state = 'needs_snapshot'`)
  })
  await db.query(`select ${s}.tick()`)
}
