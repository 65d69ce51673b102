/** Rows that did not come as events: those that were there before us, and those that the owner tells again. */
import type { Transaction } from '../store/database.ts'
import { quoteLiteral } from '../store/identifier.ts'
import type { Bound } from './apply-versions.ts'
import type { SnapshotRow } from './change.ts'
import type { Shape } from './shape.ts'

/** A value of an adopted row that is not the owner's. */
export interface Difference {
  readonly key: string
  readonly field: string
  readonly ours: unknown
  readonly owners: unknown
}

/** What `adopt` found. */
export interface Adoption {
  /** Rows that had no bookkeeping and have it now, with version 0: the owner's next word wins. */
  readonly adopted: number
  /** At most `differencesMax`, of `differenceCount`. */
  readonly differences: readonly Difference[]
  readonly differenceCount: number
}

/** Differences that one report carries; a table that differs in more needs a check, not a longer list. */
export const differencesMax = 1_000

/** Gives every row of the user's table that has none a bookkeeping row of version 0. */
export async function adoptRows(tx: Transaction, { declaration, shape }: Bound): Promise<number> {
  const { schema: s, table, keyColumn, columns, placeCount } = shape
  const { name, isOwnerOnly, entity } = declaration
  const versions = new Array<number | null>(placeCount).fill(null)
  for (const { place } of columns) versions[place - 1] = 0
  const { rowCount } = await tx.query(
    `insert into ${s}.replica_row(replica, key, alive, versions) select $1, c.${keyColumn}::text, 0, $2::bigint[] from ${table} c
     where not exists (select from ${s}.replica_row r where r.replica = $1 and r.key = c.${keyColumn}::text) on conflict do nothing`,
    [name, versions],
  )
  if (!isOwnerOnly && columns.length > 0) await tx.query(candidatesFromCopySql(shape), [name, entity.service])
  return rowCount
}

/**
 * Makes candidates of the owner from the copy, for fields that have a version and no candidate: of adopted rows, and of
 * those that were copied while nobody but the owner wrote them.
 */
export function candidatesFromCopySql({ schema: s, table, keyColumn, keyType, columns }: Shape): string {
  const values = columns.map(({ field, name, place }) => {
    return `(${quoteLiteral(field)}, to_jsonb(c.${name}), r.versions[${place}])`
  })
  return `insert into ${s}.replica_candidate(replica, key, field, source, service, from_owner, version, counter, is_stamped, is_withdrawn, id, value)
select $1, r.key, x.field, $2, $2, true, x.version, x.version, false, false, '', x.value
from ${s}.replica_row r join ${table} c on c.${keyColumn} = r.key::${keyType} cross join lateral (values ${values.join(', ')}) x(field, value, version)
where r.replica = $1 and x.version is not null on conflict do nothing`
}

/** Compares the owner's rows with ours, field by field, as the server compares their types. */
export async function compareRows(
  tx: Transaction,
  { shape }: Bound,
  rows: readonly SnapshotRow[],
): Promise<readonly Difference[]> {
  const { table, keyColumn, keyType, columns } = shape
  if (columns.length === 0 || rows.length === 0) return []
  const input = rows.map(({ key, data }) =>
    Object.fromEntries([['k', String(key)], ...columns.map(({ field }, n) => [`f${n}`, data[field]])]),
  )
  const inputs = columns.map(({ type }, n) => `, f${n} ${type}`).join('')
  const values = columns.map(({ field, name }, n) => `(${quoteLiteral(field)}, to_jsonb(c.${name}), to_jsonb(i.f${n}))`)
  const { rows: differences } = await tx.query<Difference>(
    `select i.k as key, x.field, x.ours, x.owners from json_to_recordset($1::json) as i(k text${inputs})
     join ${table} c on c.${keyColumn} = i.k::${keyType} cross join lateral (values ${values.join(', ')}) x(field, ours, owners)
     where x.ours is distinct from x.owners order by i.k collate "C", x.field`,
    [JSON.stringify(input)],
  )
  return differences
}

/** Keeps the differences as losers of the coming change: what we had is not gone without a trace. */
export async function logDifferences(
  tx: Transaction,
  { declaration, shape }: Bound,
  differences: readonly Difference[],
): Promise<void> {
  const rows = differences.map(({ key, field, ours, owners }) => ({ k: key, f: field, v: ours, wv: owners }))
  await tx.query(
    `insert into ${shape.schema}.replica_conflict(replica, key, field, source, version, counter, value, id, policy, won_by, won_value)
     select $1, k, f, 'adopted', 0, 0, v, '', 'adopt', $2, wv from json_to_recordset($3::json) as i(k text, f text, v jsonb, wv jsonb)
     on conflict do nothing`,
    [declaration.name, declaration.entity.service, JSON.stringify(rows)],
  )
}

/** A refresh under way: rows it tells are marked with its number, so that those it did not tell can be told apart. */
export interface Refresh {
  /** Larger than that of every refresh before. */
  readonly number: number
  /** The newest cut that any row had when it began: a row that changed later may be missing from what was read. */
  readonly cut: number
}

/** Begins a refresh of a replica. */
export async function beginRefresh(tx: Transaction, { declaration, shape }: Bound): Promise<Refresh> {
  const { rows } = await tx.query<{ number: string; cut: string }>(
    `select coalesce(max(seen), 0) + 1 as number, coalesce(max(cut), 0) as cut from ${shape.schema}.replica_row where replica = $1`,
    [declaration.name],
  )
  return { number: Number(rows[0]!.number), cut: Number(rows[0]!.cut) }
}

/** Rows that a finished refresh did not tell: the owner deleted them and its log no longer says so. */
export async function rowsNotTold(
  tx: Transaction,
  { declaration, shape }: Bound,
  { refresh, most }: { readonly refresh: Refresh; readonly most: number },
): Promise<readonly { readonly key: string; readonly version: number; readonly counter: number }[]> {
  const { rows } = await tx.query<{ key: string; version: string; counter: string }>(
    `select key, greatest(alive, erased) as version, counter from ${shape.schema}.replica_row
     where replica = $1 and seen < $2 and cut <= $3 and alive > deleted order by key limit $4`,
    [declaration.name, refresh.number, refresh.cut, most],
  )
  return rows.map(({ key, version, counter }) => ({ key, version: Number(version), counter: Number(counter) }))
}
