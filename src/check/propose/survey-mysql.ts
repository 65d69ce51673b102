/** Surveys a MySQL or MariaDB database over one read-only session, with a limit on the time of every statement. */
import type { RowDataPacket } from 'mysql2/promise'
import { refused } from '../../base/error.ts'
import { groupedBy } from '../../base/grouped-by.ts'
import { connectMysql, type MysqlConnection } from '../sources/mysql-connection.ts'
import {
  indexedIntegers,
  isBookkeeping,
  type KeyEnds,
  keyEnds,
  keyKindOf,
  partsOf,
  partsText,
  type RowsQuestion,
  type SurveyColumn,
  type Surveyed,
  type SurveyTable,
  sampleRowsMax,
  statementTimeoutMs,
} from './survey.ts'

interface ColumnRow {
  readonly table: string
  readonly name: string
  readonly type: string
  readonly rows: string | null
}

interface KeyRow {
  readonly table: string
  readonly key: string
  readonly column: string
  /** Set where it is a foreign key. */
  readonly other: string | null
}

const columnsSql = `select t.table_name as \`table\`, c.column_name as name, c.column_type as type, t.table_rows as \`rows\`
from information_schema.tables t join information_schema.columns c
  on c.table_schema = t.table_schema and c.table_name = t.table_name
where t.table_schema = database() and t.table_type = 'BASE TABLE' order by t.table_name, c.ordinal_position`

const keysSql = `select s.table_name as \`table\`, s.index_name as \`key\`, s.column_name as \`column\`, null as other
from information_schema.statistics s where s.table_schema = database() and s.non_unique = 0 and s.column_name is not null
order by s.table_name, s.index_name <> 'PRIMARY', s.index_name, s.seq_in_index`

const foreignKeysSql = `select table_name as \`table\`, constraint_name as \`key\`, column_name as \`column\`,
  referenced_table_name as other from information_schema.key_column_usage
where table_schema = database() and referenced_table_name is not null order by table_name, constraint_name, ordinal_position`

/**
 * Looks at all tables of the URL's database that the role may read.
 *
 * @throws whatever `connectMysql` throws.
 */
export async function surveyMysql(
  source: string,
  url: string,
  onProgress: (line: string) => void = () => undefined,
): Promise<Surveyed> {
  const session = await connectMysql(url, { statementTimeoutMs })
  try {
    const [about] = await select<{ user: string }>(session, 'select current_user() as user')
    const columns = await select<ColumnRow>(session, columnsSql)
    const keys = groupedBy(await select<KeyRow>(session, keysSql), ({ table }) => table)
    const foreignKeys = groupedBy(await select<KeyRow>(session, foreignKeysSql), ({ table }) => table)
    const unread: { table: string; why: string }[] = []
    const tables: SurveyTable[] = []
    for (const [table, rows] of groupedBy(columns, (row) => row.table)) {
      if (isBookkeeping(table)) continue
      onProgress(`${source}: ${table}`)
      try {
        const described = { source, table, columns: rows, keys: keys.get(table) ?? [] }
        const surveyed = await tableOf(session, { ...described, foreignKeys: foreignKeys.get(table) ?? [] })
        tables.push(surveyed.isWhole ? surveyed : { ...surveyed, ends: await endsOf(session, surveyed) })
      } catch (error) {
        unread.push({ table, why: error instanceof Error ? error.message : String(error) })
      }
    }
    return {
      ...{ source, engine: session.engine, version: session.version, database: session.database },
      ...{ user: about?.user ?? '', tables, unread },
      present: (table, columns, values) => present(session, { table, columns, values }),
      rowsOf: (question) => rowsOf(session, question),
      close: () => session.close(),
    }
  } catch (error) {
    await session.close()
    throw error
  }
}

async function select<R>({ driver }: MysqlConnection, sql: string, values: readonly unknown[] = []): Promise<R[]> {
  const [rows] = await driver.query<RowDataPacket[]>(sql, [...values])
  return rows as R[]
}

interface Description {
  readonly source: string
  readonly table: string
  readonly columns: readonly ColumnRow[]
  readonly keys: readonly KeyRow[]
  readonly foreignKeys: readonly KeyRow[]
}

async function tableOf(session: MysqlConnection, from: Description): Promise<SurveyTable> {
  const columns: SurveyColumn[] = from.columns.map(({ name, type }) => ({ name, type, kind: keyKindOf(type) }))
  const sampled = columns.filter(({ kind }) => kind !== 'other').map(({ name }) => name)
  const keys = [...groupedBy(from.keys, ({ key }) => key)]
  const primary = keys.find(([name]) => name === 'PRIMARY')?.[1].map(({ column }) => column)
  const rows = await sampleOf(session, { table: from.table, columns: sampled, primary })
  const isWhole = rows.length <= sampleRowsMax
  return {
    ...{ source: from.source, name: tableName(from.table), isWhole, columns },
    rows: isWhole ? rows.length : Math.max(Number(from.columns[0]?.rows ?? 0), rows.length),
    keys: keys.map(([, parts]) => parts.map(({ column }) => column)),
    hasPrimaryKey: primary !== undefined,
    foreignKeys: [...groupedBy(from.foreignKeys, ({ key }) => key).values()].map((parts) => ({
      columns: parts.map(({ column }) => column),
      table: parts[0]!.other!,
    })),
    sample: new Map(sampled.map((name, i) => [name, rows.map((row) => row[`c${i}`] ?? null)])),
  }
}

function tableName(table: string): string {
  return /[."]/.test(table) ? `"${table.replaceAll('"', '""')}"` : table
}

interface SampleQuestion {
  readonly table: string
  readonly columns: readonly string[]
  readonly primary: readonly string[] | undefined
}

/** The first rows; where there are more, half of them from the end of the primary key: there is no TABLESAMPLE. */
async function sampleOf(
  session: MysqlConnection,
  { table, columns, primary }: SampleQuestion,
): Promise<Record<string, string | null>[]> {
  const list = columns.map((name, i) => `left(cast(${quoted(name)} as char), 128) as c${i}`).join(', ') || '1 as none'
  const all = await select<Record<string, string | null>>(
    session,
    `select ${list} from ${quoted(table)} limit ${sampleRowsMax + 1}`,
  )
  if (all.length <= sampleRowsMax || primary === undefined) return all
  const order = primary.map((name) => `${quoted(name)} desc`).join(', ')
  const half = sampleRowsMax / 2
  const newest = await select<Record<string, string | null>>(
    session,
    `select ${list} from ${quoted(table)} order by ${order} limit ${half}`,
  )
  return [...newest, ...all.slice(0, half + 1)]
}

/** What the ends of its indexes say of a table, one look at each; where that takes too long they stay unknown. */
async function endsOf(session: MysqlConnection, table: SurveyTable): Promise<ReadonlyMap<string, KeyEnds>> {
  const columns = indexedIntegers(table)
  if (columns.length === 0) return new Map()
  const ends = columns.map(quoted).flatMap((name) => [`min(${name})`, `max(${name})`])
  const list = ends.map((end, i) => `cast(${end} as char) as c${i}`).join(', ')
  try {
    const [row] = await select<Record<string, string | null>>(session, `select ${list} from ${quotedTable(table)}`)
    return keyEnds(
      columns,
      ends.map((_, i) => row?.[`c${i}`] ?? null),
    )
  } catch {
    return new Map()
  }
}

interface Probe {
  readonly table: SurveyTable
  readonly columns: readonly string[]
  readonly values: readonly string[]
}

/** The server compares texts by its collation; what it gives back is compared here, letter by letter. */
async function present(session: MysqlConnection, { table, columns, values }: Probe): Promise<ReadonlySet<string>> {
  const asked = values.flatMap((value) => {
    const parts = partsOf(value, columns.length).map((part, i) => valuesFor(table, columns[i]!, [part]))
    return parts.every(({ length }) => length === 1) ? [parts.flat()] : []
  })
  if (asked.length === 0) return new Set()
  const names = columns.map(quoted)
  const list = names.map((name, i) => `cast(${name} as char) as c${i}`).join(', ')
  const given = asked.map((parts) => (parts.length === 1 ? '?' : `(${marks(parts)})`)).join(', ')
  const sql = `select ${list} from ${quotedTable(table)} where (${names.join(', ')}) in (${given})`
  const rows = await select<Record<string, string>>(session, sql, asked.flat())
  return new Set(rows.map((row) => partsText(columns.map((_, i) => row[`c${i}`]!))))
}

async function rowsOf(
  session: MysqlConnection,
  { table, key, values, columns }: RowsQuestion,
): Promise<ReadonlyMap<string, readonly (string | null)[]>> {
  const asked = valuesFor(table, key, values)
  if (asked.length === 0) return new Map()
  const list = columns.map((name, i) => `, left(cast(${quoted(name)} as char), 512) as c${i}`).join('')
  const sql = `select cast(${quoted(key)} as char) as id${list} from ${quotedTable(table)} where ${quoted(key)} in (${marks(asked)})`
  const rows = await select<Record<string, string | null>>(session, sql, asked)
  return new Map(rows.map((row) => [String(row.id), columns.map((_, i) => row[`c${i}`] ?? null)]))
}

/** A text compared with a number would be rounded to a float: numbers are handed over as numbers. */
function valuesFor(table: SurveyTable, column: string, values: readonly string[]): readonly (string | bigint)[] {
  const kind = table.columns.find(({ name }) => name === column)?.kind
  if (kind !== 'integer') return values
  return values.filter((value) => /^-?\d{1,18}$/.test(value)).map(BigInt)
}

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ')
}

function quotedTable({ name }: SurveyTable): string {
  return quoted(name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name)
}

/** MySQL holds 64 characters of a name. */
function quoted(name: string): string {
  if (name === '' || name.includes('\0'))
    throw refused('check/bad-identifier', `${JSON.stringify(name)} is no name MySQL can hold.`, 'Correct the name.')
  return `\`${name.replaceAll('`', '``')}\``
}
