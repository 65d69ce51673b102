/** The engines on which the truth of checks is tried: how to make a database there and how its types are called. */
import { test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { freshMariadb, isMysql, testWithMariadb } from '../support/mariadb.ts'

/** A database of one test file. */
export interface TruthDatabase {
  readonly url: string
  /** Runs statements in one round trip and, where the engine can, in one transaction; nobody looks at what they answer. */
  run(...statements: readonly string[]): Promise<void>
  drop(): Promise<void>
}

/** What the suites need to know of an engine. */
export interface Engine {
  readonly name: EngineName
  readonly short: 'pg' | 'maria'
  fresh(): Promise<TruthDatabase>
  /** Types of columns that the server at hand does not have. */
  readonly lacks?: RegExp
  /** A name as the engine quotes it. */
  quote(name: string): string
  /** Fills the table t(id, v) with the ids of a range and zeros. */
  fill(from: number, to: number): string
}

export type EngineName = 'PostgreSQL' | 'MariaDB'

/** SQL that is the same everywhere, or one text per engine; an engine that is left out cannot express it. */
export type PerEngine = string | { readonly pg?: string; readonly maria?: string }

/** JSON that keeps members that come twice, and the signs and digits of numbers; MySQL keeps none of that. */
export const jsonAsText = { pg: 'json', maria: 'json /* kept as text */' } as const

/** PostgreSQL as every PostgreSQL test has it. */
export const postgresql: Engine = {
  name: 'PostgreSQL',
  short: 'pg',
  async fresh() {
    const database = await freshDatabase()
    const db = await database.connect({ max: 2 })
    return {
      url: database.url,
      run: async (...statements) => {
        await db.query(statements.join(';\n'))
      },
      drop: database.drop,
    }
  },
  quote: (name) => `"${name.replaceAll('"', '""')}"`,
  fill: (from, to) => `insert into t select i, 0 from generate_series(${from}, ${to}) i`,
}

/**
 * What a session of the suites is: strict, so that no case is cut in silence, with backslashes that mean themselves, and
 * with one commit for all statements of a round trip but those that make tables, which commit by themselves.
 */
const mariadbSession = `set session sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_BACKSLASH_ESCAPES',
  session autocommit = 0`

/** MariaDB as every MariaDB test has it. */
export const mariadb: Engine = {
  name: 'MariaDB',
  short: 'maria',
  ...(isMysql ? { lacks: /^(?:uuid|inet[46])$|kept as text/i } : {}),
  async fresh() {
    const { url, name, run } = await freshMariadb()
    await run(mariadbSession)
    return {
      url,
      run: async (...statements) => {
        await run([...statements, 'commit'].join(';\n'))
      },
      drop: async () => {
        await run(`drop database ${name}`)
      },
    }
  },
  quote: (name) => `\`${name.replaceAll('`', '``')}\``,
  fill: (from, to) => `insert into t select seq, 0 from seq_${from}_to_${to}`,
}

/** How rows are hashed in a pair of engines: the fast lane is only there between servers of one kind. */
export type LaneName = 'record' | 'portable'

/** Two sides that are compared, and how. */
export interface Pair {
  readonly title: string
  readonly left: Engine
  readonly right: Engine
  readonly lane: LaneName
  /** `test`, or what leaves it out by name where a server is missing. */
  readonly test: typeof test
}

/** The pairs on which each case is tried. */
export const pairs: readonly Pair[] = [
  { title: 'PostgreSQL and PostgreSQL, record lane', left: postgresql, right: postgresql, lane: 'record', test },
  { title: 'PostgreSQL and PostgreSQL, portable lane', left: postgresql, right: postgresql, lane: 'portable', test },
  { title: 'MariaDB and MariaDB', left: mariadb, right: mariadb, lane: 'portable', test: testWithMariadb },
  { title: 'PostgreSQL and MariaDB', left: postgresql, right: mariadb, lane: 'portable', test: testWithMariadb },
  { title: 'MariaDB and PostgreSQL', left: mariadb, right: postgresql, lane: 'portable', test: testWithMariadb },
]

/** One pair for each way of moving values: what is done to live rows does not depend on the lane. */
export const livePairs: readonly Pair[] = pairs.filter(
  ({ lane, title }) => lane === 'portable' && !title.startsWith('MariaDB and P'),
)

/** The SQL for an engine; undefined where it cannot say that. */
export function sqlFor(engine: Engine, sql: PerEngine): string | undefined {
  return typeof sql === 'string' ? sql : sql[engine.short]
}
