/** Whether declared keys can be found by an index, and whether text is held in UTF-8: what makes a check slow or impossible. */
import { thousands } from '../base/counted.ts'
import type { PostgresSource } from '../check/sources/postgres.ts'
import { type Config, columnNameOf, type Expression } from '../invariant/invariant.ts'
import { quoteIdentifier, sqlTable } from '../store/store.ts'
import type { Examined, Symptom } from './symptom.ts'

/** Smaller tables are read whole sooner than an index helps. */
export const rowsWithoutIndexMax = 10_000

/** Columns by which a check looks rows up. */
export interface DeclaredKey {
  readonly table: string
  readonly columns: readonly string[]
}

/** The keys that the invariants declare in a source, and the columns of children; expressions are left out. */
export function declaredKeys(config: Config, source: string): DeclaredKey[] {
  const keys = config.invariants.flatMap(({ relation }) =>
    relation.sides.flatMap((side, i) => {
      if (side.source !== source || side.rows.kind !== 'table' || side.isGrouped === true) return []
      const { table } = side.rows
      const by = relation.kind === 'references' && i === 0 ? [relation.by] : []
      return [side.key, ...by].flatMap((parts) => keyOf(table, parts))
    }),
  )
  const seen = new Set<string>()
  return keys.filter((key) => {
    const name = JSON.stringify(key)
    return !seen.has(name) && seen.add(name)
  })
}

function keyOf(table: string, parts: readonly Expression[]): DeclaredKey[] {
  const columns = parts.map(columnNameOf)
  return columns.includes(undefined) ? [] : [{ table, columns: columns as string[] }]
}

/** An index as far as looking up cares: its columns in order. */
export interface Index {
  readonly table: string
  readonly columns: readonly string[]
}

/** Whether an index begins with the columns, in any order. */
export function isIndexed({ table, columns }: DeclaredKey, indexes: readonly Index[]): boolean {
  return indexes.some(
    (index) => index.table === table && columns.every((name) => index.columns.slice(0, columns.length).includes(name)),
  )
}

/** The symptom that a large table has no index for a key. */
export function missingIndex(
  source: string,
  { table, columns }: DeclaredKey,
  { rows, sql }: { readonly rows: number; readonly sql: string },
): Symptom {
  const count = thousands(Math.round(rows))
  return {
    source,
    code: 'doctor/no-index',
    message: `${table} in ${source} (about ${count} rows) has no index that begins with ${columns.join(', ')}: every look at single rows reads all of it.`,
    help: `Run there: ${sql}`,
    subject: `${source} ${table} ${columns.join(' ')}`,
  }
}

interface IndexRow extends Index {
  readonly rows: number
}

/** Looks at the keys that are declared in a PostgreSQL database. */
export async function examineKeys(source: PostgresSource, config: Config): Promise<Examined> {
  const keys = declaredKeys(config, source.name)
  if (keys.length === 0) return { symptoms: [], notes: [] }
  const tables = [...new Set(keys.map(({ table }) => table))]
  const { rows } = await source.read((snapshot) =>
    snapshot.query<IndexRow>(
      `select t.name as "table", greatest(c.reltuples, 0)::float8 as rows,
         coalesce((select json_agg(a.attname order by k.at) from unnest(i.indkey) with ordinality k(number, at)
           join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number where k.at <= i.indnkeyatts), '[]') as columns
       from unnest($1::text[], $2::text[]) as t(name, quoted) join pg_class c on c.oid = to_regclass(t.quoted)
       left join pg_index i on i.indrelid = c.oid and i.indisvalid and i.indpred is null`,
      [tables, tables.map(sqlTable)],
    ),
  )
  const symptoms = keys.flatMap((key) => {
    const about = rows.find(({ table }) => table === key.table)
    if (about === undefined || about.rows < rowsWithoutIndexMax || isIndexed(key, rows)) return []
    const sql = `create index concurrently on ${sqlTable(key.table)} (${key.columns.map(quoteIdentifier).join(', ')})`
    return [missingIndex(source.name, key, { rows: about.rows, sql })]
  })
  return { symptoms, notes: [] }
}

/** Whether a PostgreSQL database holds its text as UTF-8, without which rows are not comparable. */
export async function examineEncoding(source: PostgresSource): Promise<Examined> {
  const { rows } = await source.read((snapshot) =>
    snapshot.query<{ encoding: string }>(`select current_setting('server_encoding') as encoding`),
  )
  const encoding = rows[0]?.encoding ?? 'unknown'
  if (encoding === 'UTF8') return { symptoms: [], notes: [] }
  const message = `The database of ${source.name} is in ${encoding}: its text cannot be compared, and its invariants stay incomplete.`
  const help = 'Check a copy of it that was created with encoding UTF8 (pg_dump and pg_restore convert).'
  return { symptoms: [{ source: source.name, code: 'doctor/encoding', message, help }], notes: [] }
}
