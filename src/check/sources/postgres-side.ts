/** A side of an invariant in PostgreSQL: described, bound to forms, and read. */
import {
  bucketRanges,
  type Cell,
  canonicalSql,
  type Form,
  isOrdinalKey,
  type KeyBounds,
  type KeyRange,
  ordinalOf,
  rowText,
  travelText,
} from '../../digest/digest.ts'
import { type Expression, expressionText, type Side, sideName } from '../../invariant/invariant.ts'
import type { Queryable } from '../../store/store.ts'
import type { Row } from '../compare.ts'
import { heldOf } from '../images.ts'
import { demandNumbers, type GroupPart, ungrouped } from './grouped-side.ts'
import type { PostgresSource } from './postgres.ts'
import { keyCondition } from './postgres-key.ts'
import {
  type Bound,
  bucketDigestsSql,
  bucketRowsSql,
  bucketValuesSql,
  expressionSql,
  keyBoundsSql,
  keysOfSql,
  listsInPlace,
  missingSql,
  type PostgresSide,
  referencesSql,
  rowColumns,
  rowsByKeySql,
  scanSql,
  select,
  type Wanted,
  withinSql,
} from './postgres-sql.ts'
import { inOneFlight, type Size, sizeOf, type Typed, typesOf } from './postgres-types.ts'
import { encodingOf, unreadableEncoding } from './postgres-unreadable.ts'
import type {
  Described,
  Digests,
  Forms,
  HashedRow,
  Held,
  InBuckets,
  Keys,
  ReferenceBatch,
  RowsAsked,
  SideReader,
  StreamAsked,
  ValuedRow,
} from './source.ts'

/** References fetched at a time: a megabyte or two. */
const referencesPerFetch = 4_000
/** Rows that travel at a time: with 4,000 they outlived the collector's young generation, and cost 20 MiB more. */
const rowsPerFetch = 1_000
/** A shard of fewer pages than this (8 MiB) costs more in round trips than it spares the server. */
const pagesPerShardLeast = 1_024

type Fetched = Readonly<Record<string, string | null>>

/** A side in PostgreSQL, for those who ask more of it than other engines can answer: positions. */
export interface PostgresReader extends SideReader {
  readonly source: PostgresSource
  readonly cells: PostgresSide
  /** Whether its rows know which transaction wrote them. */
  readonly isTable: boolean
  /** What the side holds of some keys, in a snapshot of the caller's. */
  rowsIn(snapshot: Queryable, keys: Keys, how?: RowsAsked): Promise<ReadonlyMap<string, Held>>
}

/** Whether a reader is one of PostgreSQL. */
export function isPostgresReader(reader: SideReader): reader is PostgresReader {
  return reader.source.engine === 'postgres'
}

/** Asks for the types of a side; it also proves that the side can be read at all. */
export async function describePostgres(
  source: PostgresSource,
  declared: Side,
  columns?: readonly Expression[],
): Promise<Described> {
  const parts = declared.isGrouped === true ? await partsOf(source, declared) : []
  const side = ungrouped(declared, { expression: expressionSql, select }, parts)
  const columnNames = columns === undefined ? Object.keys(side.columns).sort() : columns.map(expressionText)
  const expressions = columns ?? columnNames.map((name) => side.columns[name] ?? name)
  const found = await source.read(async (snapshot) => {
    const [types, size, encoding] = await inOneFlight(
      typesOf(snapshot, side, [...side.key, ...expressions]),
      sizeOf(snapshot, side),
      encodingOf(snapshot),
    )
    return { types, size, encoding }
  })
  // Its texts are bytes of which nobody says what they mean; all other encodings the server translates.
  if (
    found.encoding === 'SQL_ASCII' &&
    found.types.some(({ columnType: { kind } }) => kind === 'text' || kind === 'json')
  )
    throw unreadableEncoding(source.name, found.encoding)
  const key = found.types.slice(0, side.key.length)
  const rest = found.types.slice(side.key.length)
  const described: Described = {
    name: sideName(declared),
    source,
    side,
    key: key.map(({ columnType }) => columnType),
    columns: rest.map(({ columnType }) => columnType),
    columnNames,
    rowsAbout: found.size.rowsAbout,
    rowsPrepared: found.size.rowsPrepared,
    recordProbe: () => source.recordProbe(),
    bind: (forms) => bound(source, described, forms, { key, columns: rest, size: found.size }),
  }
  return described
}

/** How the parts of a grouped side's key are grouped, once it is known that numbers are summed up. */
async function partsOf(source: PostgresSource, declared: Side): Promise<GroupPart[]> {
  const types = await source.read((snapshot) =>
    typesOf(snapshot, declared, [...declared.key, ...Object.values(declared.columns)]),
  )
  const summed = types.slice(declared.key.length)
  demandNumbers(
    declared,
    summed.map(({ columnType }) => columnType),
    { cast: '(?)::numeric' },
  )
  const key = types.slice(0, declared.key.length)
  return key.map(({ sql, type, columnType }) =>
    columnType.kind === 'text' ? { told: `${canonicalSql(type, sql)} collate "C"` } : {},
  )
}

/** A row for people to read, and when the transaction that wrote it committed, where the server keeps that. */
export interface DatedRow {
  readonly row: Record<string, unknown>
  readonly committedAt: Date | undefined
}

/** The whole rows of a key. */
export async function peekPostgres(
  source: PostgresSource,
  side: Side,
  key: readonly string[],
  most: number,
): Promise<DatedRow[]> {
  return source.read(async (snapshot) => {
    const typed = await typesOf(snapshot, side, side.key)
    const condition = keyCondition(cellsOf(typed, []), [key])
    if (condition === undefined) return []
    const isDated = (await sizeOf(snapshot, side)).isTable && (await tracksCommits(snapshot))
    const list = isDated ? 'pg_xact_commit_timestamp(xmin) as selvedge_committed_at, *' : '*'
    const { rows } = await snapshot.query<{ selvedge_committed_at?: Date | null }>(
      `${select(side, list, condition.sql)} limit ${most}`,
      condition.values,
    )
    return rows.map(({ selvedge_committed_at: at, ...row }) => ({ row, committedAt: at ?? undefined }))
  })
}

/** Whether the server keeps when each transaction committed; it forgets those of long ago. */
export async function tracksCommits(snapshot: Queryable): Promise<boolean> {
  const { rows } = await snapshot.query<{ setting: string }>(
    `select current_setting('track_commit_timestamp') as setting`,
  )
  return rows[0]?.setting === 'on'
}

interface Found {
  readonly key: readonly Typed[]
  readonly columns: readonly Typed[]
  readonly size: Size
}

function bound(source: PostgresSource, described: Described, forms: Forms, found: Found): PostgresReader {
  const cells: PostgresSide = {
    side: described.side,
    key: cellsOf(found.key, forms.key),
    columns: cellsOf(found.columns, forms.columns),
    pages: found.size.pages,
  }
  const { isTable, isKeyIndexed } = found.size
  const place: Place = { source, cells, isKeyIndexed }
  const ask = async (statement: Bound | undefined): Promise<Fetched[]> =>
    statement === undefined
      ? []
      : (await source.read((snapshot) => snapshot.query<Fetched>(statement.text, statement.values))).rows
  const drilled = (
    asked: InBuckets,
    sqlOf: (from: PostgresSide, asked: InBuckets, wanted: Wanted) => string,
  ): Promise<Fetched[]> =>
    source.read(async (snapshot) => {
      const { wanted, lists } = await listsOf(snapshot, place, asked)
      return (await snapshot.query<Fetched>(sqlOf(cells, asked, wanted), lists)).rows
    })
  const keyIn = (row: Fetched) => cells.key.map((_, i) => row[`k${i}`] ?? '')
  const rowsIn = async (snapshot: Queryable, keys: Keys, { isBrief = false }: RowsAsked = {}) => {
    const statement = rowsByKeySql(cells, keys, { isTable, isBrief })
    if (statement === undefined) return new Map<string, Held>()
    const { rows } = await snapshot.query<Fetched>(statement.text, statement.values)
    return heldOf(rows.map((row) => ({ ...valuedOf(row, cells, forms), stamp: row.stamp ?? '' })))
  }
  return {
    ...described,
    source,
    forms,
    cells,
    isTable,
    shardsMost: Math.max(1, Math.floor(found.size.pagesInAll / pagesPerShardLeast)),
    ...(isOrdinalKey(described.key) && isKeyIndexed && found.size.isKeyGiven
      ? { bounds: () => source.read((snapshot) => boundsOf(snapshot, cells)) }
      : {}),
    digests: async (spread, part) =>
      digestsOf(
        part !== undefined && 'buckets' in part
          ? await drilled(part, (...asked) => bucketDigestsSql(...asked, spread))
          : await ask({ text: scanSql(cells, spread, part), values: [] }),
      ),
    hashes: async (asked) =>
      (await drilled(asked, bucketRowsSql)).map((row): HashedRow => ({ key: keyIn(row), hash: row.h ?? '' })),
    stream: (how) => streamOf(place, forms, how),
    rows: (keys, how) => source.read((snapshot) => rowsIn(snapshot, keys, how)),
    rowsIn,
    references: () => referencesOf(source, cells),
    missing: async (keys) => {
      const statement = missingSql(cells, keys)
      if (statement === undefined) return new Set(keys.map(rowText))
      return new Set([...statement.impossible, ...(await ask(statement)).map(keyIn)].map(rowText))
    },
    keysOf: async (references, most) => (await ask(keysOfSql(cells, references, most))).map(keyIn),
  }
}

/** Where rows are looked for. */
interface Place {
  readonly source: PostgresSource
  readonly cells: PostgresSide
  readonly isKeyIndexed: boolean
}

interface Lists {
  readonly wanted: Wanted
  readonly lists: (readonly (bigint | string)[])[]
}

/** How the rows of some buckets are asked for. */
async function listsOf(snapshot: Queryable, { cells, isKeyIndexed }: Place, asked: InBuckets): Promise<Lists> {
  const ranges = isKeyIndexed ? await rangesOf(snapshot, cells, asked) : undefined
  if (ranges === undefined) return { wanted: 'buckets', lists: [asked.buckets] }
  return { wanted: 'ranges', lists: [ranges.map(({ from }) => from), ranges.map(({ to }) => to)] }
}

/** More ranges than this for each bucket mean sparse keys: then reading the whole table is cheaper. */
const rangesPerBucketMax = 8

/** Where the rows of integer buckets lie; undefined where only reading all rows tells. */
async function rangesOf(
  snapshot: Queryable,
  cells: PostgresSide,
  { spread, buckets, within }: InBuckets,
): Promise<KeyRange[] | undefined> {
  if (!spread.byInteger) return undefined
  const keys = within === undefined ? await boundsOf(snapshot, cells) : { least: within.from, greatest: within.to }
  if (keys === undefined) return []
  return bucketRanges(spread, buckets, keys, buckets.length * rangesPerBucketMax)
}

async function boundsOf(snapshot: Queryable, cells: PostgresSide): Promise<KeyBounds | undefined> {
  const { rows } = await snapshot.query<{ least: string | null; greatest: string | null }>(keyBoundsSql(cells))
  const [bounds] = rows
  if (typeof bounds?.least !== 'string' || typeof bounds.greatest !== 'string') return undefined
  return { least: ordinalOf(bounds.least), greatest: ordinalOf(bounds.greatest) }
}

function cellsOf(typed: readonly Typed[], forms: readonly Form[]): Cell[] {
  return typed.map(({ sql, type }, i) => ({ sql, type, ...(forms[i] === undefined ? {} : { form: forms[i] }) }))
}

function digestsOf(rows: readonly Fetched[]): Digests {
  const big = (text: string | null | undefined) => BigInt(text ?? 0)
  return new Map(
    rows.map((row) => [row.bucket ?? null, { rows: big(row.rows), sum: big(row.sum), product: big(row.product) }]),
  )
}

function valuedOf(row: Fetched, cells: PostgresSide, forms: Forms): ValuedRow {
  return { key: cells.key.map((_, i) => row[`k${i}`] ?? null), values: valuesOf(row, forms.columns) }
}

function valuesOf(row: Fetched, forms: readonly Form[]): Row {
  return forms.map((form, i) => travelText(form, row[`c${i}`] ?? null))
}

async function* streamOf(
  place: Place,
  forms: Forms,
  { isBrief = false, inBuckets, within }: StreamAsked = {},
): AsyncGenerator<ValuedRow[]> {
  const { source, cells } = place
  let sql = select(cells.side, rowColumns(cells, { isBrief }), within && withinSql(cells, within))
  if (inBuckets !== undefined) {
    const { wanted, lists } = await source.read((snapshot) => listsOf(snapshot, place, inBuckets))
    sql = bucketValuesSql(cells, inBuckets, wanted, { isBrief, lists: listsInPlace(lists) })
  }
  for await (const rows of source.pages<Fetched>(rowsPerFetch, sql))
    yield rows.map((row) => valuedOf(row, cells, forms))
}

async function* referencesOf(source: PostgresSource, cells: PostgresSide): AsyncGenerator<ReferenceBatch> {
  for await (const rows of source.pages<Fetched>(referencesPerFetch, referencesSql(cells))) {
    const references = rows.map((row) => cells.columns.map((_, i) => row[`c${i}`] ?? ''))
    yield { references, rows: rows.reduce((sum, row) => sum + Number(row.n), 0) }
  }
}
