/**
 * A MySQL or MariaDB database that is only read. Each read is one transaction with a consistent snapshot, read only; the
 * session is pinned by `mysql-connection.ts`. A read that its reader gives up closes its session: the server is told in
 * no other way that nobody wants the rest.
 */
import type { FieldPacket, Connection as PlainConnection, RowDataPacket } from 'mysql2'
import { isSelvedgeError, refused } from '../../base/error.ts'
import type { SourceDeclaration } from '../../invariant/invariant.ts'
import { gaugeOf } from './busy-gauge.ts'
import { connectMysql, explainMysqlError, type MysqlConnection } from './mysql-connection.ts'
import { type MysqlRow, mysqlPages } from './mysql-pages.ts'
import { describeMysql, peekMysql } from './mysql-side.ts'
import type { Source } from './source.ts'

export type { MysqlRow } from './mysql-pages.ts'

/** Statements in one snapshot. */
export interface MysqlSnapshot {
  readonly engine: 'mysql' | 'mariadb'
  rows(sql: string, values?: readonly unknown[]): Promise<readonly MysqlRow[]>
  /** The rows of an answer and the description of its columns. */
  answer(sql: string): Promise<{ readonly rows: readonly MysqlRow[]; readonly fields: readonly FieldPacket[] }>
}

/** A database of MySQL or MariaDB as checks see it. */
export interface MysqlSource extends Source {
  readonly engine: 'mysql'
  /** Runs statements in one snapshot. */
  read<T>(work: (snapshot: MysqlSnapshot) => Promise<T>): Promise<T>
  /** The rows of one statement, at most `rowsPerPage` at a time, in one snapshot. */
  pages(rowsPerPage: number, sql: string): AsyncIterable<MysqlRow[]>
}

/** Two reads at a time for each side of an invariant, and one to spare. */
const connectionsMax = 3

/**
 * Opens a source; nothing is connected, and `mysql2` is not looked for, until the first read.
 *
 * @throws refused `check/unreadable` from each read that fails, naming the source, the reason and the server's code.
 */
export function openMysql(name: string, declared: SourceDeclaration): MysqlSource {
  const pool = new Pool(declared.url)
  const source: MysqlSource = {
    name,
    engine: 'mysql',
    service: declared.service ?? name,
    schema: declared.schema ?? 'selvedge',
    read: (work) => readIn(pool, name, work),
    pages: (rowsPerPage, sql) => pagesOf(pool, name, rowsPerPage, sql),
    describe: (side, columns) => describeMysql(source, side, columns),
    peek: (side, key, most) => peekMysql(source, side, key, most),
    isBusy: busyGauge(pool),
    close: () => pool.close(),
  }
  return source
}

async function readIn<T>(pool: Pool, name: string, work: (snapshot: MysqlSnapshot) => Promise<T>): Promise<T> {
  try {
    const session = await pool.take()
    let isWhole = false
    try {
      await begin(pool, session)
      const answer = await work(snapshotOf(pool, session))
      await session.driver.query('commit')
      isWhole = true
      return answer
    } finally {
      pool.give(session, { isWhole })
    }
  } catch (error) {
    throw unreadable(name, error)
  }
}

async function* pagesOf(pool: Pool, name: string, rowsPerPage: number, sql: string): AsyncGenerator<MysqlRow[]> {
  const session = await pool.take().catch((error: unknown) => {
    throw unreadable(name, error)
  })
  let isWhole = false
  try {
    await begin(pool, session)
    pool.statements += 1
    // Only the plain connection streams; the types of the other one leave it out.
    const plain = (session.driver as unknown as { readonly connection: PlainConnection }).connection
    yield* mysqlPages(plain, rowsPerPage, sql)
    await session.driver.query('commit')
    isWhole = true
  } catch (error) {
    throw unreadable(name, error)
  } finally {
    pool.give(session, { isWhole })
  }
}

async function begin(pool: Pool, { driver }: MysqlConnection): Promise<void> {
  // This one, and the commit.
  pool.statements += 2
  await driver.query('start transaction with consistent snapshot, read only')
}

function snapshotOf(pool: Pool, { driver, engine }: MysqlConnection): MysqlSnapshot {
  const ask = async (sql: string, values: readonly unknown[]): Promise<[unknown, readonly FieldPacket[]]> => {
    pool.statements += 1
    return driver.query<RowDataPacket[][]>({ sql, values: [...values], rowsAsArray: true })
  }
  return {
    engine,
    rows: async (sql, values = []) => (await ask(sql, values))[0] as MysqlRow[],
    answer: async (sql) => {
      const [rows, fields] = await ask(sql, [])
      return { rows: rows as MysqlRow[], fields }
    },
  }
}

/** A few sessions that are opened when they are needed and used again. */
class Pool {
  /** Statements of ours, to tell them from those of others. */
  statements = 0
  readonly #url: string
  #idle: MysqlConnection[] = []
  #waiting: (() => void)[] = []
  #taken = 0

  constructor(url: string) {
    this.#url = url
  }

  async take(): Promise<MysqlConnection> {
    while (this.#taken >= connectionsMax) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#taken += 1
    try {
      return this.#idle.pop() ?? (await opened(this.#url))
    } catch (error) {
      this.#free()
      throw error
    }
  }

  /** A session whose transaction did not end as it should is closed, and its transaction with it. */
  give(session: MysqlConnection, { isWhole }: { isWhole: boolean }): void {
    if (isWhole) this.#idle.push(session)
    else session.driver.destroy()
    this.#free()
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((session) => session.close()))
  }

  #free(): void {
    this.#taken -= 1
    this.#waiting.shift()?.()
  }
}

/**
 * A million hashes fit into a temporary table of 64 MiB in memory, on disk they take a fifth longer; a reader that stops
 * for a while must not be cut off after the default minute; waiting behind a change of the table would hold up others.
 */
const scanSettings = `set session tmp_table_size = 67108864, session max_heap_table_size = 67108864,
  session net_write_timeout = 600, session lock_wait_timeout = 60`

async function opened(url: string): Promise<MysqlConnection> {
  const session = await connectMysql(url)
  try {
    await session.driver.query(scanSettings)
    return session
  } catch (error) {
    session.driver.destroy()
    throw error
  }
}

/** Counts the statements of others between two questions; every role may see how many there were. */
function busyGauge(pool: Pool): () => Promise<boolean> {
  return gaugeOf(() =>
    readIn(pool, '', async (snapshot) => {
      const [asked] = await snapshot.rows(`show global status like 'Questions'`)
      const [time] = await snapshot.rows('select unix_timestamp(now(6))')
      // What opening our own sessions asks is not counted as ours: over some seconds it is little.
      return { prompt: [], late: [Number(asked?.[1]) - pool.statements], seconds: Number(time?.[0]) }
    }),
  )
}

const helpDefault = 'Grant SELECT to the role of the check, or correct the declaration.'
const correctTable =
  'Correct `table` of the side: a table of another database of this server is named `database.table`.'
const narrow = 'Narrow the side by `where`, or check when less is going on there.'
const grantSelect = 'Grant SELECT on it to the role of the check; `selvedge init` prints the statement.'

/** What to do about an error of the server, by its name. */
const helps: ReadonlyMap<string, string> = new Map([
  ['ER_NO_SUCH_TABLE', correctTable],
  ['ER_BAD_FIELD_ERROR', 'Correct `key`, `columns` or `where` of the side: the message names what is not there.'],
  ['ER_PARSE_ERROR', 'Correct the SQL of the side: it is read with an empty sql_mode, double quotes make text.'],
  ['ER_TABLEACCESS_DENIED_ERROR', grantSelect],
  ['ER_COLUMNACCESS_DENIED_ERROR', grantSelect],
  ['ER_STATEMENT_TIMEOUT', narrow],
  ['ER_QUERY_TIMEOUT', narrow],
])

/** One error for whatever made a read fail; the driver's text names users and hosts, but no password. */
function unreadable(source: string, thrown: unknown): unknown {
  if (isSelvedgeError(thrown, 'check/unreadable')) return thrown
  const error = explainMysqlError(thrown)
  const { code, errno } = (thrown ?? {}) as { code?: string; errno?: number }
  const number = errno !== undefined && errno > 0 ? ` ${errno}` : ''
  const where = isSelvedgeError(error) || code === undefined ? '' : ` (${code}${number})`
  const message = `source "${source}": ${error instanceof Error ? error.message : String(error)}${where}`
  const help = isSelvedgeError(error) ? error.help : (helps.get(code ?? '') ?? helpDefault)
  return refused('check/unreadable', message, help, {
    cause: error,
    source,
    ...(code === undefined ? {} : { reason: code }),
  })
}
