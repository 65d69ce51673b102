/**
 * What is true: the SQL of `truth/`, run over a scratch copy of all tables of all services.
 *
 * PostgreSQL does not join across databases, so the tables are copied into one, a schema for each service. `observer.action` says at
 * which moment of the outside world each request was performed; no service can know that, since its clock may be wrong.
 */
import { readFile } from 'node:fs/promises'
import { type Database, openDatabase, quoteIdentifier } from 'selvedge/store'
import { type AcademyDatabases, at } from './databases.ts'
import { academy, type ServiceName, serviceNames } from './services.ts'
import { userContract } from './user/contract.ts'

/** The article's problems that have a truth here. */
export const problemNames = ['duplicate-data', 'stale-data', 'conflicting-updates', 'broken-references'] as const
export type ProblemName = (typeof problemNames)[number]

/** One inconsistency: which invariant is broken, and for which entity. */
export interface TruthKey {
  readonly invariant: string
  readonly key: string
}

/** The moment that the question is asked for. */
export interface TruthMoment {
  readonly now: Date
  /** How old a value of the owner may be before a copy that differs is stale. */
  readonly boundMs: number
  /** When action number `n` was performed: the nth element. */
  readonly performedAt: readonly Date[]
}

/** The scratch database with the truth in it. */
export interface Truth {
  /** Copies everything anew and runs the four queries. Keys are sorted. */
  ask(databases: AcademyDatabases, moment: TruthMoment): Promise<Record<ProblemName, TruthKey[]>>
  close(): Promise<void>
}

/** Rows of one table travel as one JSON text; 50,000 rows of the academy are about 10 MB. */
const rowsPerTableMax = 50_000

/**
 * Makes the scratch database `<name>` on the server at `serverUrl`.
 *
 * @throws Error when a table holds more rows than can be compared here.
 */
export async function openTruth(serverUrl: string, name: string): Promise<Truth> {
  const admin = openDatabase(serverUrl, { max: 1 })
  await admin.query(`create database ${quoteIdentifier(name)} template template0`)
  const scratch = openDatabase(at(serverUrl, name), { max: 1 })
  for (const service of serviceNames) await createSchema(scratch, service)
  await scratch.query(
    'create schema observer; create table observer.action (number integer primary key, performed_at timestamptz not null)',
  )
  const queries = await Promise.all(problemNames.map(readQuery))
  return {
    ask: async (databases, moment) => {
      for (const service of serviceNames) await copyTables(scratch, databases, service)
      await recordActions(scratch, moment.performedAt)
      const answers = {} as Record<ProblemName, TruthKey[]>
      for (const [index, problem] of problemNames.entries())
        answers[problem] = await askOne(scratch, queries[index] ?? '', moment)
      return answers
    },
    close: async () => {
      await scratch.close()
      await admin.query(`drop database if exists ${quoteIdentifier(name)} with (force)`)
      await admin.close()
    },
  }
}

async function createSchema(scratch: Database, service: ServiceName): Promise<void> {
  const schema = quoteIdentifier(service)
  await scratch.query(
    `create schema ${schema}; set search_path = ${schema}; ${academy[service](userContract).tables}; reset search_path`,
  )
}

/** The queries are files beside the sources. Compiled code runs from `dist`, which mirrors the package and holds no SQL. */
const truthFolders = ['./truth/', '../../../examples/academy/truth/']

async function readQuery(problem: ProblemName): Promise<string> {
  for (const folder of truthFolders) {
    const text = await readFile(new URL(`${folder}${problem}.sql`, import.meta.url), 'utf8').catch(() => undefined)
    if (text !== undefined) return text
  }
  throw new Error(`The package lacks examples/academy/truth/${problem}.sql.`)
}

async function tablesOf(scratch: Database, service: ServiceName): Promise<string[]> {
  const { rows } = await scratch.query<{ name: string }>(
    `select c.relname as name from pg_class c where c.relnamespace = $1::regnamespace and c.relkind = 'r' order by c.oid`,
    [quoteIdentifier(service)],
  )
  return rows.map(({ name }) => name)
}

async function columnsOf(scratch: Database, service: ServiceName, table: string): Promise<string> {
  const { rows } = await scratch.query<{ name: string }>(
    `select a.attname as name from pg_attribute a
     where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum`,
    [`${quoteIdentifier(service)}.${quoteIdentifier(table)}`],
  )
  return rows.map(({ name }) => quoteIdentifier(name)).join(', ')
}

/** Copies the tables of one service, in the order of their creation, so that a foreign key finds its parent. */
async function copyTables(scratch: Database, databases: AcademyDatabases, service: ServiceName): Promise<void> {
  const schema = quoteIdentifier(service)
  const source = openDatabase(databases.adminUrl(service), { max: 1 })
  try {
    const tables = await tablesOf(scratch, service)
    await scratch.query(`truncate ${tables.map((table) => `${schema}.${quoteIdentifier(table)}`).join(', ')}`)
    for (const table of tables) {
      const name = quoteIdentifier(table)
      const columns = await columnsOf(scratch, service, table)
      const { rows } = await source.query<{ count: number; json: string }>(
        `select count(*)::int as count, coalesce(json_agg(t), '[]')::text as json from (select ${columns} from ${name}) t`,
      )
      if ((rows[0]?.count ?? 0) > rowsPerTableMax)
        throw new Error(`${service}.${table} has too many rows to be copied.`)
      await scratch.query(
        `insert into ${schema}.${name} (${columns}) select ${columns} from json_populate_recordset(null::${schema}.${name}, $1::json)`,
        [rows[0]?.json ?? '[]'],
      )
    }
  } finally {
    await source.close()
  }
}

async function recordActions(scratch: Database, performedAt: readonly Date[]): Promise<void> {
  await scratch.query('truncate observer.action')
  await scratch.query(
    'insert into observer.action select n - 1, at::timestamptz from unnest($1::text[]) with ordinality as t (at, n)',
    [performedAt.map((moment) => moment.toISOString())],
  )
}

async function askOne(scratch: Database, sql: string, moment: TruthMoment): Promise<TruthKey[]> {
  const values = sql.includes('$1') ? [moment.now.toISOString(), moment.boundMs] : []
  const { rows } = await scratch.query<TruthKey>(sql, values)
  return rows
    .map(({ invariant, key }) => ({ invariant, key }))
    .sort((one, other) => compareText(one.invariant, other.invariant) || compareText(one.key, other.key))
}

const compareText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)
