/** Surveys a PostgreSQL database in read-only transactions, with a limit on the time of every statement. */
import {
  type Database,
  openDatabase,
  type Queryable,
  quoteIdentifier,
  quoteLiteral,
  sqlTable,
} from '../../store/store.ts'
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

interface TableName {
  readonly schema: string
  readonly name: string
}

interface TableRow extends TableName {
  readonly rows: number
  readonly may: boolean
  readonly columns: readonly { readonly name: string; readonly type: string; readonly base: string }[]
  readonly keys: readonly { readonly primary: boolean; readonly columns: readonly string[] }[] | null
  readonly foreign_keys: readonly (TableName & { readonly columns: readonly string[] })[] | null
}

/** Tables of people: no partitions, no tables of extensions, none of a schema that holds our log. */
const tablesSql = `
select n.nspname as schema, c.relname as name, greatest(c.reltuples, -1)::float8 as rows,
  has_table_privilege(c.oid, 'select') and has_schema_privilege(n.oid, 'usage') as may,
  (select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
      'base', coalesce(nullif(b.typname, ''), y.typname)) order by a.attnum)
   from pg_attribute a join pg_type y on y.oid = a.atttypid left join pg_type b on b.oid = y.typbasetype
   where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
  (select json_agg(json_build_object('primary', i.indisprimary, 'columns',
      (select json_agg(a.attname order by k.at) from unnest(i.indkey) with ordinality k(number, at)
       join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number where k.at <= i.indnkeyatts))
      order by i.indisprimary desc, i.indexrelid)
   from pg_index i where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null) as keys,
  (select json_agg(json_build_object('columns', (select json_agg(a.attname order by k.at)
      from unnest(f.conkey) with ordinality k(number, at)
      join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number), 'schema', p.relnamespace::regnamespace::text, 'name', p.relname))
   from pg_constraint f join pg_class p on p.oid = f.confrelid where f.conrelid = c.oid and f.contype = 'f') as foreign_keys
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype = 'e')
  and not exists (select from pg_class l where l.relnamespace = n.oid and l.relname = 'migration'
    and exists (select from pg_class t where t.relnamespace = n.oid and t.relname in ('tick', 'parked_stream', 'applied')))
order by n.nspname, c.relname`

/**
 * Looks at all tables that the role may read.
 *
 * @throws transient `store/unreachable`, or the server's refusal.
 */
export async function surveyPostgres(
  source: string,
  url: string,
  onProgress: (line: string) => void = () => undefined,
): Promise<Surveyed> {
  const database = openDatabase(url, { max: 1, applicationName: 'selvedge init' })
  try {
    const about = await read(database, (db) =>
      db.query<{ version: string; database: string; user: string }>(
        `select current_setting('server_version') as version, current_database() as database, current_user as user`,
      ),
    )
    const { rows } = await read(database, (db) => db.query<TableRow>(tablesSql))
    const wanted = rows.filter(({ name }) => !isBookkeeping(name))
    const unread: { table: string; why: string }[] = []
    const tables: SurveyTable[] = []
    for (const row of wanted) {
      onProgress(`${source}: ${nameOf(row)}`)
      if (!row.may) {
        unread.push({ table: nameOf(row), why: 'the role may not read it' })
        continue
      }
      try {
        const table = await read(database, (db) => tableOf(db, source, row))
        tables.push(table.isWhole ? table : { ...table, ends: await endsOf(database, table) })
      } catch (error) {
        unread.push({ table: nameOf(row), why: error instanceof Error ? error.message : String(error) })
      }
    }
    const first = about.rows[0]!
    return {
      ...{ source, engine: 'postgres', ...first, tables, unread },
      present: (table, columns, values) => read(database, (db) => present(db, { table, columns, values })),
      rowsOf: (question) => read(database, (db) => rowsOf(db, question)),
      close: () => database.close(),
    }
  } catch (error) {
    await database.close()
    throw error
  }
}

function read<T>(database: Database, work: (db: Queryable) => Promise<T>): Promise<T> {
  return database.transaction(
    (tx) => {
      tx.send(`select set_config('statement_timeout', ${quoteLiteral(String(statementTimeoutMs))}, true)`)
      return work(tx)
    },
    { isolation: 'repeatable read', readOnly: true },
  )
}

function nameOf({ schema, name }: TableName): string {
  const part = /[."]/.test(name) ? quoteIdentifier(name) : name
  return schema === 'public' ? part : `${/[."]/.test(schema) ? quoteIdentifier(schema) : schema}.${part}`
}

const plainNames: Readonly<Record<string, string>> = {
  ...{ int2: 'smallint', int4: 'integer', int8: 'bigint', uuid: 'uuid' },
  ...{ varchar: 'character varying', bpchar: 'character', text: 'text', citext: 'citext' },
}

async function tableOf(db: Queryable, source: string, row: TableRow): Promise<SurveyTable> {
  const columns: SurveyColumn[] = row.columns.map(({ name, type, base }) => {
    const kind = keyKindOf(type)
    // A domain is what it is made of.
    return { name, type, kind: kind === 'other' ? keyKindOf(plainNames[base] ?? '') : kind }
  })
  const sampled = columns.filter(({ kind }) => kind !== 'other').map(({ name }) => name)
  const values = await sampleOf(db, row, sampled)
  const isWhole = values.length <= sampleRowsMax
  const sample = new Map(sampled.map((name, i) => [name, values.map((one) => one[i] ?? null)]))
  const keys = row.keys ?? []
  return {
    ...{ source, name: nameOf(row), isWhole, columns, sample },
    rows: isWhole ? values.length : Math.max(row.rows, values.length),
    keys: keys.map((key) => key.columns),
    hasPrimaryKey: keys[0]?.primary === true,
    foreignKeys: (row.foreign_keys ?? []).map((key) => ({ columns: key.columns, table: nameOf(key) })),
  }
}

/** The first rows; and where there are more, others from all over the table, which costs a few pages and no scan. */
async function sampleOf(db: Queryable, row: TableRow, columns: readonly string[]): Promise<(string | null)[][]> {
  const table = sqlTable(nameOf(row))
  const list = columns.map((name) => `left(${quoteIdentifier(name)}::text, 128)`).join(', ')
  const rowSql = columns.length === 0 ? `'[]'::json` : `json_build_array(${list})`
  const all = await db.query<{ r: (string | null)[] }>(`select ${rowSql} as r from ${table} limit ${sampleRowsMax + 1}`)
  const isWhole = all.rows.length <= sampleRowsMax
  if (isWhole || row.rows < sampleRowsMax) return all.rows.map(({ r }) => r)
  const percent = Math.min(100, (150 * sampleRowsMax) / row.rows)
  const spread = await db.query<{ r: (string | null)[] }>(
    `select ${rowSql} as r from ${table} tablesample system (${percent}) repeatable (1) limit ${sampleRowsMax + 1}`,
  )
  const rows = spread.rows.length < sampleRowsMax / 10 ? all.rows : spread.rows
  // One row more than the limit says that this is a sample; a sample that fell short says so as well.
  return [...rows, ...all.rows].slice(0, sampleRowsMax + 1).map(({ r }) => r)
}

/** What the ends of its indexes say of a table, one look at each; where that takes too long they stay unknown. */
async function endsOf(database: Database, table: SurveyTable): Promise<ReadonlyMap<string, KeyEnds>> {
  const columns = indexedIntegers(table)
  if (columns.length === 0) return new Map()
  const list = columns.map(quoteIdentifier).map((name) => `min(${name})::text, max(${name})::text`)
  const sql = `select json_build_array(${list.join(', ')}) as r from ${sqlTable(table.name)}`
  try {
    const { rows } = await read(database, (db) => db.query<{ r: (string | null)[] }>(sql))
    return keyEnds(columns, rows[0]?.r ?? [])
  } catch {
    return new Map()
  }
}

interface Probe {
  readonly table: SurveyTable
  readonly columns: readonly string[]
  readonly values: readonly string[]
}

async function present(db: Queryable, { table, columns, values }: Probe): Promise<ReadonlySet<string>> {
  const names = columns.map(quoteIdentifier)
  // One array for each column, all of one length: a part that is no value of the type is NULL, and equals nothing.
  const parts = values.map((value) => partsOf(value, columns.length))
  const arrays = columns.map((column, i) => {
    const may = isValueOf(table, column)
    return parts.map((one) => (may(one[i]!) ? one[i]! : null))
  })
  const given = columns.map((column, i) => `$${i + 1}::${arrayOf(table, column)}`)
  const list = names.map((name) => `${name}::text`).join(', ')
  const where =
    columns.length === 1
      ? `${names[0]} = any(${given[0]})`
      : `(${names.join(', ')}) in (select * from unnest(${given.join(', ')}))`
  const { rows } = await db.query<{ parts: string[] }>(
    `select json_build_array(${list}) as parts from ${sqlTable(table.name)} where ${where}`,
    arrays,
  )
  return new Set(rows.map((row) => partsText(row.parts)))
}

async function rowsOf(
  db: Queryable,
  { table, key, values, columns }: RowsQuestion,
): Promise<ReadonlyMap<string, readonly (string | null)[]>> {
  const name = quoteIdentifier(key)
  const list = columns.map((column) => `left(${quoteIdentifier(column)}::text, 512)`).join(', ')
  const { rows } = await db.query<{ key: string; r: (string | null)[] }>(
    `select ${name}::text as key, json_build_array(${list}) as r from ${sqlTable(table.name)} where ${name} = any($1::${arrayOf(table, key)})`,
    [keysOf(table, key, values)],
  )
  return new Map(rows.map(({ key: value, r }) => [value, r]))
}

/** The type that lets the key's index answer. */
function arrayOf(table: SurveyTable, column: string): string {
  const { type, kind } = table.columns.find(({ name }) => name === column)!
  if (kind === 'integer') return /^(?:numeric|decimal)/.test(type) ? 'numeric[]' : 'int8[]'
  if (kind === 'uuid') return 'uuid[]'
  return /^character(?:\(|$)/.test(type) ? 'bpchar[]' : 'text[]'
}

/** Values that are no values of the type are none of the key, and would be an error in the statement. */
function keysOf(table: SurveyTable, column: string, values: readonly string[]): readonly string[] {
  return values.filter(isValueOf(table, column))
}

function isValueOf(table: SurveyTable, column: string): (value: string) => boolean {
  const { kind } = table.columns.find(({ name }) => name === column)!
  if (kind === 'integer') return (value) => /^-?\d{1,18}$/.test(value)
  if (kind === 'uuid') return (value) => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)
  return () => true
}
