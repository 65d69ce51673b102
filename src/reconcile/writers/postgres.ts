/**
 * Guarded writes to PostgreSQL. Every statement names in its WHERE the text of all columns and the transaction that wrote
 * the row: a row that was changed and changed back has other `xmin` and is left alone.
 */
import { canonicalSettings, kindOf, rowText } from '../../digest/digest.ts'
import type { Transaction } from '../../store/database.ts'
import { type Database, errorCode, openDatabase, quoteLiteral, sqlTable } from '../../store/store.ts'
import { deleteSql, insertSql, keySql, restoreSql, rowList, takenSql, updateSql } from './postgres-sql.ts'
import { writableTable } from './writable-table.ts'
import {
  type CascadingKey,
  type FullRow,
  oncePerTable,
  placeOf,
  type WritableColumn,
  type WritableTable,
  type Writer,
  type WriteSession,
} from './writer.ts'

/** A repair waits this long for a row that somebody writes: then that write wins, and the key is looked at again later. */
const lockTimeout = '2s'
/** One row is written at a time; what takes longer is a trigger or a lock that the repair should not sit on. */
const statementTimeout = '15s'

const settings: Readonly<Record<string, string>> = {
  ...canonicalSettings,
  lock_timeout: lockTimeout,
  statement_timeout: statementTimeout,
  idle_in_transaction_session_timeout: '10s',
  // A policy that hides rows would make a row look missing: the server refuses instead.
  row_security: 'off',
}

const settingsSql = `select ${Object.entries(settings)
  .map(([name, value]) => `set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, true)`)
  .join(', ')}`

/** Opens a database for repairs; nothing is connected before the first call. */
export function postgresWriter(source: string, url: string): Writer {
  const database = openDatabase(url, { max: 2, applicationName: 'selvedge reconcile' })
  return {
    source,
    place: placeOf(url),
    describe: (side) => writableTable(source, side, (table) => columnsOf(database, table)),
    takesAlong: oncePerTable(async (table) => (await cascadingKeys(database, table))[0]?.name),
    read: (table, keys) => readRows(database, table, keys),
    updateOf: updateSql,
    insertOf: insertSql,
    deleteOf: deleteSql,
    restoreOf: restoreSql,
    write: (work) =>
      database.transaction(
        (tx) => {
          tx.send(settingsSql)
          return work(sessionOf(tx))
        },
        // Whatever the role has by default: what was committed while a lock was waited for must be seen.
        { isolation: 'read committed' },
      ),
    outcomeOf: (id) => outcomeOf(database, id),
    close: () => database.close(),
  }
}

interface ColumnRow {
  readonly name: string
  readonly cast_type: string
  readonly is_generated: boolean
  readonly is_required: boolean
  readonly base_name: string
  readonly base_form: string
  readonly base_category: string
}

async function columnsOf(database: Database, table: string): Promise<readonly WritableColumn[]> {
  // Typmod -1 keeps char(n) and bit(n) from being cut to one place by the cast; the column's own length still holds.
  const { rows } = await database.query<ColumnRow>(
    `with recursive described as (
       select a.attnum, a.attname, a.atttypid, a.attgenerated <> '' as is_generated,
         a.attnotnull and not a.atthasdef and a.attidentity = '' as is_required, a.atttypid as based
       from pg_class c join pg_attribute a on a.attrelid = c.oid
       where c.oid = to_regclass($1) and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
     ), based as (
       select d.attnum, t.* from described d join pg_type t on t.oid = d.based
       union all select b.attnum, t.* from based b join pg_type t on t.oid = b.typbasetype where b.typtype = 'd'
     )
     select d.attname::text as name, format_type(d.atttypid, -1) as cast_type, d.is_generated, d.is_required,
       b.typname::text as base_name, b.typtype::text as base_form, b.typcategory::text as base_category
     from described d join based b using (attnum) where b.typtype <> 'd' order by d.attnum`,
    [sqlTable(table)],
  )
  return rows.map((row) => ({
    name: row.name,
    type: row.cast_type,
    kind: kindOf({ name: row.base_name, form: row.base_form, category: row.base_category }),
    isGenerated: row.is_generated,
    isRequired: row.is_required,
  }))
}

type RawRow = Readonly<Record<string, string | null>>

function fullRow(table: WritableTable, row: RawRow): FullRow {
  return { texts: table.columns.map((_, i) => row[`c${i}`] ?? null), stamp: row.stamp ?? '' }
}

async function readRows(
  database: Database,
  table: WritableTable,
  keys: readonly (readonly string[])[],
): Promise<ReadonlyMap<string, readonly FullRow[]>> {
  return database.transaction(
    async (tx) => {
      tx.send(settingsSql)
      const found = new Map<string, readonly FullRow[]>()
      for (const key of keys) {
        const condition = keySql(table, key, 1)
        const text = `select ${rowList(table)} from ${sqlTable(table.table)} where ${condition.text}`
        const { rows } = await tx.query<RawRow>(text, condition.values)
        found.set(
          rowText(key),
          rows.map((row) => fullRow(table, row)),
        )
      }
      return found
    },
    { isolation: 'repeatable read', readOnly: true },
  )
}

function sessionOf(tx: Transaction): WriteSession {
  return {
    lock: async (table, key) => {
      const condition = keySql(table, key, 1)
      const text = `select ${rowList(table)} from ${sqlTable(table.table)} where ${condition.text} for update`
      const { rows } = await tx.query<RawRow>(text, condition.values)
      return rows.map((row) => fullRow(table, row))
    },
    share: async (table, key) => {
      const condition = keySql(table, key, 1)
      const text = `select from ${sqlTable(table.table)} where ${condition.text} for share`
      try {
        await tx.savepoint(() => tx.query(text, condition.values))
      } catch (error) {
        // A role that may write the copy need not have a right on the owner's table.
        if (errorCode(error) !== '42501') throw error
      }
    },
    takenAlong: async (table, key) => {
      for (const from of await cascadingKeys(tx, table)) {
        const statement = takenSql(table, key, from)
        if ((await tx.query(statement.text, statement.values)).rowCount > 0) return from.name
      }
      return undefined
    },
    run: async (table, _key, statement) => {
      const { rows } = await tx.query<RawRow>(statement.text, statement.values)
      return rows[0] === undefined ? undefined : fullRow(table, rows[0])
    },
    transactionId: async () => {
      const { rows } = await tx.query<{ id: string }>('select pg_current_xact_id()::text as id')
      return rows[0]?.id
    },
  }
}

/** Foreign keys that cascade, set NULL or set a default; also those that name a part of this table alone. */
async function cascadingKeys(
  database: Pick<Database, 'query'>,
  { table }: WritableTable,
): Promise<readonly CascadingKey[]> {
  const { rows } = await database.query<{ name: string; columns: readonly [string, string][]; isSelf: boolean }>(
    `with recursive parts as (
       select to_regclass($1)::oid as oid union select i.inhrelid from parts join pg_inherits i on i.inhparent = parts.oid
     )
     select k.conrelid::regclass::text as name, columns.list as columns, k.conrelid = k.confrelid as "isSelf"
     from pg_constraint k join parts on parts.oid = k.confrelid cross join lateral (
       select json_agg(json_build_array(child.attname, parent.attname) order by place) as list
       from unnest(k.conkey, k.confkey) with ordinality as pair(child, parent, place)
         join pg_attribute child on child.attrelid = k.conrelid and child.attnum = pair.child
         join pg_attribute parent on parent.attrelid = k.confrelid and parent.attnum = pair.parent
     ) columns
     where k.contype = 'f' and k.confdeltype in ('c', 'n', 'd') order by name`,
    [sqlTable(table)],
  )
  return rows.map(({ name, ...key }) => ({ table: name, name, ...key }))
}

async function outcomeOf(database: Database, id: string): Promise<'committed' | 'aborted' | 'running' | undefined> {
  const { rows } = await database.query<{ status: string | null }>('select pg_xact_status($1::xid8) as status', [id])
  const status = rows[0]?.status
  if (status === 'in progress') return 'running'
  return status === 'committed' || status === 'aborted' ? status : undefined
}
