/**
 * Who keeps the server from removing dead rows: the session that has held a snapshot for longest. Rows of positions and heads that
 * died since stay, and readers of those tables slow down, so a service's health names it.
 */
import type { Database } from '../store/database.ts'

/** A session that holds an old snapshot or transaction id, as far as this role may see it. */
export interface HeldSnapshot {
  readonly pid: number
  readonly database: string
  readonly role: string
  readonly application: string
  readonly state: string
  readonly heldMs: number
}

/** Shorter ones are the work of the day. */
const heldMsMin = 60_000

/** The session that has held a snapshot for longest, and for at least `minMs`; undefined when there is none. */
export async function longestHeldSnapshot(db: Database, minMs: number = heldMsMin): Promise<HeldSnapshot | undefined> {
  const { rows } = await db.query<HeldSnapshot & { readonly heldMs: string }>(
    `select pid, datname as database, usename as role, application_name as application, state,
       (extract(epoch from clock_timestamp() - xact_start) * 1000)::bigint as "heldMs" from pg_stat_activity
     where pid <> pg_backend_pid() and backend_type = 'client backend' and xact_start < clock_timestamp() - $1 * interval '1 millisecond'
       and (backend_xmin is not null or backend_xid is not null or state like 'idle in transaction%')
     order by xact_start limit 1`,
    [minMs],
  )
  return rows[0] && { ...rows[0], heldMs: Number(rows[0].heldMs) }
}
