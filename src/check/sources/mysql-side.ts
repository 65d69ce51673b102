/** A side of an invariant in MySQL or MariaDB: described, bound to forms, and read. */
import { refused } from '../../base/error.ts'
import {
  briefText,
  type Form,
  type MysqlCell,
  mysqlUnhashedRows,
  rowText,
  type Spread,
  travelText,
} from '../../digest/digest.ts'
import { type Expression, expressionText, type Side, sideName } from '../../invariant/invariant.ts'
import type { Row } from '../compare.ts'
import { byRowText, heldOf } from '../images.ts'
import { demandNumbers, type GroupPart, ungrouped } from './grouped-side.ts'
import type { MysqlRow, MysqlSnapshot, MysqlSource } from './mysql.ts'
import { keysPerStatement, mysqlExactCondition, mysqlKeyCondition } from './mysql-key.ts'
import { shardsOf } from './mysql-shards.ts'
import {
  allColumns,
  hexMark,
  inMysqlBuckets,
  isBriefCell,
  isBytes,
  keyList,
  type MysqlSide,
  mysqlBytesSql,
  mysqlExpression,
  mysqlHashesSql,
  mysqlReferencesSql,
  mysqlRowList,
  mysqlScanSql,
  selectMysql,
} from './mysql-sql.ts'
import { type MysqlTable, mysqlCells, mysqlColumnType, mysqlTableOf } from './mysql-types.ts'
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
  ValuedRow,
} from './source.ts'

/** References that travel at a time: a megabyte or two. */
const referencesPerPage = 4_000
/** Rows that travel at a time: with 4,000 they outlived the collector's young generation, and cost 20 MiB more. */
const rowsPerPage = 1_000

/** Asks for the types of a side; it also proves that the side can be read at all. */
export async function describeMysql(
  source: MysqlSource,
  declared: Side,
  columns?: readonly Expression[],
): Promise<Described> {
  const parts = declared.isGrouped === true ? await partsOf(source, declared) : []
  const side = ungrouped(declared, { expression: mysqlExpression, select: selectMysql }, parts)
  const columnNames = columns === undefined ? Object.keys(side.columns).sort() : columns.map(expressionText)
  const expressions = columns ?? columnNames.map((name) => side.columns[name] ?? name)
  const { cells, table } = await source.read(async (snapshot) => ({
    cells: await mysqlCells(snapshot, side, [...side.key, ...expressions]),
    table: await mysqlTableOf(snapshot, side),
  }))
  const key = cells.slice(0, side.key.length)
  const rest = cells.slice(side.key.length)
  const described: Described = {
    name: sideName(declared),
    source,
    side,
    key: key.map(({ type }) => mysqlColumnType(type)),
    columns: rest.map(({ type }) => mysqlColumnType(type)),
    columnNames,
    rowsAbout: table.rowsAbout,
    rowsPrepared: table.rowsPrepared,
    recordProbe: async () => undefined,
    bind: (forms) => bound(source, described, forms, { key, columns: rest, table }),
  }
  return described
}

/** How the parts of a grouped side's key are grouped, once it is known that numbers are summed up. */
async function partsOf(source: MysqlSource, declared: Side): Promise<GroupPart[]> {
  const cells = await source.read((snapshot) =>
    mysqlCells(snapshot, declared, [...declared.key, ...Object.values(declared.columns)]),
  )
  const summed = cells.slice(declared.key.length)
  // MySQL's boolean is a small number.
  const types = summed.map(({ type }) =>
    mysqlColumnType(type.name === 'tinyint(1)' ? { ...type, name: 'tinyint' } : type),
  )
  demandNumbers(declared, types, { cast: 'cast(? as decimal(20,4))' })
  const key = cells.slice(0, declared.key.length)
  return key.map((cell) => (mysqlColumnType(cell.type).kind === 'text' ? { by: mysqlBytesSql(cell) } : {}))
}

/** The rows with one key and all their columns, as they are. */
export async function peekMysql(
  source: MysqlSource,
  side: Side,
  key: readonly string[],
  most: number,
): Promise<Record<string, unknown>[]> {
  return source.read(async (snapshot) => {
    const cells = await mysqlCells(snapshot, side, side.key)
    const condition = mysqlKeyCondition(cells, [key])
    if (condition === undefined) return []
    const list = `${keyList({ key: cells })}, ${allColumns(side)}`
    const { rows, fields } = await snapshot.answer(selectMysql(side, list, condition))
    const names = fields.slice(cells.length).map(({ name }) => name)
    return rows
      .filter((row) => cells.every((cell, i) => writtenText(cell, row[i] ?? null) === key[i]))
      .slice(0, most)
      .map((row) => Object.fromEntries(names.map((name, i) => [name, row[cells.length + i] ?? null])))
  })
}

interface Found {
  readonly key: readonly MysqlCell[]
  readonly columns: readonly MysqlCell[]
  readonly table: MysqlTable
}

function bound(source: MysqlSource, described: Described, forms: Forms, found: Found): SideReader {
  const from: MysqlSide = {
    side: described.side,
    key: cellsIn(found.key, forms.key),
    columns: cellsIn(found.columns, forms.columns),
  }
  const shards = shardsOf(source, from.side, found.table)
  const reader = new Reader(source, from, described.name)
  const wanted = async (asked: InBuckets) => (await shards.ranges(asked)) ?? inMysqlBuckets(from, asked)
  return {
    ...described,
    forms,
    shardsMost: shards.most,
    ...(shards.bounds === undefined ? {} : { bounds: shards.bounds }),
    digests: async (spread, part) => {
      const isInBuckets = part !== undefined && 'buckets' in part
      return reader.digests(spread, isInBuckets ? await wanted(part) : await shards.condition(part))
    },
    hashes: async (asked) => (asked.buckets.length === 0 ? [] : reader.hashes(await wanted(asked))),
    stream: async function* ({ inBuckets, within, ...how } = {}) {
      yield* reader.stream(await (inBuckets === undefined ? shards.condition(within) : wanted(inBuckets)), how)
    },
    rows: (keys, how) => reader.rows(keys, how),
    references: () => reader.references(),
    missing: (keys) => reader.missing(keys),
    keysOf: (references, most) => reader.keysOf(references, most),
  }
}

function cellsIn(cells: readonly MysqlCell[], forms: readonly Form[]): MysqlCell[] {
  return cells.map((cell, i) => (forms[i] === undefined ? cell : { ...cell, form: forms[i] }))
}

/** The reads of one side. */
class Reader {
  readonly #source: MysqlSource
  readonly #from: MysqlSide
  readonly #name: string

  constructor(source: MysqlSource, from: MysqlSide, name: string) {
    this.#source = source
    this.#from = from
    this.#name = name
  }

  async digests(spread: Spread, condition: string | undefined): Promise<Digests> {
    const found = await this.#source.read((snapshot) => snapshot.rows(mysqlScanSql(this.#from, spread, condition)))
    const digests = new Map<string | null, { rows: bigint; sum: bigint; product: bigint }>()
    let rowsTooLarge = 0n
    for (const [bucket, rows, sum] of found) {
      rowsTooLarge += mysqlUnhashedRows(big(sum))
      digests.set(textOf(bucket), { rows: big(rows), sum: big(sum), product: 0n })
    }
    if (rowsTooLarge > 0n) throw this.#tooLarge(`${rowsTooLarge} rows`)
    return digests
  }

  async hashes(wanted: string): Promise<readonly HashedRow[]> {
    const sql = mysqlHashesSql(this.#from, wanted)
    const found = await this.#source.read((snapshot) => snapshot.rows(sql))
    return found.map((row) => {
      const hash = textOf(row.at(-1))
      if (hash === null) throw this.#tooLarge('a row')
      return { key: this.#keyOf(row).map((part) => part ?? ''), hash }
    })
  }

  async *stream(wanted: string | undefined, { isBrief = false }: RowsAsked): AsyncGenerator<ValuedRow[]> {
    const { side, columns } = this.#from
    const sql = selectMysql(side, mysqlRowList(this.#from, { isBriefText: isBrief }), wanted)
    for await (const page of this.#source.pages(rowsPerPage, sql)) {
      const rows = page.map((row) => this.#valued(row))
      // The server writes texts brief; the hex of bytes it may not be able to hold.
      yield isBrief && columns.some(isBytes) ? rows.map((row) => this.#withBriefBytes(row)) : rows
    }
  }

  #withBriefBytes(row: ValuedRow): ValuedRow {
    const { columns } = this.#from
    const brief = (cell: MysqlCell, value: string | null) =>
      isBytes(cell) ? briefText(cell.form ?? 'bytes', value) : value
    return { ...row, values: columns.map((cell, i) => brief(cell, row.values[i] ?? null)) }
  }

  async rows(keys: Keys, { isBrief = false }: RowsAsked = {}): Promise<ReadonlyMap<string, Held>> {
    const asked = new Set(keys.map(rowText))
    const list = mysqlRowList(this.#from, { hasAllDigits: true, isBrief })
    const rows = await this.#byKey(this.#from.key, keys, list)
    const found = rows.map((row) => (isBrief ? this.#briefed(row) : this.#valued(row)))
    // InnoDB does not say which transaction wrote a row: there is no stamp.
    return heldOf(found.filter(({ key }) => asked.has(rowText(key))))
  }

  async *references(): AsyncGenerator<ReferenceBatch> {
    const cells = this.#from.columns
    for await (const page of this.#source.pages(referencesPerPage, mysqlReferencesSql(this.#from)))
      yield {
        references: page.map((row) => cells.map((cell, i) => writtenText(cell, row[i] ?? null) ?? '')),
        rows: page.reduce((sum, row) => sum + Number(row.at(-1)), 0),
      }
  }

  async missing(keys: Keys): Promise<ReadonlySet<string>> {
    const gone = new Set(keys.map(rowText))
    for (const row of await this.#byKey(this.#from.key, keys, keyList(this.#from)))
      gone.delete(rowText(this.#keyOf(row)))
    return gone
  }

  async keysOf(references: Keys, most: number): Promise<readonly (readonly string[])[]> {
    const { key, columns } = this.#from
    const order = `order by ${key.map((_, i) => i + 1).join(', ')} limit ${most}`
    const found = await this.#byKey(columns, references, keyList(this.#from), (batch) => ({
      condition: mysqlExactCondition(columns, batch),
      order,
    }))
    const keys = found.map((row) => this.#keyOf(row).map((part) => part ?? ''))
    return keys.sort(byRowText).slice(0, most)
  }

  /** The rows whose cells are among `keys`, and perhaps some more unless `exactly` says otherwise; in one snapshot. */
  async #byKey(
    cells: readonly MysqlCell[],
    keys: Keys,
    list: string,
    exactly?: (batch: Keys) => { condition: string; order: string },
  ): Promise<readonly MysqlRow[]> {
    if (keys.length === 0) return []
    return this.#source.read(async (snapshot: MysqlSnapshot) => {
      const found: MysqlRow[] = []
      for (let at = 0; at < keys.length; at += keysPerStatement) {
        const batch = keys.slice(at, at + keysPerStatement)
        const condition = mysqlKeyCondition(cells, batch)
        if (condition === undefined) continue
        const more = exactly?.(batch)
        const sql = selectMysql(this.#from.side, list, condition, more?.condition)
        for (const row of await snapshot.rows(more === undefined ? sql : `${sql} ${more.order}`)) found.push(row)
      }
      return found
    })
  }

  #keyOf(row: MysqlRow): (string | null)[] {
    return this.#from.key.map((cell, i) => writtenText(cell, row[i] ?? null))
  }

  #valued(row: MysqlRow): ValuedRow & { readonly values: Row } {
    const { key, columns } = this.#from
    return { key: this.#keyOf(row), values: columns.map((cell, i) => writtenText(cell, row[key.length + i] ?? null)) }
  }

  #briefed(row: MysqlRow): ValuedRow & { readonly values: Row } {
    const { key, columns } = this.#from
    const values = columns.map((cell, i) => {
      const value = row[key.length + i] ?? null
      if (!isBriefCell(cell)) return writtenText(cell, value)
      if (!isBytes(cell) || value === null) return textOf(value)
      if (value === '') throw this.#tooLarge('a value')
      return String(value).slice(hexMark.length)
    })
    return { key: this.#keyOf(row), values }
  }

  #tooLarge(what: string): Error {
    return refused(
      'check/unreadable',
      `source "${this.#source.name}": the text of ${what} of ${this.#name} outgrows the server's max_allowed_packet.`,
      'Raise max_allowed_packet on the server, or leave such rows out by `where`: their hashes cannot be computed there.',
      { source: this.#source.name, reason: 'max_allowed_packet' },
    )
  }
}

/** The canonical text of a value as it arrived. */
function writtenText(cell: MysqlCell, value: string | Buffer | number | null): string | null {
  if (!Buffer.isBuffer(value)) return travelled(cell, value === null ? null : String(value))
  if (!isBytes(cell)) return travelled(cell, value.toString('utf8'))
  const hex = value.toString('hex')
  return cell.form?.kind === 'uuid' && value.length === 16
    ? hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    : hex
}

function travelled({ form }: MysqlCell, text: string | null): string | null {
  return form === undefined ? text : travelText(form, text)
}

function textOf(value: string | Buffer | number | null | undefined): string | null {
  return value === null || value === undefined ? null : String(value)
}

function big(value: string | Buffer | number | null | undefined): bigint {
  return BigInt(textOf(value) ?? 0)
}
