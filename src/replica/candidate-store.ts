/** The states of keys that several services write, read under lock and written back. */
import type { Transaction } from '../store/database.ts'
import type { AnyPolicy } from './conflict.ts'
import { policyName } from './conflict.ts'
import { type Kept, type KeyState, unknownKey } from './conflict-state.ts'
import type { Shape } from './shape.ts'

interface StateRow {
  readonly key: string
  readonly alive: string
  readonly deleted: string
  readonly deleted_counter: string
  readonly erased: string
  readonly erased_counter: string
  readonly counter: string
  readonly cut: string
  readonly changed_at: Date | null
  readonly candidates: (Omit<Kept, 'writer'> & { field: string; writer: string | null })[] | null
}

/**
 * Locks the keys in their order and reads what is known of them.
 *
 * Three statements, one flight: a row must be there to be locked, and what depends on the lock must be read by a
 * snapshot that was taken after it.
 */
export async function lockStates(
  tx: Transaction,
  replica: string,
  keys: readonly string[],
  { schema: s }: Shape,
): Promise<Map<string, KeyState>> {
  tx.send(
    `insert into ${s}.replica_row(replica, key) select $1, k from unnest($2::text[]) k order by k collate "C" on conflict do nothing`,
    [replica, keys],
  )
  tx.send(`select from ${s}.replica_row where replica = $1 and key = any($2::text[]) order by key for update`, [
    replica,
    keys,
  ])
  const { rows } = await tx.query<StateRow>(
    `select r.key, alive, deleted, deleted_counter, erased, erased_counter, r.counter, cut, changed_at, c.candidates
     from ${s}.replica_row r left join lateral (
       select json_agg(json_build_object('field', field, 'source', source, 'service', service, 'writer', writer, 'version', version, 'counter', counter, 'id', id,
         'from', case when from_owner then 'owner' else 'other' end, 'isStamped', is_stamped, 'isWithdrawn', is_withdrawn, 'value', value)) as candidates
       from ${s}.replica_candidate c where c.replica = r.replica and c.key = r.key) c on true
     where r.replica = $1 and r.key = any($2::text[])`,
    [replica, keys],
  )
  return new Map(rows.map((row) => [row.key, stateOfRow(row)]))
}

function stateOfRow(row: StateRow): KeyState {
  const fields = new Map<string, Map<string, Kept>>()
  for (const { field, writer, ...candidate } of row.candidates ?? []) {
    const kept: Kept = { ...candidate, writer: writer ?? undefined }
    const sources = fields.get(field)
    if (sources === undefined) fields.set(field, new Map([[kept.source, kept]]))
    else sources.set(kept.source, kept)
  }
  return {
    ...unknownKey,
    alive: { version: Number(row.alive), counter: -1 },
    deleted: { version: Number(row.deleted), counter: Number(row.deleted_counter) },
    erased: { version: Number(row.erased), counter: Number(row.erased_counter) },
    counter: Number(row.counter),
    cut: Number(row.cut),
    at: row.changed_at ?? undefined,
    fields,
  }
}

/** A candidate of a key's field, to be written. */
export interface CandidateOf {
  readonly key: string
  readonly field: string
  readonly kept: Kept
}

/** Queues the candidates. The keys are locked, so nothing newer can have come in between. */
export function sendCandidates(
  tx: Transaction,
  replica: string,
  candidates: readonly CandidateOf[],
  { schema: s }: Shape,
): void {
  const rows = candidates.map(({ key, field, kept }) => ({
    ...{
      k: key,
      f: field,
      s: kept.source,
      sv: kept.service,
      w: kept.writer,
      o: kept.from === 'owner',
      n: kept.version,
    },
    ...{ c: kept.counter, st: kept.isStamped, wd: kept.isWithdrawn, id: kept.id, v: kept.value },
  }))
  tx.send(
    `insert into ${s}.replica_candidate(replica, key, field, source, service, writer, from_owner, version, counter, is_stamped, is_withdrawn, id, value)
     select $1, k, f, s, sv, w, o, n, c, st, wd, id, v from json_to_recordset($2::json) as i(
       k text, f text, s text, sv text, w text, o boolean, n bigint, c bigint, st boolean, wd boolean, id text, v jsonb)
     on conflict (replica, key, field, source) do update set version = excluded.version, counter = excluded.counter, is_stamped = excluded.is_stamped,
       is_withdrawn = excluded.is_withdrawn, id = excluded.id, value = excluded.value`,
    [replica, JSON.stringify(rows)],
  )
}

/** A candidate whose value does not stand, and what stands instead. */
export interface Loser extends CandidateOf {
  readonly policy: AnyPolicy
  readonly wonBy: string | undefined
  readonly wonValue: unknown
}

/** Queues the losers for the conflict log; one that is there already stays as it is. */
export function sendLosers(tx: Transaction, replica: string, losers: readonly Loser[], { schema: s }: Shape): void {
  const rows = losers.map(({ key, field, kept, policy, wonBy, wonValue }) => ({
    ...{
      k: key,
      f: field,
      s: kept.source,
      n: kept.version,
      c: kept.counter,
      v: kept.value,
      id: kept.id,
      w: kept.writer,
    },
    ...{ p: policyName(policy), wb: wonBy, wv: wonValue },
  }))
  tx.send(
    `insert into ${s}.replica_conflict(replica, key, field, source, version, counter, value, id, writer, policy, won_by, won_value)
     select $1, k, f, s, n, c, v, id, w, p, wb, wv from json_to_recordset($2::json) as i(
       k text, f text, s text, n bigint, c bigint, v jsonb, id text, w text, p text, wb text, wv jsonb)
     on conflict do nothing`,
    [replica, JSON.stringify(rows)],
  )
}

/** Queues the removal of what candidates and the conflict log hold of erased keys; their versions stay. */
export function sendForgotten(tx: Transaction, replica: string, keys: readonly string[], { schema: s }: Shape): void {
  tx.send(`delete from ${s}.replica_conflict where replica = $1 and key = any($2::text[])`, [replica, keys])
  tx.send(
    `update ${s}.replica_candidate c set value = null from ${s}.replica_row r
     where c.replica = $1 and c.key = any($2::text[]) and r.replica = c.replica and r.key = c.key
       and c.from_owner and c.version <= r.erased and c.value is not null`,
    [replica, keys],
  )
}
