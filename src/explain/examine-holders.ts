/**
 * Who holds a snapshot. While a session keeps one, no row version that it might still see is removed anywhere on the
 * server: tables of positions and heads grow, and readers of them slow down. The holder is named so that somebody can act.
 */
import { formatDuration, milliseconds } from '../base/base.ts'
import type { PostgresSource } from '../check/sources/postgres.ts'
import type { Examined, Symptom } from './symptom.ts'

interface Holder {
  readonly kind: 'session' | 'prepared' | 'slot'
  readonly name: string
  readonly database: string | null
  readonly role: string | null
  readonly application: string | null
  readonly state: string | null
  readonly held_ms: string | null
  readonly visible: boolean
}

/** Sessions beyond these few are the same bug. */
const holdersMax = 5

const holdersSql = `
select 'session' as kind, a.pid::text as name, a.datname::text as database, a.usename::text as role, a.application_name as application, a.state,
  (extract(epoch from clock_timestamp() - a.xact_start) * 1000)::bigint as held_ms, a.state is not null as visible
from pg_stat_activity a
where a.pid <> pg_backend_pid() and a.backend_type = 'client backend'
  and (a.xact_start < clock_timestamp() - $1::bigint * interval '1 millisecond' or a.state is null)
  and (a.backend_xmin is not null or a.backend_xid is not null or a.state like 'idle in transaction%' or a.state is null)
union all
select 'prepared', p.gid, p.database::text, p.owner::text, null, 'prepared', (extract(epoch from clock_timestamp() - p.prepared) * 1000)::bigint, true
from pg_prepared_xacts p where p.prepared < clock_timestamp() - $1::bigint * interval '1 millisecond'
union all
select 'slot', r.slot_name::text, r.database::text, null, r.plugin::text, case when r.active then 'active' else 'inactive' end, null, true
from pg_replication_slots r where not r.active and (r.xmin is not null or r.catalog_xmin is not null)
order by held_ms desc nulls last limit ${holdersMax * 4}`

/** The holders of old snapshots on the server of this source. */
export async function examineHolders(source: PostgresSource, heldMs: number): Promise<Examined> {
  const { rows } = await source.read((snapshot) => snapshot.query<Holder>(holdersSql, [heldMs]))
  const visible = rows.filter((row) => row.visible).slice(0, holdersMax)
  const hidden = rows.some((row) => !row.visible)
  return {
    symptoms: visible.map((holder) => symptomOf(source, holder)),
    notes: hidden
      ? [
          'what other roles are doing is hidden from this role: grant pg_read_all_stats to it to see who holds snapshots',
        ]
      : [],
  }
}

function symptomOf(source: PostgresSource, holder: Holder): Symptom {
  const age = holder.held_ms === null ? 'an unknown time' : formatDuration(milliseconds(Number(holder.held_ms)))
  const who = [holder.role && `role ${holder.role}`, holder.application && `application "${holder.application}"`]
  const by = who.filter(Boolean).join(', ')
  const where = `${holder.database ?? 'no database'}${by === '' ? '' : ` (${by})`}`
  const told = {
    session: {
      message: `Session ${holder.name} in ${where} has held a snapshot for ${age}: it is ${holder.state}. Nothing that died since is cleaned up on this server.`,
      help: `Let that program commit or roll back; or end it with: select pg_terminate_backend(${holder.name})`,
    },
    prepared: {
      message: `The prepared transaction "${holder.name}" in ${where} has held a snapshot for ${age}.`,
      help: `Commit or roll it back: rollback prepared '${holder.name.replaceAll("'", "''")}'`,
    },
    slot: {
      message: `The replication slot "${holder.name}" in ${where} is not read by anybody and holds a snapshot.`,
      help: `Start its reader, or drop it: select pg_drop_replication_slot('${holder.name.replaceAll("'", "''")}')`,
    },
  }[holder.kind]
  return {
    source: source.name,
    code: 'doctor/held-snapshot',
    subject: `${holder.kind} ${holder.name} ${holder.database}`,
    ...told,
  }
}
