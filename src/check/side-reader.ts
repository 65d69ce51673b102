/** One side of an invariant as SQL: what it selects, of which types, and how its rows are found by key. */
import {
  bucketSql,
  type Cell,
  canonicalSql,
  digestColumnsSql,
  type Kind,
  kindOf,
  type Lane,
  type PostgresType,
  rowHashSql,
  type Spread,
} from '../digest/digest.ts'
import { type Expression, type Side, sideName } from '../invariant/invariant.ts'
import { type Queryable, quoteIdentifier, sqlTable } from '../store/store.ts'
import { keyCondition } from './key-condition.ts'
import type { Source } from './sources/postgres.ts'

/** A side whose types are known. */
export interface SideReader {
  readonly name: string
  readonly source: Source
  readonly side: Side
  readonly key: readonly Cell[]
  readonly columns: readonly Cell[]
  readonly columnNames: readonly string[]
  /** Whether its rows know which transaction wrote them: those of a table that may be read as a whole do. */
  readonly isTable: boolean
  /** About how many rows there are; only buckets depend on it. */
  readonly rowsAbout: number
}

/** A table that was never analyzed, a view or a query is taken to be this large. */
const rowsUnknown = 1_000_000

/** Asks the database for the types of a side's expressions: it also proves that the side can be read at all. */
export async function openSide(source: Source, side: Side): Promise<SideReader> {
  const columnNames = Object.keys(side.columns).sort()
  const key = side.key.map(expressionSql)
  const columns = columnNames.map((name) => expressionSql(side.columns[name] ?? name))
  return source.read(async (snapshot) => {
    const types = await typesOf(snapshot, side, [...key, ...columns])
    const cells = [...key, ...columns].map((sql, i): Cell => ({ sql, type: types[i] ?? textType }))
    const size =
      side.rows.kind === 'table' ? await sizeOf(snapshot, side.rows.table) : { isTable: false, rowsAbout: rowsUnknown }
    return {
      name: sideName(side),
      source,
      side,
      key: cells.slice(0, key.length),
      columns: cells.slice(key.length),
      columnNames,
      ...size,
    }
  })
}

/** The kinds of a side's columns, in the order of `columnNames`. */
export function columnKinds(reader: SideReader): Kind[] {
  return reader.columns.map((cell) => kindOf(cell.type))
}

/** One row per bucket: its number (NULL for rows without a key) and its digest. */
export function scanSql(reader: SideReader, spread: Spread): string {
  // The fence keeps the hash from being computed once for each aggregate.
  const rows = select(reader.side, `${bucketSql(spread, reader.key)} as b, ${hashSql(reader, spread.lane)} as h`)
  return `select b::text as bucket, ${digestColumnsSql('h')} from (${rows} offset 0) as hashed group by b`
}

/** Key and hash of all rows in the buckets `$1`. */
export function bucketRowsSql(reader: SideReader, spread: Spread): string {
  const list = `${keyColumns(reader)}, (${hashSql(reader, spread.lane)})::text as h`
  return select(reader.side, list, `(${bucketSql(spread, reader.key)}) = any($1::bigint[])`)
}

/** Key and values of all rows in the buckets `$1`. */
export function bucketValuesSql(reader: SideReader, spread: Spread): string {
  return select(reader.side, rowColumns(reader), `(${bucketSql(spread, reader.key)}) = any($1::bigint[])`)
}

/** Key and values of the rows with the given keys; undefined when no key of theirs can be one of this side. */
export function rowsByKeySql(
  reader: SideReader,
  keys: readonly (readonly string[])[],
): { text: string; values: unknown[] } | undefined {
  const condition = keyCondition(reader.key, keys)
  return (
    condition && {
      text: select(reader.side, `${rowColumns(reader)}${reader.isTable ? ', xmin::text as stamp' : ''}`, condition.sql),
      values: condition.values,
    }
  )
}

/** `select list from rows`, with the side's own condition and perhaps another. */
export function select(side: Side, list: string, condition?: string): string {
  // Newlines end a comment in the user's SQL, which would swallow our parenthesis.
  const rows =
    side.rows.kind === 'table'
      ? sqlTable(side.rows.table)
      : `(${side.rows.sql.replace(/;\s*$/, '')}\n) as selvedge_rows`
  const conditions = [side.where === undefined ? undefined : `(${side.where}\n)`, condition].filter(
    (part) => part !== undefined,
  )
  return `select ${list} from ${rows}${conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`}`
}

/** Canonical text of the key's parts, as k0, k1 … */
export function keyColumns(reader: Pick<SideReader, 'key'>): string {
  return reader.key.map((cell, i) => `${canonicalSql(cell.type, cell.sql)} as k${i}`).join(', ')
}

/** Canonical text of the key and the columns, as k0 … c0 … */
function rowColumns(reader: SideReader): string {
  return [keyColumns(reader), ...reader.columns.map((cell, i) => `${canonicalSql(cell.type, cell.sql)} as c${i}`)].join(
    ', ',
  )
}

function hashSql(reader: SideReader, lane: Lane): string {
  return rowHashSql(lane, [...reader.key, ...reader.columns])
}

/** A name is quoted as it is; anything else is the user's own SQL, kept together by parentheses. */
export function expressionSql(expression: Expression): string {
  if (typeof expression === 'object')
    return 'column' in expression ? quoteIdentifier(expression.column) : `(${expression.sql}\n)`
  return /^[\p{L}_][\p{L}\p{N}_$]*$/u.test(expression) ? quoteIdentifier(expression) : `(${expression}\n)`
}

const textType: PostgresType = { name: 'text', form: 'b', category: 'S' }

/** The types of expressions over a side's rows; known even when there are none. A domain counts as its base type. */
export async function typesOf(
  snapshot: Queryable,
  side: Side,
  expressions: readonly string[],
): Promise<PostgresType[]> {
  const rows = select(side, expressions.map((sql, i) => `${sql} as e${i}`).join(', '))
  const list = expressions.map((_, i) => `pg_typeof(described.e${i})::oid`).join(', ')
  const { rows: found } = await snapshot.query<PostgresType>(
    `with recursive asked as (
       select o.oid, o.n from (select 1) as one left join (${rows} limit 0) as described on true,
         unnest(array[${list}]) with ordinality as o(oid, n)
     ), based as (
       select a.n, t.* from asked a join pg_type t on t.oid = a.oid
       union all select b.n, t.* from based b join pg_type t on t.oid = b.typbasetype where b.typtype = 'd'
     )
     select typname::text as name, typtype::text as form, typcategory::text as category from based where typtype <> 'd' order by n`,
  )
  return found
}

/** A table that was never analyzed is guessed from its size, at some hundred bytes a row. */
async function sizeOf(snapshot: Queryable, table: string): Promise<{ isTable: boolean; rowsAbout: number }> {
  const { rows } = await snapshot.query<{ is_table: boolean; about: number | null }>(
    `select relkind in ('r', 'p') and has_table_privilege(oid, 'select') as is_table,
       case when reltuples > 0 then reltuples when relkind in ('r', 'm') then pg_relation_size(oid) / 100 end::float8 as about
     from pg_class where oid = to_regclass($1)`,
    [sqlTable(table)],
  )
  return { isTable: rows[0]?.is_table ?? false, rowsAbout: rows[0]?.about ?? rowsUnknown }
}
