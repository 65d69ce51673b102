/** Databases that are generated from a few words: tables with values, and the references that were true when they were made. */

import { groupedBy } from '../../src/base/grouped-by.ts'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { keyKindOf, type SurveyTable } from '../../src/check/propose/survey.ts'

type Value = string | null

/** How a column is filled. */
export type Column =
  | { readonly kind: 'serial'; readonly from: number; readonly step: number }
  | { readonly kind: 'uuid' }
  | { readonly kind: 'code'; readonly prefix: string }
  | { readonly kind: 'pick'; readonly of: readonly string[]; readonly type: string }
  | { readonly kind: 'int'; readonly from: number; readonly to: number }
  | { readonly kind: 'text' }
  | { readonly kind: 'other'; readonly type: string }
  | { readonly kind: 'ref'; readonly to: string; readonly nulls: number; readonly dangling: number }
  | { readonly kind: 'part'; readonly to: string }

/** A table: its number of rows, its primary key (the first column by default) and its columns. */
export interface TableSpec {
  readonly rows: number
  readonly key?: readonly string[]
  readonly unique?: readonly string[]
  readonly columns: Readonly<Record<string, Column>>
}

/** A database by the names of its tables. */
export type SchemaSpec = Readonly<Record<string, TableSpec>>

export const serial = (from = 1, step = 1): Column => ({ kind: 'serial', from, step })
export const uuid = (): Column => ({ kind: 'uuid' })
export const code = (prefix: string): Column => ({ kind: 'code', prefix })
export const pick = (...of: string[]): Column => ({ kind: 'pick', of, type: 'varchar(20)' })
export const flag = (): Column => ({ kind: 'pick', of: ['0', '1'], type: 'smallint' })
export const int = (from: number, to: number): Column => ({ kind: 'int', from, to })
export const text = (): Column => ({ kind: 'text' })
export const other = (type = 'timestamp'): Column => ({ kind: 'other', type })
/** A reference `table` (to its key) or `table.column`; `nulls` and `dangling` are shares. */
export const ref = (to: string, { nulls = 0, dangling = 0 } = {}): Column => ({ kind: 'ref', to, nulls, dangling })

/** A part of a reference through several columns: all parts of a row that name one table are of one row there. */
export const part = (to: string): Column => ({ kind: 'part', to })

/** A reference that was true. */
export interface TrueReference {
  readonly table: string
  readonly columns: readonly string[]
  readonly parent: string
}

/** A generated database, all in one source. */
export interface Generated {
  readonly tables: readonly SurveyTable[]
  readonly references: readonly TrueReference[]
}

/** Fills the tables in the order in which they are written; a reference to itself or to a later table comes last. */
export function generate(spec: SchemaSpec, seed: number): Generated {
  const random = seededRandom(seed)
  const values = new Map<string, Value[]>()
  const tables = Object.entries(spec)
  const fill = (wanted: (column: Column) => boolean) => {
    for (const [table, { rows, columns }] of tables)
      for (const [name, column] of Object.entries(columns))
        if (wanted(column))
          values.set(
            `${table}.${name}`,
            Array.from({ length: rows }, (_, i) =>
              cellOf(column, i, { random, parent: parentValues(spec, column, values) }),
            ),
          )
  }
  fill(({ kind }) => kind !== 'ref' && kind !== 'part')
  // Keys that are references themselves must stand before what refers to them.
  for (let round = 0; round < 3; round += 1)
    fill((column) => (column.kind === 'ref' || column.kind === 'part') && !filled(spec, column, values, round))
  return {
    tables: tables.map(([name, table]) => surveyed({ name, table, spec, values })),
    references: tables.flatMap(([table, spec]) => referencesOf(table, spec)),
  }
}

function referencesOf(table: string, { columns }: TableSpec): TrueReference[] {
  const named = Object.entries(columns).flatMap(([column, { kind, ...rest }]) =>
    kind === 'ref' || kind === 'part' ? [{ column, kind, parent: (rest as { to: string }).to.split('.')[0]! }] : [],
  )
  const parts = groupedBy(
    named.filter(({ kind }) => kind === 'part'),
    ({ parent }) => parent,
  )
  return [
    ...named.flatMap(({ column, kind, parent }) => (kind === 'ref' ? [{ table, columns: [column], parent }] : [])),
    ...[...parts].map(([parent, of]) => ({ table, columns: of.map(({ column }) => column), parent })),
  ]
}

function filled(spec: SchemaSpec, column: Column, values: ReadonlyMap<string, Value[]>, round: number): boolean {
  return round > 0 && parentValues(spec, column, values).length === 0
}

function keyOf(spec: SchemaSpec, to: string): string {
  const [table, column] = to.split('.')
  return `${table}.${column ?? spec[table!]?.key?.[0] ?? Object.keys(spec[table!]?.columns ?? {})[0]}`
}

function parentValues(spec: SchemaSpec, column: Column, values: ReadonlyMap<string, Value[]>): readonly Value[] {
  return column.kind === 'ref' || column.kind === 'part' ? (values.get(keyOf(spec, column.to)) ?? []) : []
}

interface Making {
  readonly random: Random
  readonly parent: readonly Value[]
}

function cellOf(column: Column, row: number, { random, parent }: Making): Value {
  switch (column.kind) {
    case 'serial':
      return String(column.from + row * column.step)
    case 'uuid':
      return uuidText(random)
    case 'code':
      return `${column.prefix}${String(row * 7 + 13).padStart(3, '0')}`
    case 'pick':
      return column.of[random.int(column.of.length)]!
    case 'int':
      return String(column.from + random.int(column.to - column.from + 1))
    case 'text':
      return `w${random.int(1e9).toString(36)} ${random.int(1e9).toString(36)}`
    case 'other':
      return null
    case 'part':
      // By the number of the row and not by chance: so all parts of it are of one row.
      return parent[(row * 7919) % Math.max(1, parent.length)] ?? null
    case 'ref': {
      if (parent.length === 0 || random.next() < column.nulls) return null
      const value = parent[random.int(parent.length)]!
      if (random.next() >= column.dangling) return value
      return /^\d+$/.test(value ?? '') ? String(Number(value) + 1_000_000) : `gone-${random.int(1e6)}`
    }
  }
}

function uuidText(random: Making['random']): string {
  const part = (length: number) => Array.from({ length }, () => random.int(16).toString(16)).join('')
  return `${part(8)}-${part(4)}-4${part(3)}-8${part(3)}-${part(12)}`
}

interface Surveying {
  readonly name: string
  readonly table: TableSpec
  readonly spec: SchemaSpec
  readonly values: ReadonlyMap<string, Value[]>
}

function surveyed({ name, table, spec, values }: Surveying): SurveyTable {
  const { rows, key, unique = [], columns } = table
  const described = Object.keys(columns).map((column) => {
    const type = typeOf(columns[column]!, values.get(`${name}.${column}`) ?? [], spec)
    return { name: column, type, kind: keyKindOf(type) }
  })
  return {
    ...{ source: 'all', name, rows, isWhole: true, columns: described, foreignKeys: [], hasPrimaryKey: true },
    keys: [key ?? [Object.keys(columns)[0]!], ...unique.map((column) => [column])],
    sample: new Map(
      described.flatMap((column) =>
        column.kind === 'other' ? [] : [[column.name, values.get(`${name}.${column.name}`) ?? []]],
      ),
    ),
  }
}

/** A reference has the type of its values; an empty one that of its parent. */
function typeOf(column: Column, values: readonly Value[], spec: SchemaSpec): string {
  if (column.kind === 'serial' || column.kind === 'int') return 'integer'
  if (column.kind === 'uuid') return 'uuid'
  if (column.kind === 'pick' || column.kind === 'other') return column.type
  if (column.kind !== 'ref' && column.kind !== 'part') return 'character varying(80)'
  const some = values.find((value) => value !== null)
  if (some === undefined) {
    const [table, name] = keyOf(spec, column.to).split('.')
    return typeOf(spec[table!]!.columns[name!]!, [], spec)
  }
  if (/^\d+$/.test(some ?? '')) return 'integer'
  return /^[0-9a-f-]{36}$/.test(some ?? '') ? 'uuid' : 'character varying(80)'
}
