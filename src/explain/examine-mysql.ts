/** What the doctor asks a database of MySQL or MariaDB: whether it answers, what it lets the role read, its indexes. */
import type { RowDataPacket } from 'mysql2/promise'
import { isSelvedgeError } from '../base/error.ts'
import { connectMysql, type MysqlConnection } from '../check/sources/mysql-connection.ts'
import type { Config } from '../invariant/invariant.ts'
import {
  type DeclaredKey,
  declaredKeys,
  type Index,
  isIndexed,
  missingIndex,
  rowsWithoutIndexMax,
} from './examine-keys.ts'
import type { Examined, Symptom } from './symptom.ts'

/** What the doctor found of one database. */
export interface MysqlExamined extends Examined {
  /** `mariadb 10.11.6-MariaDB`; undefined where it was not reached. */
  readonly server: string | undefined
}

/**
 * Looks at one source. A driver that is missing is a symptom, since one command mends it.
 *
 * @throws what `connectMysql` throws when the server does not answer or refuses.
 */
export async function examineMysql(source: string, url: string, config: Config): Promise<MysqlExamined> {
  let session: MysqlConnection
  try {
    session = await connectMysql(url)
  } catch (error) {
    if (!isSelvedgeError(error, 'check/no-mysql2')) throw error
    const { message, help } = error
    return { server: undefined, symptoms: [{ source, code: 'doctor/no-driver', message, help }], notes: [] }
  }
  try {
    const keys = declaredKeys(config, source)
    const symptoms = [
      ...(await grantSymptoms(session, source, config)),
      ...(keys.length === 0 ? [] : await indexSymptoms(session, source, keys)),
    ]
    return { server: `${session.engine} ${session.version}`, symptoms, notes: [] }
  } finally {
    await session.close()
  }
}

async function grantSymptoms(session: MysqlConnection, source: string, config: Config): Promise<Symptom[]> {
  const sides = config.invariants.flatMap(({ relation }) => relation.sides)
  const tables = new Set(
    sides.flatMap(({ source: name, rows }) => (name === source && rows.kind === 'table' ? [rows.table] : [])),
  )
  const symptoms: Symptom[] = []
  for (const table of tables) {
    try {
      await session.driver.query(`select 1 from ${quoted(table)} limit 0`)
    } catch (error) {
      const { code = '', message = String(error) } = error as { code?: string; message?: string }
      const isMissing = code === 'ER_NO_SUCH_TABLE'
      symptoms.push({
        source,
        code: isMissing ? 'doctor/no-table' : 'doctor/no-grant',
        message: isMissing
          ? `There is no table ${table} in ${source}.`
          : `${table} in ${source} cannot be read: ${message}.`,
        help: isMissing
          ? 'Correct the declaration, or the database of the URL.'
          : `Run there: grant select on ${quoted(table)} to the user of the URL`,
      })
    }
  }
  return symptoms
}

interface IndexRow extends RowDataPacket {
  readonly table: string
  readonly name: string
  readonly columns: string
  readonly rows: string | null
}

async function indexSymptoms(
  session: MysqlConnection,
  source: string,
  keys: readonly DeclaredKey[],
): Promise<Symptom[]> {
  const [rows] = await session.driver.query<IndexRow[]>(
    `select t.table_name as \`table\`, t.table_rows as \`rows\`, s.index_name as name,
       coalesce(group_concat(s.column_name order by s.seq_in_index separator '\\n'), '') as columns
     from information_schema.tables t
     left join information_schema.statistics s on s.table_schema = t.table_schema and s.table_name = t.table_name
     where t.table_schema = database() group by t.table_name, t.table_rows, s.index_name`,
  )
  const indexes: Index[] = rows.map(({ table, columns }) => ({ table, columns: columns.split('\n') }))
  return keys.flatMap((key) => {
    const about = rows.find(({ table }) => table === key.table)
    if (about === undefined || Number(about.rows) < rowsWithoutIndexMax || isIndexed(key, indexes)) return []
    const sql = `create index ${quoted(`by_${key.columns.join('_')}`.slice(0, 60))} on ${quoted(key.table)} (${key.columns.map(quoted).join(', ')})`
    return [missingIndex(source, key, { rows: Number(about.rows), sql })]
  })
}

/** `table` or `database.table`, quoted. */
function quoted(name: string): string {
  const parts = name.match(/"(?:[^"]|"")*"|[^.]+/g) ?? ['']
  return parts
    .map((part) => (part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part))
    .map((part) => `\`${part.replaceAll('`', '``')}\``)
    .join('.')
}
