/** The user's table as the server sees it: which columns there are, of which types, and which cannot be null. */
import { refused } from '../base/error.ts'
import type { Queryable } from '../store/database.ts'
import { quoteIdentifier, sqlTable } from '../store/identifier.ts'
import type { Declaration } from './declaration.ts'

/** One kept column. `place` is its one-based place in `replica_row.versions`. */
export interface Column {
  readonly field: string
  /** Quoted. */
  readonly name: string
  /** As `format_type` writes it. */
  readonly type: string
  readonly place: number
  readonly isRequired: boolean
}

/** What the statements of a replica are written from. Names are quoted. */
export interface Shape {
  readonly schema: string
  readonly table: string
  readonly keyColumn: string
  readonly keyType: string
  readonly columns: readonly Column[]
  readonly placeCount: number
  /** The database lacks the tables of a consumer where a replica is used alone. */
  readonly hasPositions: boolean
  readonly hasParking: boolean
}

interface ColumnRow {
  readonly name: string
  readonly type: string
  readonly is_required: boolean
  readonly is_generated: boolean
  readonly is_unique: boolean
}

/**
 * Reads the table and registers the replica.
 *
 * @throws Refused `replica/no-table`, `replica/no-column`, `replica/no-unique-key` when the table cannot hold the copy.
 */
export async function readShape(
  tx: Queryable & { readonly schema: string },
  declaration: Declaration,
  consumer?: string,
): Promise<{ readonly shape: Shape; readonly wasOwnerOnly: boolean }> {
  const { name, table, keyColumn, fields } = declaration
  const found = await readColumns(tx, table)
  if (found.size === 0)
    throw refused(
      'replica/no-table',
      `Replica ${name} copies into ${table}, which does not exist.`,
      `Create it, or name another: table: '…'.`,
      { replica: name, table },
    )
  const need = (column: string): ColumnRow => {
    const row = found.get(column)
    if (row !== undefined && !row.is_generated) return row
    throw refused(
      'replica/no-column',
      `Replica ${name} writes ${table}.${column}, which ${row === undefined ? 'does not exist' : 'is generated'}.`,
      `Add the column, or say which one it is: columns: { field: 'column' }.`,
      { replica: name, table, column },
    )
  }
  const key = need(keyColumn)
  if (!key.is_unique)
    throw refused(
      'replica/no-unique-key',
      `Nothing keeps ${table}.${keyColumn} unique, so replica ${name} could not tell a change from a new row.`,
      `Make it the primary key, or add a unique constraint.`,
      { replica: name, table, column: keyColumn },
    )
  if (declaration.tombstoneColumn !== undefined) need(declaration.tombstoneColumn)
  const columns = fields.map(({ column }) => need(column))
  const registered = await register(tx, declaration, consumer)
  const shape: Shape = {
    schema: quoteIdentifier(tx.schema),
    table: sqlTable(table),
    keyColumn: quoteIdentifier(keyColumn),
    keyType: key.type,
    columns: fields.map(({ field, column }, n) => ({
      field,
      name: quoteIdentifier(column),
      type: columns[n]!.type,
      isRequired: columns[n]!.is_required,
      place: registered.fields.indexOf(field) + 1,
    })),
    placeCount: registered.fields.length,
    hasPositions: registered.has_positions,
    hasParking: registered.has_parking,
  }
  return { shape, wasOwnerOnly: registered.was_owner_only ?? false }
}

async function readColumns(tx: Queryable, table: string): Promise<Map<string, ColumnRow>> {
  const { rows } = await tx.query<ColumnRow>(
    `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as is_required, a.attgenerated <> '' as is_generated,
       exists (select from pg_index i where i.indrelid = a.attrelid and i.indisunique and i.indimmediate and i.indpred is null
         and i.indnkeyatts = 1 and i.indkey[0] = a.attnum) as is_unique
     from pg_attribute a where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped`,
    [sqlTable(table)],
  )
  return new Map(rows.map((row) => [row.name, row]))
}

interface Registered {
  readonly fields: string[]
  readonly was_owner_only: boolean | null
  readonly has_positions: boolean
  readonly has_parking: boolean
}

/** Fields are appended, never reordered, so that two releases of a service can share the table during a deploy. */
async function register(
  tx: Queryable & { readonly schema: string },
  declaration: Declaration,
  consumer: string | undefined,
): Promise<Registered> {
  const s = quoteIdentifier(tx.schema)
  const { name, entity, table, keyColumn, fields, keep, isOwnerOnly, onDelete } = declaration
  const columns = JSON.stringify(Object.fromEntries(fields.map(({ field, column }) => [field, column])))
  const { rows } = await tx.query<Registered>(
    `with before as (select is_owner_only from ${s}.replica where name = $1)
     insert into ${s}.replica as r(name, service, entity, table_name, key_column, columns, fields, is_owner_only, on_delete, consumer)
     values ($1, $2, $3, $4, $5, $6::json, $7::text[], $8, $9, coalesce($10, $1))
     on conflict (name) do update set service = excluded.service, entity = excluded.entity, table_name = excluded.table_name,
       key_column = excluded.key_column, columns = excluded.columns, is_owner_only = excluded.is_owner_only,
       on_delete = excluded.on_delete, consumer = coalesce($10, r.consumer), fields = r.fields || array(
         select f from unnest(excluded.fields) with ordinality as x(f, n) where f <> all(r.fields) order by n)
     returning fields, (select is_owner_only from before) as was_owner_only,
       to_regclass($11) is not null as has_positions, to_regclass($12) is not null as has_parking`,
    [
      ...[name, entity.service, entity.name, table, keyColumn, columns, keep, isOwnerOnly, onDelete],
      consumer,
      ...[`${s}.position`, `${s}.parked_event`],
    ],
  )
  return rows[0]!
}
