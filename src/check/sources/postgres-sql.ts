/** One side of an invariant as PostgreSQL's SQL: pure text, nothing is run here. */
import {
  bucketSql,
  type Cell,
  canonicalSql,
  digestColumnsSql,
  type Lane,
  rowHashSql,
  type Spread,
} from '../../digest/digest.ts'
import type { Expression, Side } from '../../invariant/invariant.ts'
import { quoteIdentifier, sqlTable } from '../../store/store.ts'
import { keyCondition } from './postgres-key.ts'
import type { Keys, Shard } from './source.ts'

/** What the builders need: the side, and its expressions with types and forms. */
export interface PostgresSide {
  readonly side: Side
  readonly key: readonly Cell[]
  readonly columns: readonly Cell[]
  /** Pages of the table when it was opened: what shards are cut by. 0 where it cannot be cut. */
  readonly pages: number
}

/** A statement with its parameters. */
export interface Bound {
  readonly text: string
  readonly values: unknown[]
}

/** `select list from rows`, with the side's own condition and perhaps others. */
export function select(side: Side, list: string, ...conditions: readonly (string | undefined)[]): string {
  // Newlines end a comment in the user's SQL, which would swallow our parenthesis.
  const rows =
    side.rows.kind === 'table'
      ? sqlTable(side.rows.table)
      : `(${side.rows.sql.replace(/;\s*$/, '')}\n) as selvedge_rows`
  const all = [side.where === undefined ? undefined : `(${side.where}\n)`, ...conditions]
  const given = all.filter((part) => part !== undefined)
  return `select ${list} from ${rows}${given.length === 0 ? '' : ` where ${given.join(' and ')}`}`
}

/** One row per bucket: its number (NULL for rows without a key) and its digest. */
export function scanSql(from: PostgresSide, spread: Spread, shard?: Shard): string {
  const list = `${bucketSql(spread, from.key)} as b, ${hashSql(from, spread.lane)} as h`
  // The fence keeps the hash from being computed once for each aggregate.
  const rows = `${select(from.side, list, shardCondition(from, shard))} offset 0`
  return `select b::text as bucket, ${digestColumnsSql('h')} from (${rows}) as hashed group by b`
}

/** Key and hash of all rows in the buckets `$1`. */
export function bucketRowsSql(from: PostgresSide, spread: Spread): string {
  const list = `${keyColumns(from)}, (${hashSql(from, spread.lane)})::text as h`
  return select(from.side, list, inBuckets(from, spread))
}

/** Key and values of all rows in the buckets `$1`. */
export function bucketValuesSql(from: PostgresSide, spread: Spread): string {
  return select(from.side, rowColumns(from), inBuckets(from, spread))
}

/** Key and values of the rows with the given keys; undefined when no key of theirs can be one of this side. */
export function rowsByKeySql(from: PostgresSide, keys: Keys, isTable: boolean): Bound | undefined {
  const condition = keyCondition(from.key, keys)
  const list = `${rowColumns(from, { isWhole: true })}${isTable ? ', xmin::text as stamp' : ''}`
  return condition && { text: select(from.side, list, condition.sql), values: condition.values }
}

/** Those of the given keys that the side does not have. */
export function missingSql(from: PostgresSide, keys: Keys): Bound | undefined {
  const condition = keyCondition(from.key, keys)
  if (condition === undefined) return undefined
  const names = from.key.map((_, i) => `k${i}`)
  const lists = names.map((_, i) => `$${condition.values.length + i + 1}::text[]`).join(', ')
  const asked = `select ${names.join(', ')} from unnest(${lists}) as asked(${names.join(', ')})`
  const values = [...condition.values, ...names.map((_, i) => keys.map((parts) => parts[i]))]
  return { text: `${asked} except ${select(from.side, keyColumns(from), condition.sql)}`, values }
}

/** Distinct columns of rows where none is NULL, and how many rows have them. */
export function referencesSql(from: PostgresSide): string {
  const plain = from.columns.map((cell) => cell.sql).join(', ')
  const list = from.columns.map((cell, i) => `${canonicalSql(cell.type, cell.sql, cell.form)} as c${i}`).join(', ')
  const isGiven = from.columns.map((cell) => `${cell.sql} is not null`).join(' and ')
  // Grouped by the values themselves: their texts are made once for each group, not for each row.
  return `${select(from.side, `${list}, count(*)::text as n`, isGiven)} group by ${plain}`
}

/** Keys of rows whose columns are among the references, sorted. */
export function keysOfSql(from: PostgresSide, references: Keys, most: number): Bound | undefined {
  const condition = keyCondition(from.columns, references)
  if (condition === undefined) return undefined
  const order = from.key.map((_, i) => i + 1).join(', ')
  const text = `${select(from.side, keyColumns(from), condition.sql)} order by ${order} limit ${most}`
  return { text, values: condition.values }
}

/** Canonical text of the key's parts, as k0, k1 … */
export function keyColumns(from: Pick<PostgresSide, 'key'>): string {
  return from.key.map((cell, i) => `${canonicalSql(cell.type, cell.sql, cell.form)} as k${i}`).join(', ')
}

/** Canonical text of the key and the columns, as k0 … c0 …; whole, values keep digits that their form would cut. */
export function rowColumns(from: PostgresSide, { isWhole = false } = {}): string {
  const columns = from.columns.map((cell, i) => {
    const form = isWhole && cell.form !== undefined ? { kind: cell.form.kind } : cell.form
    return `${canonicalSql(cell.type, cell.sql, form)} as c${i}`
  })
  return [keyColumns(from), ...columns].join(', ')
}

/** A name is quoted as it is; anything else is the user's own SQL, kept together by parentheses. */
export function expressionSql(expression: Expression): string {
  if (typeof expression === 'object')
    return 'column' in expression ? quoteIdentifier(expression.column) : `(${expression.sql}\n)`
  return isName(expression) ? quoteIdentifier(expression) : `(${expression}\n)`
}

/** The column that an expression names; undefined for SQL. */
export function columnNameOf(expression: Expression): string | undefined {
  if (typeof expression === 'object') return 'column' in expression ? expression.column : undefined
  return isName(expression) ? expression : undefined
}

/** A side whose rows are groups, as a plain query over its groups. */
export function ungrouped(side: Side): Side {
  if (side.isGrouped !== true) return side
  const names = Object.keys(side.columns)
  const list = [
    ...side.key.map((expression, i) => `${expressionSql(expression)} as "selvedge_g${i}"`),
    ...names.map((name, i) => `${expressionSql(side.columns[name] ?? name)} as "selvedge_v${i}"`),
  ].join(', ')
  const groups = side.key.map((_, i) => i + 1).join(', ')
  const { isGrouped: _, ...plain } = side
  return {
    ...plain,
    rows: { kind: 'query', sql: `${select(side, list)} group by ${groups}` },
    key: side.key.map((_, i) => ({ column: `selvedge_g${i}` })),
    columns: Object.fromEntries(names.map((name, i) => [name, { column: `selvedge_v${i}` }])),
    where: undefined,
  }
}

function isName(text: string): boolean {
  return /^[\p{L}_][\p{L}\p{N}_$]*$/u.test(text)
}

function hashSql(from: PostgresSide, lane: Lane): string {
  return rowHashSql(lane, [...from.key, ...from.columns])
}

function inBuckets(from: PostgresSide, spread: Spread): string {
  return `(${bucketSql(spread, from.key)}) = any($1::bigint[])`
}

/** A range of pages; the last part is open, because the table may have grown since. */
function shardCondition({ pages }: PostgresSide, shard: Shard | undefined): string | undefined {
  if (shard === undefined || shard.of < 2) return undefined
  const page = (index: number) => Math.floor((pages * index) / shard.of)
  const from = `ctid >= '(${page(shard.index)},0)'::tid`
  return shard.index + 1 === shard.of ? from : `${from} and ctid < '(${page(shard.index + 1)},0)'::tid`
}
