/**
 * Guarded writes to MySQL and MariaDB. The row is locked, and the statement names the text of all columns in its WHERE.
 * These engines do not say which transaction wrote a row: a row that was changed and changed back, in every column,
 * looks as it was.
 */
import type { RowDataPacket } from 'mysql2/promise'
import { connectMysql, type MysqlConnection } from '../../check/sources/mysql-connection.ts'
import { mysqlTable, mysqlTableParts, quoteMysql } from '../../check/sources/mysql-sql.ts'
import { type Kind, rowText } from '../../digest/digest.ts'
import { deleteSql, insertSql, isBytes, keySql, restoreSql, rowList, takenSql, updateSql } from './mysql-sql.ts'
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
const lockSeconds = 2

/** A row that is there already. */
const duplicateKey = 1062
/** Refusals of a role: no right on a table, or on a column. */
const noRight: ReadonlySet<number> = new Set([1142, 1143])

/** Opens a database for repairs; nothing is connected before the first call. */
export function mysqlWriter(source: string, url: string): Writer {
  let opened: Promise<MysqlConnection> | undefined
  const session = () => {
    opened ??= connectForWrites(url)
    return opened
  }
  return {
    source,
    place: placeOf(url),
    describe: (side) => writableTable(source, side, async (table) => columnsOf(await session(), table)),
    takesAlong: oncePerTable(async (table) => (await cascadingKeys(await session(), table))[0]?.name),
    read: (table, keys) => inTransaction(session, ({ lockless }) => readAll(lockless, table, keys)),
    ...{ updateOf: updateSql, insertOf: insertSql, deleteOf: deleteSql, restoreOf: restoreSql },
    write: (work) => inTransaction(session, ({ locking }) => work(locking)),
    outcomeOf: async () => undefined,
    close: async () => {
      const connection = await opened?.catch(() => undefined)
      await connection?.close()
    },
  }
}

/**
 * The check's session, made to write: strictly, so that a value that does not fit fails instead of being cut, and so that a
 * zero in a numbered column is that zero, not the next number.
 */
async function connectForWrites(url: string): Promise<MysqlConnection> {
  const connection = await connectMysql(url, { statementTimeoutMs: 15_000 })
  await connection.driver.query(
    `set session sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO', session innodb_lock_wait_timeout = ${lockSeconds}`,
  )
  await connection.driver.query('set session transaction isolation level read committed, read write')
  return connection
}

interface Sessions {
  readonly locking: WriteSession
  readonly lockless: Rows
}

type Rows = (table: WritableTable, key: readonly string[]) => Promise<readonly FullRow[]>

async function inTransaction<T>(
  session: () => Promise<MysqlConnection>,
  work: (sessions: Sessions) => Promise<T>,
): Promise<T> {
  const connection = await session()
  await connection.driver.query('start transaction')
  try {
    const lockless: Rows = (table, key) => select(connection, table, { key, lock: '' })
    const result = await work({ locking: sessionOf(connection), lockless })
    await connection.driver.query('commit')
    return result
  } catch (error) {
    await connection.driver.query('rollback').catch(() => undefined)
    throw error
  }
}

function sessionOf(connection: MysqlConnection): WriteSession {
  const lock: Rows = (table, key) => select(connection, table, { key, lock: ' for update' })
  return {
    lock,
    share: async (table, key) => {
      try {
        await select(connection, table, { key, lock: ' lock in share mode' })
      } catch (error) {
        if (!noRight.has(numberOf(error))) throw error
      }
    },
    takenAlong: async (table, key) => {
      for (const from of await cascadingKeys(connection, table)) {
        const statement = takenSql(table, key, from)
        const [rows] = await connection.driver.query<RowDataPacket[]>(statement.text, [...statement.values])
        if (rows.length > 0) return from.name
      }
      return undefined
    },
    run: async (table, key, statement) => {
      try {
        const [answer] = await connection.driver.query(statement.text, [...statement.values])
        if ((answer as { affectedRows?: number }).affectedRows !== 1) return undefined
      } catch (error) {
        if (numberOf(error) === duplicateKey) return undefined
        throw error
      }
      const [row] = await lock(table, key)
      return row ?? { texts: table.columns.map(() => null), stamp: '' }
    },
    transactionId: async () => undefined,
  }
}

async function readAll(
  rows: Rows,
  table: WritableTable,
  keys: readonly (readonly string[])[],
): Promise<ReadonlyMap<string, readonly FullRow[]>> {
  const found = new Map<string, readonly FullRow[]>()
  for (const key of keys) found.set(rowText(key), await rows(table, key))
  return found
}

async function select(
  connection: MysqlConnection,
  table: WritableTable,
  { key, lock }: { readonly key: readonly string[]; readonly lock: string },
): Promise<readonly FullRow[]> {
  const condition = keySql(table, key)
  const text = `select ${rowList(table)} from ${mysqlTable(table.table)} where ${condition.text}${lock}`
  const [rows] = await connection.driver.query<RowDataPacket[]>(text, [...condition.values])
  return rows.map((row) => ({
    texts: table.columns.map((_, i) => (row[`c${i}`] === null ? null : String(row[`c${i}`]))),
    stamp: '',
  }))
}

async function columnsOf(connection: MysqlConnection, table: string): Promise<readonly WritableColumn[]> {
  const parts = mysqlTableParts(table)
  const name = parts.at(-1) ?? ''
  const [rows] = await connection.driver.query<RowDataPacket[]>(
    `select c.column_name as name, c.data_type as type, c.extra as extra, c.is_nullable as nullable, c.column_default as fallback
     from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
     where c.table_schema = ? and c.table_name = ? and t.table_type = 'BASE TABLE' order by c.ordinal_position`,
    [parts.length > 1 ? parts[0] : connection.database, name],
  )
  return rows.map((row) => {
    const [type, extra] = [String(row.type).toLowerCase(), String(row.extra).toLowerCase()]
    return {
      ...{ name: String(row.name), type, kind: kindOf(type) },
      isGenerated: /virtual|stored|persistent/.test(extra),
      isRequired: row.nullable === 'NO' && row.fallback === null && !extra.includes('auto_increment'),
    }
  })
}

/** Foreign keys that cascade or set NULL. The server names only those of tables on which the role has a right. */
async function cascadingKeys(connection: MysqlConnection, { table }: WritableTable): Promise<readonly CascadingKey[]> {
  const parts = mysqlTableParts(table)
  const schema = parts.length > 1 ? parts[0] : connection.database
  const [rows] = await connection.driver.query<RowDataPacket[]>(
    `select k.constraint_name as constraint_name, k.table_schema as other_schema, k.table_name as other_table, k.column_name as child, k.referenced_column_name as parent
     from information_schema.referential_constraints r join information_schema.key_column_usage k
       on k.constraint_schema = r.constraint_schema and k.constraint_name = r.constraint_name and k.table_name = r.table_name
     where r.unique_constraint_schema = ? and r.referenced_table_name = ? and r.delete_rule not in ('RESTRICT', 'NO ACTION')
     order by other_schema, other_table, constraint_name, k.ordinal_position`,
    [schema, parts.at(-1) ?? ''],
  )
  const keys = new Map<string, CascadingKey>()
  for (const { constraint_name, other_schema, other_table, child, parent } of rows) {
    const table = `${quoteMysql(other_schema)}.${quoteMysql(other_table)}`
    const name = other_schema === schema ? other_table : `${other_schema}.${other_table}`
    const columns = keys.get(`${table} ${constraint_name}`)?.columns ?? []
    const isSelf = other_schema === schema && other_table === parts.at(-1)
    keys.set(`${table} ${constraint_name}`, { table, name, columns: [...columns, [child, parent]], isSelf })
  }
  return [...keys.values()]
}

/** Only bytes are written otherwise than by their text. */
function kindOf(type: string): Kind {
  return isBytes(type) ? 'bytes' : type === 'json' ? 'json' : 'text'
}

function numberOf(error: unknown): number {
  return (error as { errno?: number } | undefined)?.errno ?? 0
}
