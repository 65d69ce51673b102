/** What PostgreSQL's catalog says of the expressions and the table of a side. */
import { type ColumnType, keptByJson, kindOf, type PostgresType } from '../../digest/digest.ts'
import { columnNameOf, type Expression, type Side } from '../../invariant/invariant.ts'
import { type Queryable, sqlTable } from '../../store/store.ts'
import { expressionSql, select } from './postgres-sql.ts'

/** An expression of a side with its type, a domain already replaced by its base type. */
export interface Typed {
  readonly sql: string
  readonly type: PostgresType
  readonly columnType: ColumnType
}

/** The relation behind a side. */
export interface Size {
  /** Whether its rows know which transaction wrote them: those of a table that may be read as a whole do. */
  readonly isTable: boolean
  readonly rowsAbout: number
  readonly rowsPrepared: number
  /** Pages of the largest of the tables that hold the rows (partitions, children); 0 where other than tables do. */
  readonly pages: number
  /** Pages of all of them. */
  readonly pagesInAll: number
  /** Whether an index finds rows by the first part of the key. */
  readonly isKeyIndexed: boolean
  /** Whether the first part of the key is never NULL, as the table declares it. */
  readonly isKeyGiven: boolean
}

interface SizeRow {
  readonly is_table: boolean
  readonly about: number | null
  readonly pages: number | null
  readonly pages_in_all: number | null
  readonly indexed: boolean
  readonly given: boolean
}

/** What a planner expects of a view or a query may be off by far: work is cut for at least so many rows. */
const rowsUnknown = 1_000_000
const textType: PostgresType = { name: 'text', form: 'b', category: 'S' }

/**
 * The answers to questions that were put together, one flight instead of one each: a server may be far away. After a failure
 * the others only say that the transaction is aborted, so the first in order is the one to tell.
 */
export async function inOneFlight<T extends readonly unknown[]>(
  ...asked: { [I in keyof T]: Promise<T[I]> }
): Promise<T> {
  const answers = await Promise.allSettled(asked)
  return answers.map((answer) => {
    if (answer.status === 'rejected') throw answer.reason
    return answer.value
  }) as unknown as T
}

/** The types of expressions over a side's rows; known even when there are none. */
export async function typesOf(
  snapshot: Queryable,
  side: Side,
  expressions: readonly Expression[],
): Promise<readonly Typed[]> {
  const asked = expressions.map(expressionSql)
  const rows = select(side, asked.map((sql, i) => `${sql} as e${i}`).join(', '))
  const list = asked.map((_, i) => `pg_typeof(described.e${i})::oid`).join(', ')
  const described = snapshot.query<PostgresType & { n: string; modifier: number }>(
    `with recursive asked as (
       select o.oid, o.n from (select 1) as one left join (${rows} limit 0) as described on true,
         unnest(array[${list}]::oid[]) with ordinality as o(oid, n)
     ), based as (
       select a.n, t.*, -1 as modifier from asked a join pg_type t on t.oid = a.oid
       union all select b.n, t.*, b.typtypmod from based b join pg_type t on t.oid = b.typbasetype where b.typtype = 'd'
     )
     select n::text, typname::text as name, typtype::text as form, typcategory::text as category, modifier
     from based where typtype <> 'd' order by based.n`,
  )
  const [{ rows: found }, modifiers] = await inOneFlight(described, modifiersOf(snapshot, side))
  return expressions.map((expression, i) => {
    const { name, form, category, modifier } = found[i] ?? { ...textType, modifier: -1 }
    const type = { name, form, category }
    const declared = modifiers.get(columnNameOf(expression) ?? '') ?? -1
    return { sql: asked[i]!, type, columnType: columnTypeOf(type, declared >= 0 ? declared : modifier) }
  })
}

/**
 * How large the table of a side is, with its partitions and children. A table that was never analyzed is guessed from its
 * size, at some hundred bytes a row; of views, queries and foreign tables the planner says what it expects.
 */
export async function sizeOf(snapshot: Queryable, side: Side): Promise<Size> {
  if (side.rows.kind !== 'table') return { ...unstored, ...(await expectedRows(snapshot, side)) }
  const { rows } = await snapshot.query<SizeRow>(sizeSql, [
    sqlTable(side.rows.table),
    columnNameOf(side.key[0] ?? '') ?? null,
  ])
  const [row] = rows
  const about = row?.about ?? undefined
  return {
    isTable: row?.is_table ?? false,
    ...(about === undefined ? await expectedRows(snapshot, side) : { rowsAbout: about, rowsPrepared: about }),
    pages: row?.pages ?? 0,
    pagesInAll: row?.pages_in_all ?? 0,
    isKeyIndexed: row?.indexed ?? false,
    isKeyGiven: row?.given ?? false,
  }
}

const unstored = { isTable: false, pages: 0, pagesInAll: 0, isKeyIndexed: false, isKeyGiven: false } as const

async function expectedRows(snapshot: Queryable, side: Side): Promise<Pick<Size, 'rowsAbout' | 'rowsPrepared'>> {
  const { rows } = await snapshot.query<{
    'QUERY PLAN': readonly { readonly Plan?: { readonly 'Plan Rows'?: number } }[]
  }>(`explain (format json) ${select(side, '1')}`)
  const rowsAbout = rows[0]?.['QUERY PLAN'][0]?.Plan?.['Plan Rows'] ?? rowsUnknown
  return { rowsAbout, rowsPrepared: Math.max(rowsUnknown, rowsAbout) }
}

/** A partitioned table holds no rows of its own, and counts what its partitions hold a second time. */
const sizeSql = `with recursive tree as (
    select oid, relkind, reltuples from pg_class where oid = to_regclass($1)
    union all select c.oid, c.relkind, c.reltuples
      from tree join pg_inherits on inhparent = tree.oid join pg_class c on c.oid = inhrelid
  ), held as (
    select relkind, reltuples, pg_relation_size(oid) as bytes from tree where relkind <> 'p'
  ), whole as (
    select bool_and(relkind in ('r', 'm')) as is_stored,
      sum(case when reltuples > 0 then reltuples when relkind in ('r', 'm') then bytes / 100 end)::float8 as about,
      max(bytes)::float8 / current_setting('block_size')::int8 as pages,
      sum(bytes)::float8 / current_setting('block_size')::int8 as pages_in_all from held
  )
  select relkind in ('r', 'p') and has_table_privilege(oid, 'select') as is_table, about,
    case when is_stored then pages end as pages, case when is_stored then pages_in_all end as pages_in_all,
    exists (select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
      join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam
      where i.indrelid = pg_class.oid and a.attname = $2 and i.indisvalid and i.indpred is null and m.amname = 'btree') as indexed,
    exists (select from pg_attribute a where a.attrelid = pg_class.oid and a.attname = $2 and a.attnotnull) as given
  from pg_class, whole where oid = to_regclass($1)`

/** Type modifiers of a table's columns: they hold the digits of `numeric(12,2)` and `timestamp(3)`. */
async function modifiersOf(snapshot: Queryable, side: Side): Promise<ReadonlyMap<string, number>> {
  if (side.rows.kind !== 'table') return new Map()
  const { rows } = await snapshot.query<{ name: string; modifier: number }>(
    `select attname::text as name, atttypmod as modifier from pg_attribute
     where attrelid = to_regclass($1) and attnum > 0 and not attisdropped and atttypmod >= 0`,
    [sqlTable(side.rows.table)],
  )
  return new Map(rows.map(({ name, modifier }) => [name, modifier]))
}

/** The header that PostgreSQL adds to the modifier of a numeric, and the bits of its scale. */
const numericHeader = 4
const scaleMask = 0x7ff

function columnTypeOf(type: PostgresType, modifier: number): ColumnType {
  const kind = kindOf(type)
  if (kind === 'json') return { kind, name: type.name, keeps: keptByJson(type) }
  if (kind === 'float4' || kind === 'float8') return { kind, name: type.name, keeps: ['sign'] }
  if (kind === 'timestamp') return { kind, name: type.name, digits: modifier >= 0 ? modifier : 6 }
  if (kind !== 'decimal' || modifier < numericHeader) return { kind, name: type.name }
  return { kind, name: type.name, digits: (modifier - numericHeader) & scaleMask }
}
