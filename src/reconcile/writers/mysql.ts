/**
 * Guarded writes to MySQL and MariaDB. The row is locked, and the statement names the text of all columns in its WHERE.
 * These engines do not say which transaction wrote a row: a row that was changed and changed back, in every column,
 * looks as it was.
 */
import type { RowDataPacket } from 'mysql2/promise'
import { connectMysql, type MysqlConnection } from '../../check/sources/mysql-connection.ts'
import { mysqlTable, mysqlTableParts } from '../../check/sources/mysql-sql.ts'
import { type Kind, rowText } from '../../digest/digest.ts'
import { deleteSql, insertSql, isBytes, keySql, restoreSql, rowList, updateSql } from './mysql-sql.ts'
import { writableTable } from './writable-table.ts'
import {
  type FullRow,
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
    takesAlong: async (table) => takesAlong(await session(), table),
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

async function takesAlong(connection: MysqlConnection, { table }: WritableTable): Promise<string | undefined> {
  const parts = mysqlTableParts(table)
  const [rows] = await connection.driver.query<RowDataPacket[]>(
    `select table_name as name from information_schema.referential_constraints
     where unique_constraint_schema = ? and referenced_table_name = ? and delete_rule not in ('RESTRICT', 'NO ACTION') order by name limit 1`,
    [parts.length > 1 ? parts[0] : connection.database, parts.at(-1) ?? ''],
  )
  return rows[0] === undefined ? undefined : String(rows[0].name)
}

/** Only bytes are written otherwise than by their text. */
function kindOf(type: string): Kind {
  return isBytes(type) ? 'bytes' : type === 'json' ? 'json' : 'text'
}

function numberOf(error: unknown): number {
  return (error as { errno?: number } | undefined)?.errno ?? 0
}
