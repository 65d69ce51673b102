/** One side of an invariant as PostgreSQL's SQL: pure text, nothing is run here. */
import {
  briefSql,
  bucketSql,
  type Cell,
  canonicalSql,
  digestColumnsSql,
  type Form,
  hash60Sql,
  hashedTextSql,
  integerBucketSql,
  isBriefable,
  type KeyRange,
  kindOf,
  recordHashSql,
  type Spread,
  textBucketSql,
  uuidAt,
  weightSql,
} from '../../digest/digest.ts'
import { columnNameOf, type Expression, expressionText, queryOf, type Side } from '../../invariant/invariant.ts'
import { quoteIdentifier, sqlTable } from '../../store/store.ts'
import { keyCondition, singleLookup } from './postgres-key.ts'
import type { InBuckets, Keys, Shard } from './source.ts'

/** What the builders need: the side, and its expressions with types and forms. */
export interface PostgresSide {
  readonly side: Side
  readonly key: readonly Cell[]
  readonly columns: readonly Cell[]
  /** Pages of the table, or of its largest partition, when it was opened: what shards are cut by. 0 where it cannot be cut. */
  readonly pages: number
}

/** A statement with its parameters. */
export interface Bound {
  readonly text: string
  readonly values: unknown[]
}

/** `select list from rows`, with the side's own condition and perhaps others. */
export function select(side: Side, list: string, ...conditions: readonly (string | undefined)[]): string {
  return selectFrom(rowsOf(side), side, list, conditions)
}

/** The same of rows whose key lies in one of the ranges `$1` to `$2`, each found through the key's index. */
function selectInRanges(side: Side, key: string, list: string, [low, high] = parameters): string {
  const ranges = `unnest(${low}::bigint[], ${high}::bigint[]) as selvedge_range(selvedge_low, selvedge_high)`
  const from = `${ranges} join ${rowsOf(side)} on ${key} between selvedge_low and selvedge_high`
  return selectFrom(from, side, list, [])
}

function selectFrom(from: string, side: Side, list: string, conditions: readonly (string | undefined)[]): string {
  const all = [side.where === undefined ? undefined : `(${side.where}\n)`, ...conditions]
  const given = all.filter((part) => part !== undefined)
  return `select ${list} from ${from}${given.length === 0 ? '' : ` where ${given.join(' and ')}`}`
}

function rowsOf(side: Side): string {
  // Newlines end a comment in the user's SQL, which would swallow our parenthesis.
  return side.rows.kind === 'table' ? sqlTable(side.rows.table) : `(${queryOf(side)}\n) as selvedge_rows`
}

/** One row per bucket: its number (NULL for rows without a key) and its digest. */
export function scanSql(from: PostgresSide, spread: Spread, part?: Shard | KeyRange): string {
  return digestsSql(hashedSql(from, spread, { conditions: [partCondition(from, part)] }), spread)
}

function digestsSql(rows: string, { lane, byInteger }: Spread): string {
  return `select b::text as bucket, ${digestColumnsSql('h', lane, byInteger ? 'w' : undefined)} from (${rows}) as hashed group by b`
}

/**
 * Least and greatest key, as texts: between them lie the ranges of integer buckets. Without the side's own condition they
 * are the ends of an index (ordered by the key, not by its text); uuids have no `min` before PostgreSQL 18.
 */
export function keyBoundsSql(from: PostgresSide): string {
  const key = from.key[0]!.sql
  const end = (order: string) =>
    `(${select({ ...from.side, where: undefined }, `${key}::text as selvedge_end`, `${key} is not null`)} order by ${key} ${order} limit 1)`
  return `select ${end('asc')} as least, ${end('desc')} as greatest`
}

/** Which rows of a side are wanted: those in the buckets `$1`, or with a key between the bounds `$1` and `$2`. */
export type Wanted = 'buckets' | 'ranges'

/** Key and hash of the wanted rows. */
export function bucketRowsSql(from: PostgresSide, asked: InBuckets, wanted: Wanted): string {
  const keys = from.key.map((_, i) => `k${i}`).join(', ')
  return `select ${keys}, h::text as h from (${wantedSql(from, asked, { wanted, spread: asked.spread, hasKeys: true })}) as hashed`
}

/** Digests of the wanted rows, spread anew. */
export function bucketDigestsSql(from: PostgresSide, asked: InBuckets, wanted: Wanted, spread: Spread): string {
  return digestsSql(wantedSql(from, asked, { wanted, spread, hasKeys: false }), spread)
}

/** Lists of numbers in the place of parameters, which the statement of a cursor cannot have. */
export function listsInPlace(lists: readonly (readonly (bigint | string)[])[]): string[] {
  return lists.map((list) => `'{${list.map(BigInt).join(',')}}'`)
}

/** Key and values of the wanted rows. */
export function bucketValuesSql(
  from: PostgresSide,
  asked: InBuckets,
  wanted: Wanted,
  { isBrief, lists }: { readonly isBrief: boolean; readonly lists: readonly string[] },
): string {
  const list = rowColumns(from, { isBrief })
  if (wanted === 'ranges') return selectInRanges(from.side, from.key[0]!.sql, list, lists)
  return select(from.side, list, ...bucketConditions(from, asked, lists))
}

/** Rows are told apart before they are hashed: a few of many are wanted. */
function wantedSql(
  from: PostgresSide,
  asked: InBuckets,
  { wanted, spread, hasKeys }: { readonly wanted: Wanted; readonly spread: Spread; readonly hasKeys: boolean },
): string {
  if (wanted === 'ranges') return hashedSql(from, spread, { inRanges: true, hasKeys })
  return hashedSql(from, spread, { hasKeys, conditions: bucketConditions(from, asked) })
}

const parameters: readonly string[] = ['$1', '$2']

function bucketConditions(
  from: PostgresSide,
  { spread, within }: InBuckets,
  [list] = parameters,
): (string | undefined)[] {
  return [`(${bucketSql(spread, from.key)}) = any(${list}::bigint[])`, within && withinSql(from, within)]
}

/**
 * Rows as bucket `b` and hash `h`, with their keys where asked for. In lane `portable` each text is written once, in an inner
 * select, since bucket, lengths and hash all read it; the fences keep the planner from writing it again for each.
 */
function hashedSql(
  from: PostgresSide,
  spread: Spread,
  {
    conditions = [],
    inRanges = false,
    hasKeys = false,
  }: {
    readonly conditions?: readonly (string | undefined)[]
    readonly inRanges?: boolean
    readonly hasKeys?: boolean
  },
): string {
  const rows = (list: string) =>
    inRanges ? selectInRanges(from.side, from.key[0]!.sql, list) : select(from.side, list, ...conditions)
  const keys = from.key.map((_, i) => `k${i}`)
  if (spread.lane === 'record') {
    const list = [`${bucketSql(spread, from.key)} as b`, `${recordHashSql([...from.key, ...from.columns])} as h`]
    const more = hasKeys ? [keyColumns(from)] : spread.byInteger ? [`${weightSql(from.key[0]!.sql)} as w`] : []
    return `${rows([...list, ...more].join(', '))} offset 0`
  }
  const columns = from.columns.map((_, i) => `c${i}`)
  const number = spread.byInteger ? [`${from.key[0]!.sql} as n`] : []
  const texts = rows([...number, rowColumns(from)].join(', '))
  const bucket = spread.byInteger ? integerBucketSql(spread, 'n') : textBucketSql(spread, keys)
  const forms = [...from.key, ...from.columns].map(({ form }) => form)
  const hash = hash60Sql(hashedTextSql([...keys, ...columns], forms))
  const list = [`${bucket} as b`, `${hash} as h`, ...(hasKeys ? keys : [])].join(', ')
  return `select ${list} from (${texts} offset 0) as texts offset 0`
}

/** Key and values of the rows with the given keys; undefined when no key of theirs can be one of this side. */
export function rowsByKeySql(
  from: PostgresSide,
  keys: Keys,
  { isTable, isBrief }: { readonly isTable: boolean; readonly isBrief: boolean },
): Bound | undefined {
  const condition = keyCondition(from.key, keys)
  const list = `${rowColumns(from, { hasAllDigits: true, isBrief })}${isTable ? ', xmin::text as stamp' : ''}`
  return condition && { text: select(from.side, list, condition.sql), values: condition.values }
}

/**
 * Those of the given keys that the side does not have. A single key travels as its own type and is looked for through its
 * index; several parts are compared as texts.
 */
export function missingSql(from: PostgresSide, keys: Keys): (Bound & { readonly impossible: Keys }) | undefined {
  const condition = keyCondition(from.key, keys)
  if (condition === undefined) return undefined
  const { impossible } = condition
  const lookup = singleLookup(from.key)
  if (lookup !== undefined) {
    const isThere = `exists (${select(from.side, '1', lookup.isEqualTo('asked.selvedge_k'))})`
    const asked = `unnest($1::text[]::${lookup.type}[]) as asked(selvedge_k)`
    return {
      text: `select selvedge_k::text as k0 from ${asked} where not ${isThere}`,
      values: condition.values,
      impossible,
    }
  }
  const names = from.key.map((_, i) => `k${i}`)
  const lists = names.map((_, i) => `$${condition.values.length + i + 1}::text[]`).join(', ')
  const asked = `select ${names.map((name) => `${name} collate "C" as ${name}`).join(', ')} from unnest(${lists}) as asked(${names.join(', ')})`
  const values = [...condition.values, ...names.map((_, i) => keys.map((parts) => parts[i]))]
  return {
    text: `${asked} except ${select(from.side, keyColumns(from, 'collate "C" '), condition.sql)}`,
    values,
    impossible,
  }
}

/** Distinct columns of rows where none is NULL, and how many rows have them. */
export function referencesSql(from: PostgresSide): string {
  const told = from.columns.map((cell) => {
    const text = canonicalSql(cell.type, cell.sql, cell.form)
    // Byte by byte: a collation that takes 'A' for 'a' would make one reference of both, and only one be looked for.
    if (kindOf(cell.type) === 'text') return { text: `${text} collate "C"`, by: `${text} collate "C"` }
    // Grouped by the values themselves: their texts are made once for each group, not for each row.
    return { text, by: cell.sql }
  })
  const list = told.map(({ text }, i) => `${text} as c${i}`).join(', ')
  const isGiven = from.columns.map((cell) => `${cell.sql} is not null`).join(' and ')
  return `${select(from.side, `${list}, count(*)::text as n`, isGiven)} group by ${told.map(({ by }) => by).join(', ')}`
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
export function keyColumns(from: Pick<PostgresSide, 'key'>, collation = ''): string {
  return from.key.map((cell, i) => `${canonicalSql(cell.type, cell.sql, cell.form)} ${collation}as k${i}`).join(', ')
}

/**
 * Canonical text of the key and the columns, as k0 … c0 … With `hasAllDigits` values keep digits that their form would
 * cut; with `isBrief` long ones are their length and SHA-256.
 */
export function rowColumns(from: PostgresSide, { hasAllDigits = false, isBrief = false } = {}): string {
  const columns = from.columns.map((cell, i) => {
    const form = hasAllDigits && cell.form !== undefined ? withoutDigits(cell.form) : cell.form
    const text = canonicalSql(cell.type, cell.sql, form)
    return `${isBrief && isBriefable(form ?? kindOf(cell.type)) ? briefSql(text) : text} as c${i}`
  })
  return [keyColumns(from), ...columns].join(', ')
}

function withoutDigits({ digits: _, ...form }: Form): Form {
  return form
}

/** A name is quoted as it is; anything else is the user's own SQL, kept together by parentheses. */
export function expressionSql(expression: Expression): string {
  const name = columnNameOf(expression)
  return name === undefined ? `(${expressionText(expression)}\n)` : quoteIdentifier(name)
}

/** Rows with keys in a range. */
export function withinSql({ key: [key] }: Pick<PostgresSide, 'key'>, { from, to }: KeyRange): string {
  const written = (ordinal: bigint) => (kindOf(key!.type) === 'uuid' ? `'${uuidAt(ordinal)}'::uuid` : String(ordinal))
  return `${key!.sql} between ${written(from)} and ${written(to)}`
}

/** A range of keys or of pages; the last part by pages is open, because the table may have grown since. */
function partCondition({ key, pages }: PostgresSide, part: Shard | KeyRange | undefined): string | undefined {
  if (part === undefined) return undefined
  if ('from' in part) return withinSql({ key }, part)
  if (part.of < 2) return undefined
  // Of a partitioned table each part is the same pages of each partition.
  const page = (index: number) => Math.floor((pages * index) / part.of)
  const from = `ctid >= '(${page(part.index)},0)'::tid`
  return part.index + 1 === part.of ? from : `${from} and ctid < '(${page(part.index + 1)},0)'::tid`
}
