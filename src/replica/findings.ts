/** What a person should look at: rows whose owner deleted them, rows that cannot be shown, and values that lost. */
import type { Queryable, Transaction } from '../store/database.ts'
import type { Bound } from './apply-versions.ts'

/** Rows of one answer, unless asked otherwise: a page for a person. */
const answerRowsMax = 1_000

/** A row that is not as the owner's. */
export interface Finding {
  /** `ownerDeleted`: kept after its deletion. `incomplete`: held back, a required column has no value yet. */
  readonly kind: 'ownerDeleted' | 'incomplete'
  readonly key: string
  /** The newest version of the owner's stream that is known here. */
  readonly version: number
  /** The owner's clock at that version. */
  readonly changedAt: Date | undefined
}

/** How a kept row is resolved, by whom and why. */
export interface Resolved {
  readonly action: 'remove' | 'keep'
  readonly by: string
  readonly reason: string
}

/** The open findings of a replica, by key. */
export async function readFindings(
  db: Queryable,
  { declaration: { name, onDelete }, shape }: Bound,
  most = answerRowsMax,
): Promise<readonly Finding[]> {
  const { schema: s, table, keyColumn, keyType } = shape
  const hasRow = `exists (select from ${table} c where c.${keyColumn} = r.key::${keyType})`
  const { rows } = await db.query<{ kind: Finding['kind']; key: string; version: string; changed_at: Date | null }>(
    `(select 'ownerDeleted' as kind, key, greatest(alive, deleted, erased) as version, changed_at from ${s}.replica_row r
      where replica = $1 and deleted >= alive and deleted >= 0 and deleted > resolved and $2 and ${hasRow} order by key limit $3)
     union all
     (select 'incomplete', key, greatest(alive, deleted, erased), changed_at from ${s}.replica_row r
      where replica = $1 and alive > greatest(deleted, erased) and not ${hasRow} order by key limit $3)
     order by key limit $3`,
    [name, onDelete === 'keep', most],
  )
  return rows.map(({ kind, key, version, changed_at }) => ({
    ...{ kind, key, version: Number(version), changedAt: changed_at ?? undefined },
  }))
}

/** Resolves the deletion of a kept row; false when there is none to resolve. */
export async function resolveDeleted(
  tx: Transaction,
  { declaration: { name }, shape }: Bound,
  key: string,
  { action, by, reason }: Resolved,
): Promise<boolean> {
  const { schema: s, table, keyColumn, keyType } = shape
  const { rowCount } = await tx.query(
    `update ${s}.replica_row set resolved = deleted, removed = case when $3 then deleted else removed end,
       resolved_by = $4, resolved_reason = $5
     where replica = $1 and key = $2 and deleted >= alive and deleted > resolved`,
    [name, key, action === 'remove', by, reason],
  )
  if (rowCount > 0 && action === 'remove')
    await tx.query(`delete from ${table} where ${keyColumn} = $1::text::${keyType}`, [key])
  return rowCount > 0
}

/** A value that did not stand. */
export interface Conflict {
  readonly key: string
  readonly field: string
  /** Whose value it was: a service, with its stream and writer where those matter. */
  readonly source: string
  readonly version: number
  readonly counter: number
  readonly value: unknown
  /** The event that carried it; '' when it was written here. */
  readonly id: string
  readonly writer: string | undefined
  readonly policy: string
  /** Undefined when the value that stands was made of several. */
  readonly wonBy: string | undefined
  readonly wonValue: unknown
  readonly at: Date
}

/** The conflict log, newest first. */
export async function readConflicts(
  db: Queryable,
  { declaration: { name }, shape: { schema: s } }: Bound,
  { key, most = answerRowsMax }: { readonly key?: string | number; readonly most?: number },
): Promise<readonly Conflict[]> {
  const { rows } = await db.query<
    Omit<Conflict, 'version' | 'counter'> & { version: string; counter: string; writer: string | null }
  >(
    `select key, field, source, version, counter, value, id, writer, policy, won_by as "wonBy", won_value as "wonValue", at
     from ${s}.replica_conflict where replica = $1 and ($2::text is null or key = $2) order by at desc, key, field, source limit $3`,
    [name, key === undefined ? null : String(key), most],
  )
  return rows.map((row) => ({
    ...row,
    version: Number(row.version),
    counter: Number(row.counter),
    writer: row.writer ?? undefined,
    wonBy: row.wonBy ?? undefined,
  }))
}

/** Drops the part of the conflict log before `before`. */
export async function forgetConflicts(
  tx: Transaction,
  { declaration: { name }, shape: { schema: s } }: Bound,
  before: Date,
): Promise<number> {
  const { rowCount } = await tx.query(`delete from ${s}.replica_conflict where replica = $1 and at < $2`, [
    name,
    before,
  ])
  return rowCount
}

/** The keys to which a foreign stream contributed. */
export async function keysOfSource(
  tx: Transaction,
  { declaration: { name }, shape: { schema: s } }: Bound,
  source: string,
): Promise<readonly string[]> {
  const { rows } = await tx.query<{ key: string }>(
    `select distinct key from ${s}.replica_candidate where replica = $1 and (source = $2 or starts_with(source, $2 || '#'))`,
    [name, source],
  )
  return rows.map(({ key }) => key)
}
