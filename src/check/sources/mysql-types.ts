/** What MySQL and MariaDB say of the expressions and the table of a side. */
import type { FieldPacket } from 'mysql2'
import { type ColumnType, kindOfMysql, type MysqlCell, type MysqlType } from '../../digest/digest.ts'
import { columnNameOf, type Expression, type Side } from '../../invariant/invariant.ts'
import type { MysqlSnapshot } from './mysql.ts'
import { mysqlExpression, mysqlTableParts, selectMysql } from './mysql-sql.ts'

/** The table behind a side. */
export interface MysqlTable {
  readonly rowsAbout: number
  readonly rowsPrepared: number
  /** The single integer column of its primary key, quoted by nobody yet: what shards are cut by. */
  readonly shardColumn: string | undefined
}

/** What an optimizer expects of a view or a query may be off by far: work is cut for at least so many rows. */
const rowsUnknown = 1_000_000

/** The cells of expressions over a side's rows, without forms; known even when there are no rows. */
export async function mysqlCells(
  snapshot: MysqlSnapshot,
  side: Side,
  expressions: readonly Expression[],
): Promise<MysqlCell[]> {
  const asked = expressions.map(mysqlExpression)
  // This proves, too, that all of it can be read. A side may have no columns at all.
  const list = ['1', ...asked].map((sql, i) => `${sql} as e${i}`).join(', ')
  const answer = await snapshot.answer(`${selectMysql(side, list)} limit 0`)
  const fields = answer.fields.slice(1)
  const columns = await columnsOf(snapshot, side)
  return expressions.map((expression, i) => {
    const declared = columns.get((columnNameOf(expression) ?? '').toLowerCase())
    return { sql: asked[i]!, type: declared ?? typeOfField(fields[i]!) }
  })
}

/** As the engine calls it, for messages, and what kind of value it is. */
export function mysqlColumnType(type: MysqlType): ColumnType {
  const kind = kindOfMysql(type)
  const name = `${type.name}${type.digits === undefined ? '' : `(${type.digits})`}${type.isUnsigned === true ? ' unsigned' : ''}`
  // MariaDB keeps JSON as a text, which has a charset; in MySQL it is a type of its own, which keeps the meaning alone.
  if (kind === 'json' && type.charset !== undefined) return { kind, name, keeps: ['sign', 'doubles'] }
  const isCounted = kind === 'decimal' || kind === 'timestamp'
  return { kind, name, ...(isCounted && type.digits !== undefined ? { digits: type.digits } : {}) }
}

/** How large the table of a side is, and what it can be cut by. */
export async function mysqlTableOf(snapshot: MysqlSnapshot, side: Side): Promise<MysqlTable> {
  if (side.rows.kind !== 'table') return { ...(await expectedRows(snapshot, side)), shardColumn: undefined }
  const place = placeOf(side.rows.table)
  const [size] = await snapshot.rows(
    `select cast(table_rows as char) from information_schema.tables where ${place.condition} and table_type = 'BASE TABLE'`,
    place.values,
  )
  const key = await snapshot.rows(
    `select column_name, lower(data_type) from information_schema.columns where ${place.condition} and column_key = 'PRI'`,
    place.values,
  )
  const [column, type] = key.length === 1 ? key[0]! : []
  const isInteger = type !== undefined && kindOfMysql({ name: String(type), isNullable: false }) === 'integer'
  const about = Number(size?.[0] ?? Number.NaN)
  return {
    ...(Number.isNaN(about) ? await expectedRows(snapshot, side) : { rowsAbout: about, rowsPrepared: about }),
    shardColumn: isInteger ? String(column) : undefined,
  }
}

/** What the optimizer expects of a view or a query: the product of the tables that its first SELECT joins. */
async function expectedRows(
  snapshot: MysqlSnapshot,
  side: Side,
): Promise<Pick<MysqlTable, 'rowsAbout' | 'rowsPrepared'>> {
  // Who may read a view may not always see how it is made.
  const plan = await snapshot.answer(`explain ${selectMysql(side, '1')}`).catch(() => undefined)
  const at = (name: string) => plan?.fields.findIndex((field) => field.name.toLowerCase() === name) ?? -1
  const first = plan?.rows.filter((row) => row[at('id')] === plan.rows[0]?.[at('id')]) ?? []
  const rowsAbout = first.reduce((product, row) => product * Number(row[at('rows')] ?? 1), 1)
  if (plan === undefined || !Number.isFinite(rowsAbout)) return { rowsAbout: rowsUnknown, rowsPrepared: rowsUnknown }
  return { rowsAbout, rowsPrepared: Math.max(rowsUnknown, rowsAbout) }
}

function placeOf(table: string): { condition: string; values: string[] } {
  const parts = mysqlTableParts(table)
  const name = parts.at(-1) ?? ''
  if (parts.length < 2) return { condition: 'table_schema = database() and table_name = ?', values: [name] }
  return { condition: 'table_schema = ? and table_name = ?', values: [parts[0] ?? '', name] }
}

/** The columns of a side's table or view by name in lower case, as MySQL takes them. */
async function columnsOf(snapshot: MysqlSnapshot, side: Side): Promise<ReadonlyMap<string, MysqlType>> {
  if (side.rows.kind !== 'table') return new Map()
  const place = placeOf(side.rows.table)
  const found = await snapshot.rows(
    `select column_name, lower(data_type), lower(column_type), cast(coalesce(numeric_scale, datetime_precision) as char),
       is_nullable, character_set_name, collation_name from information_schema.columns where ${place.condition}`,
    place.values,
  )
  const json = await jsonColumnsOf(snapshot, place)
  return new Map(
    found.map((row) => {
      const [name, dataType, columnType, digits, isNullable, charset, collation] = row.map((part) => part?.toString())
      return [
        name!.toLowerCase(),
        {
          name: json.has(name!) ? 'json' : nameOf(dataType!, columnType!),
          ...(digits !== undefined && counted.has(dataType!) ? { digits: Number(digits) } : {}),
          isNullable: isNullable !== 'NO',
          isUnsigned: / unsigned/.test(columnType!),
          isZerofill: / zerofill/.test(columnType!),
          ...(charset === undefined ? {} : { charset }),
          ...(collation === undefined ? {} : { ignoresCase: /_ci$/.test(collation) }),
        } satisfies MysqlType,
      ]
    }),
  )
}

/** Types of which digits after the point are declared. */
const counted: ReadonlySet<string> = new Set(['decimal', 'datetime', 'timestamp', 'time'])

function nameOf(dataType: string, columnType: string): string {
  if (dataType === 'tinyint' && /^tinyint\(1\)/.test(columnType)) return 'tinyint(1)'
  return spatialTypes.has(dataType) ? 'geometry' : dataType
}

/** Types whose values are bytes that only the engine reads. */
export const spatialTypes: ReadonlySet<string> = new Set([
  'geometry',
  'point',
  'linestring',
  'polygon',
  'multipoint',
  'multilinestring',
  'multipolygon',
  'geometrycollection',
  'geomcollection',
])

/** MariaDB keeps JSON as text with a check; MySQL has a type of its own. */
async function jsonColumnsOf(
  snapshot: MysqlSnapshot,
  { condition, values }: { condition: string; values: string[] },
): Promise<ReadonlySet<string>> {
  if (snapshot.engine !== 'mariadb') return new Set()
  const found = await snapshot.rows(
    `select constraint_name from information_schema.check_constraints
     where ${condition.replace('table_schema', 'constraint_schema')} and level = 'Column' and check_clause like 'json_valid(%'`,
    values,
  )
  return new Set(found.map(([name]) => String(name)))
}

/** Type codes and flags of the protocol. */
const codes: ReadonlyMap<number, string> = new Map([
  [0, 'decimal'],
  [1, 'tinyint'],
  [2, 'smallint'],
  [3, 'int'],
  [4, 'float'],
  [5, 'double'],
  [7, 'timestamp'],
  [8, 'bigint'],
  [9, 'mediumint'],
  [10, 'date'],
  [11, 'time'],
  [12, 'datetime'],
  [13, 'year'],
  [16, 'bit'],
  [245, 'json'],
  [246, 'decimal'],
  [247, 'enum'],
  [248, 'set'],
  [255, 'geometry'],
])
const flags = { unsigned: 32, zerofill: 64, enum: 256, set: 2048 }
/** The character set number of what is no text. */
const binaryCharset = 63
/** More digits than any type has: the server's way to say that there is no fixed number of them. */
const digitsFixedMost = 30

/** The type of an expression, from the description of its column in an answer. It counts as one that may be NULL. */
function typeOfField(field: FieldPacket): MysqlType {
  const { columnType = 253, decimals = 0, characterSet } = field as FieldPacket & { characterSet?: number }
  const bits = Number(field.flags ?? 0)
  const isBinary = characterSet === binaryCharset
  const name = codes.get(columnType) ?? ((bits & (flags.enum | flags.set)) === 0 && isBinary ? 'varbinary' : 'text')
  return {
    name: columnType === 1 && field.columnLength === 1 ? 'tinyint(1)' : name,
    ...(counted.has(name) && decimals <= digitsFixedMost ? { digits: decimals } : {}),
    isNullable: true,
    isUnsigned: (bits & flags.unsigned) !== 0,
    isZerofill: (bits & flags.zerofill) !== 0,
  }
}
