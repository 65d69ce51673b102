/**
 * One case of the truth suites: two tables that are alike but for what the case is about, and the keys that a check must
 * find. Nothing else may be found. A suite loads all its cases into two databases and checks them at once.
 */
import { milliseconds } from '../../src/base/base.ts'
import { check } from '../../src/check/check.ts'
import { agree, type Invariant, type SideDeclaration } from '../../src/invariant/invariant.ts'
import { type Engine, type Pair, type PerEngine, sqlFor, type TruthDatabase } from './engine.ts'
import { preparation } from './preparation.ts'

/** A row's values in the order of the columns, as SQL. */
export type Values = readonly PerEngine[]

/** One side of a case. */
export interface Table {
  /** Column names to types, the key's columns first. */
  readonly columns: Readonly<Record<string, PerEngine>>
  /** How many of the columns are the key; one by default. */
  readonly keyParts?: number
  readonly rows: readonly Values[]
  /** Statements after the rows, with `@` for the table; `@@` stays. */
  readonly afterwards?: PerEngine
  /** Its name, where the name is what the case is about. */
  readonly table?: string
}

/** A case: what is wrong in a sentence's words, and the keys that must be found. */
export interface TruthCase {
  readonly what: string
  readonly left: Table
  readonly right: Table
  readonly found: readonly string[]
  /** How the invariant is expected to be left open; complete by default. */
  readonly why?: RegExp
}

/** What a check said of a case. */
export interface Said {
  readonly keys: readonly string[]
  readonly why: string | undefined
}

/** Rows of one insert, and tables loaded in one round trip. */
const rowsPerInsert = 500
const tablesPerRun = 50

/** Loads and checks all cases that both engines can express; the answers stand under the cases' words. */
export async function sayAll(pair: Pair, cases: readonly TruthCase[]): Promise<ReadonlyMap<string, Said>> {
  const databases = await Promise.all([pair.left.fresh(), pair.right.fresh()])
  try {
    const [left, right] = databases
    const possible = possibleFor(pair, cases).map((each, n): Loaded => {
      const tableOf = (engine: Engine, side: Table) => ({
        ...side,
        // A plain name by default; a given one is quoted, as a person would quote it in a configuration.
        table: side.table === undefined ? `t${n}` : engine.quote(side.table),
      })
      return { what: each.what, left: tableOf(pair.left, each.left), right: tableOf(pair.right, each.right) }
    })
    await Promise.all([
      load(pair.left, left, possible, ({ left: side }) => side),
      load(pair.right, right, possible, ({ right: side }) => side),
    ])
    const invariants = possible.map((each): Invariant => {
      const [a, b] = [sideOf('left', each.left), sideOf('right', each.right)]
      return agree(each.what, withLane(pair, a, 0), withLane(pair, b, 1)).within(milliseconds(1))
    })
    const report = await check({ sources: { left: { url: left.url }, right: { url: right.url } }, invariants })
    return new Map(
      report.invariants.map(({ name, why }) => [
        name,
        { keys: report.findings.filter((found) => found.invariant === name).map((found) => found.key), why },
      ]),
    )
  } finally {
    await Promise.all(databases.map((database) => database.drop()))
  }
}

/** A case with its tables' names as they are written in SQL. */
interface Loaded {
  readonly what: string
  readonly left: NamedTable
  readonly right: NamedTable
}

type NamedTable = Table & { readonly table: string }

/** The cases that both engines of a pair can express. */
export function possibleFor(pair: Pair, cases: readonly TruthCase[]): readonly TruthCase[] {
  return cases.filter((each) => isPossible(pair.left, each.left) && isPossible(pair.right, each.right))
}

function isPossible(engine: Engine, { columns, rows, afterwards = '' }: Table): boolean {
  const types = Object.values(columns).map((type) => sqlFor(engine, type))
  if (types.some((type) => type === undefined || engine.lacks?.test(type))) return false
  return [...rows.flat(), afterwards].every((sql) => sqlFor(engine, sql) !== undefined)
}

/** Loads one side of all cases; where one cannot be loaded, the error names it. */
async function load(
  engine: Engine,
  database: TruthDatabase,
  cases: readonly Loaded[],
  sideIn: (each: Loaded) => NamedTable,
): Promise<void> {
  await database.run(sqlFor(engine, preparation) ?? '')
  for (let from = 0; from < cases.length; from += tablesPerRun) {
    const some = cases.slice(from, from + tablesPerRun)
    const statements = some.map((each) => statementsFor(engine, sideIn(each)))
    const creates = statements.map(([create]) => create)
    const all = database.run(...creates, ...statements.flatMap(([, ...fills]) => fills))
    await all.catch((error: unknown) => nameCulprit(engine, database, some, sideIn, error))
  }
}

/** Loads the cases one by one, to name the one that fails. */
async function nameCulprit(
  engine: Engine,
  database: TruthDatabase,
  cases: readonly Loaded[],
  sideIn: (each: Loaded) => NamedTable,
  error: unknown,
): Promise<never> {
  for (const each of cases) {
    const side = sideIn(each)
    const alone = database.run(`drop table if exists ${side.table}`, ...statementsFor(engine, side))
    await alone.catch((cause: unknown) => {
      throw new Error(`The case "${each.what}" cannot be loaded into ${engine.name}.`, { cause })
    })
  }
  throw error
}

/** What makes the table, and then what fills it. */
function statementsFor(engine: Engine, side: NamedTable): [string, ...string[]] {
  const columns = Object.entries(side.columns).map(([name, type]) => `${engine.quote(name)} ${sqlFor(engine, type)}`)
  const rows = side.rows.map((row) => `(${row.map((value) => sqlFor(engine, value)).join(', ')})`)
  const inserts: string[] = []
  for (let from = 0; from < rows.length; from += rowsPerInsert)
    inserts.push(`insert into ${side.table} values ${rows.slice(from, from + rowsPerInsert).join(', ')}`)
  const more = side.afterwards === undefined ? [] : [sqlFor(engine, side.afterwards) ?? '']
  return [
    `create table ${side.table}(${columns.join(', ')})`,
    ...inserts,
    ...more.map((sql) => sql.replace(/(?<!@)@(?!@)/g, () => side.table)),
  ]
}

function sideOf(source: string, side: NamedTable): SideDeclaration {
  const names = Object.keys(side.columns)
  const keyParts = side.keyParts ?? 1
  return {
    source,
    table: side.table,
    key: names.slice(0, keyParts).map((column) => ({ column })),
    columns: names.slice(keyParts),
  }
}

/** A column that holds the same text by another type on each side: then only canonical text can be hashed. */
function withLane(pair: Pair, side: SideDeclaration, s: number): SideDeclaration {
  if (pair.lane === 'record' || pair.left !== pair.right || pair.left.short !== 'pg') return side
  const columns = Object.fromEntries((side.columns as readonly string[]).map((column) => [column, { column }]))
  return { ...side, columns: { ...columns, by_text: { sql: s === 0 ? '1::int8' : `'1'::text` } } }
}

/** A case of one value: `a` on the left where `b` is on the right, and the other way round, among rows that agree. */
export function differ(what: string, type: PerEngine, a: PerEngine, b: PerEngine): TruthCase {
  const common = Array.from({ length: 12 }, (_, i): Values => [String(i + 1), i % 2 === 0 ? a : b])
  const columns = { k: 'bigint', v: type }
  return {
    what,
    left: { columns, rows: [...common, ['100', a], ['101', b]] },
    right: { columns, rows: [...common, ['100', b], ['101', a]] },
    found: ['100', '101'],
  }
}

/** Two forms of equal values, of the same or of other types: nothing may be found. */
export function alike(
  what: string,
  a: readonly [PerEngine, ...PerEngine[]],
  b: readonly [PerEngine, ...PerEngine[]],
): TruthCase {
  const [typeA, ...valuesA] = a
  const [typeB, ...valuesB] = b
  const rowsOf = (values: readonly PerEngine[]) => values.map((value, i): Values => [String(i + 1), value])
  return {
    what,
    left: { columns: { k: 'bigint', v: typeA }, rows: rowsOf(valuesA) },
    right: { columns: { k: 'bigint', v: typeB }, rows: rowsOf(valuesB) },
    found: [],
  }
}

/** Values of two types that are not the same, row by row: all are found. */
export function unlike(
  what: string,
  a: readonly [PerEngine, ...PerEngine[]],
  b: readonly [PerEngine, ...PerEngine[]],
): TruthCase {
  const found = a.slice(1).map((_, i) => String(i + 1))
  return { ...alike(what, a, b), found }
}

/** The same case with its sides exchanged. */
export function swapped({ what, left, right, ...more }: TruthCase): TruthCase {
  return { ...more, what: `${what}, exchanged`, left: right, right: left }
}
