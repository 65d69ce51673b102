/**
 * The SQL of a replica, written once per declaration and table.
 *
 * A batch is two statements in one flight. `rows` joins what the batch says into the bookkeeping and thereby locks the
 * keys; `copy` has a snapshot taken after that, so what it reads of the user's table nobody else is changing. In one
 * statement the copy could be computed from a row that a concurrent backfill had just replaced.
 *
 * The plans are kept by name, and a plan made while the tables were empty would read them whole for every row of a
 * replay, until somebody analyzed them: so they are made between `planByIndex` and `planAsBefore`.
 */
import { createHash } from 'node:crypto'
import { quoteIdentifier, quoteLiteral, sqlTable } from '../store/identifier.ts'
import type { Declaration } from './declaration.ts'
import type { Column, Shape } from './shape.ts'

/** A statement text with a name, so that the server plans it once per connection. */
export interface Prepared {
  readonly text: string
  readonly name: string
}

export const planByIndex = 'set local enable_seqscan = off'
export const planAsBefore = 'set local enable_seqscan to default'

/** The statements that every replica needs. */
export interface Statements {
  /** $1 replica, $2 json: joins marks and versions into `replica_row`. */
  readonly rows: Prepared
  /**
   * $1 replica, $2 json of k, v (versions by place) and the fields: brings the user's table to what the versions say,
   * for a batch in which nothing ends.
   */
  readonly copyByVersion: Prepared
  /** The same for a batch with a tombstone or an erasure. */
  readonly copyWithEnds: Prepared
  /** $1 replica, $2 json of k, u (which fields are decided) and the fields: writes values that were decided here. */
  readonly copyDecided: Prepared
}

/** Writes the statements. */
export function statementsOf(declaration: Declaration, shape: Shape): Statements {
  return {
    rows: prepared(rowsSql(shape)),
    copyByVersion: prepared(copySql(declaration, shape, { ...byVersion(declaration), hasEnds: false })),
    copyWithEnds: prepared(copySql(declaration, shape, { ...byVersion(declaration), hasEnds: true })),
    copyDecided: prepared(copySql(declaration, shape, { ...decided, hasEnds: true })),
  }
}

/** A name of its own for each text: servers refuse one name for two texts. */
export function prepared(text: string): Prepared {
  return { text, name: `selvedge_replica_${createHash('sha256').update(text).digest('hex').slice(0, 16)}` }
}

function rowsSql({ schema, placeCount }: Shape): string {
  const places = Array.from({ length: placeCount }, (_, n) => n + 1)
  const versions = places.map((place) => `greatest(r.versions[${place}], excluded.versions[${place}])`)
  const mark = (name: string) => `${name} = greatest(r.${name}, excluded.${name}),
  ${name}_counter = case when excluded.${name} > r.${name} then excluded.${name}_counter
    when excluded.${name} < r.${name} then r.${name}_counter else greatest(r.${name}_counter, excluded.${name}_counter) end`
  return `insert into ${schema}.replica_row as r
  (replica, key, alive, deleted, deleted_counter, erased, erased_counter, counter, cut, seen, changed_at, versions)
select $1, i.k, coalesce(i.a, -1), coalesce(i.d, -1), coalesce(i.dc, -1), coalesce(i.e, -1), coalesce(i.ec, -1), i.c, i.t, coalesce(i.s, 0), i.at, i.v
from json_to_recordset($2::json) as i(k text, a bigint, d bigint, dc bigint, e bigint, ec bigint, c bigint, t bigint, s bigint, at timestamptz, v bigint[])
order by i.k collate "C"
on conflict (replica, key) do update set
  alive = greatest(r.alive, excluded.alive),
  ${mark('deleted')},
  ${mark('erased')},
  counter = greatest(r.counter, excluded.counter), cut = greatest(r.cut, excluded.cut), seen = greatest(r.seen, excluded.seen),
  changed_at = greatest(r.changed_at, excluded.changed_at),
  versions = array[${versions.join(', ')}]::bigint[]`
}

/** How a copy statement learns the value of a field: extra input columns, and the value by the column's number. */
interface ValueRule {
  readonly input: string
  value(column: Column, n: number): string
  /** Whether the value is neither in the batch nor in the table: then it was held back, or somebody removed the row. */
  isElsewhere(column: Column): string
}

/** Of the owner's word only: the version decides, and a version that a tombstone or an erasure ended gives null. */
function byVersion({ keepsDeleted }: Declaration): ValueRule {
  const end = keepsDeleted ? 'r.erased' : 'greatest(r.deleted, r.erased)'
  return {
    input: 'v bigint[]',
    value: (column, n) => {
      const known = `r.versions[${column.place}]`
      return `case when ${known} > ${end} then case when i.v[${column.place}] = ${known} then i.f${n} else c.${column.name} end
      when ${known} is null and r.erased < 0 then c.${column.name} end`
    },
    isElsewhere: ({ place }) => `r.versions[${place}] > ${end} and i.v[${place}] is distinct from r.versions[${place}]`,
  }
}

/** Fields about which nobody has said anything stay as they are: they may have been there before us. */
const decided: ValueRule = {
  input: 'u boolean[]',
  value: (column, n) => `case when i.u[${n + 1}] then i.f${n} else c.${column.name} end`,
  isElsewhere: () => 'false',
}

/**
 * Whether the copy has a row of this bookkeeping row, apart from what its table cannot hold: a row whose required
 * columns are not all known is held back, and answered with what is known of it.
 */
const isAlive = 'r.alive > r.deleted'
const isKept = 'r.alive >= 0 and r.removed < r.deleted'

function copySql(declaration: Declaration, shape: Shape, rule: ValueRule & { readonly hasEnds: boolean }): string {
  const { columns, keyType, table, keyColumn, schema } = shape
  const { keepsDeleted, tombstoneColumn } = declaration
  const flag = tombstoneColumn === undefined ? [] : [quoteIdentifier(tombstoneColumn)]
  const names = [...columns.map((column) => column.name), ...flag]
  const values = columns.map((_, n) => `w.g${n}`)
  const inputs = columns.map((column, n) => `, f${n} ${column.type}`).join('')
  const computed = columns.map((column, n) => `,\n    ${rule.value(column, n)} as g${n}`).join('')
  const required = columns.flatMap((column, n) => (column.isRequired ? [`g${n} is null`] : []))
  const lacks = `(${['is_elsewhere', ...required].join(' or ')})`
  const elsewhere = ['false', ...columns.map((column) => rule.isElsewhere(column))].join(' or ')
  const told = columns.flatMap(({ field }, n) => [quoteLiteral(field), `w.g${n}`])
  return `with w as materialized (
  select i.k, ${isAlive} as is_alive, ${keepsDeleted ? `(${isAlive} or (${isKept}))` : isAlive} as has_row, r.versions as rv,
    c.${keyColumn} is null and (${elsewhere}) as is_elsewhere${computed}
  from json_to_recordset($2::json) as i(k text, ${rule.input}${inputs})
  cross join lateral (select * from ${schema}.replica_row r where r.replica = $1 and r.key = i.k limit 1) r
  left join lateral (select * from ${table} c where c.${keyColumn} = i.k::${keyType} limit 1) c on true
)${rule.hasEnds ? goneSql(declaration, shape, lacks) : ''}, written as (
insert into ${table} as c(${[keyColumn, ...names].join(', ')})
select ${[`w.k::${keyType}`, ...values, ...flag.map(() => 'not w.is_alive')].join(', ')}
from w where has_row and not ${lacks} order by w.k collate "C"
on conflict (${keyColumn}) ${updateSql(shape, names, flag.length)}
)
select w.k as key, w.rv as versions, json_build_object(${told.join(', ')}) as fields from w where has_row and ${lacks}`
}

function updateSql({ columns }: Shape, names: readonly string[], flagCount: number): string {
  if (names.length === 0) return 'do nothing'
  const comparable = [
    ...columns.map(({ type }) => (withoutEquality.test(type) ? '::text' : '')),
    ...(flagCount ? [''] : []),
  ]
  const set = names.map((name) => `${name} = excluded.${name}`).join(', ')
  // A refresh tells mostly what is known already: such rows are not written again.
  const differs = names.map((name, n) => `c.${name}${comparable[n]} is distinct from excluded.${name}${comparable[n]}`)
  return `do update set ${set}\n  where ${differs.join(' or ')}`
}

/** Types that cannot be compared with `=`. */
const withoutEquality = /^(?:json|xml|point|polygon|box|path|line|lseg|circle)\b/

function goneSql({ onDelete, dependants }: Declaration, { table, keyColumn, keyType }: Shape, lacks: string): string {
  const theirs = dependants.map(({ table: name, column }, n) => {
    const where = `where ${quoteIdentifier(column)} in (select k from gone)`
    return onDelete === 'cascade'
      ? `, dependant${n} as (delete from ${sqlTable(name)} ${where})`
      : `, dependant${n} as (update ${sqlTable(name)} set ${quoteIdentifier(column)} = null ${where})`
  })
  return `, gone as materialized (
  select k::${keyType} as k from w where not has_row or ${lacks}
), removed as (\n  delete from ${table} c using gone where c.${keyColumn} = gone.k\n)${theirs.join('')}`
}
