/** The one file that knows the `pg` driver: pools, pipelined flights, LISTEN, and how values are read. */
import pg from 'pg'
import { type Clock, systemClock } from '../base/clock.ts'
import { refused } from '../base/error.ts'
import { signal } from '../base/signal.ts'
import type { Connection } from './connection.ts'
import type { Database, Result, Statement, Transaction, TransactionOptions } from './database.ts'
import { explainError, isConnectionLoss, isPooledPlan } from './explain-error.ts'
import { quoteIdentifier, quoteLiteral } from './identifier.ts'
import { OwnedTransaction, type TransactionSetting } from './owned-transaction.ts'

/** The part of a `pg.Pool` that is needed of one that the user already has. */
export interface PoolLike {
  connect(): Promise<ClientLike>
}
interface ClientLike {
  query(config: {
    text: string
    values?: unknown[]
    name?: string
  }): Promise<{ rows: unknown[]; rowCount: number | null; command: string }>
  release(broken?: Error | boolean): void
  on?(event: 'error', listener: () => void): unknown
  off?(event: 'error', listener: () => void): unknown
}

/** How a database is opened. */
export interface OpenOptions {
  /** Schema of our tables; `selvedge` unless several services share one database. */
  readonly schema?: string
  /** Most connections at once; 10 unless given. */
  readonly max?: number
  /** A test's clock; the server's `now` follows it in every transaction. */
  readonly clock?: Clock
  readonly applicationName?: string
  /**
   * False behind a pooler in transaction mode (PgBouncer before 1.21): no named statements, and no LISTEN, since both belong to a
   * server session. Readers then find ticks by polling.
   */
  readonly prepare?: boolean
  /** Settings of each session, as `{ statement_timeout: '30s' }`. Behind a pooler they belong to the role instead. */
  readonly settings?: Readonly<Record<string, string>>
}

/** 10 is what `pg` itself takes: enough to fill two cores, few enough for eight services on one server. */
const connectionsMax = 10

/** Connections are given up on after this long: a caller learns of a dead server before its own caller gives up (30 s is usual). */
const connectTimeoutMs = 10_000

/** A peer that was silent for so long is asked whether it is there; by itself Linux waits two hours, and so would a statement. */
const silentPeerMs = 15_000

/**
 * Opens a database by URL or over a `pg.Pool` that you already have. No connection is made until the first statement.
 *
 * A pool of our own pipelines: BEGIN travels with the first statement and events travel with COMMIT.
 *
 * ```ts
 * const db = openDatabase(process.env.DATABASE_URL)
 * await db.transaction((tx) => tx.query('update users set name = $2 where id = $1', ['42', 'Ada']))
 * ```
 * @throws Transient `store/unreachable` from each statement while the server cannot be reached.
 */
export function openDatabase(source: string | PoolLike, options: OpenOptions = {}): Database {
  return new PostgresDatabase(source, options)
}

class PostgresDatabase implements Database {
  readonly schema: string
  readonly home: object
  readonly clock: Clock
  readonly published = signal()
  readonly #pool: PoolLike
  readonly #pipelined: boolean
  #prepare: boolean
  readonly #listeners = new Set<Listener>()
  readonly #setting: TransactionSetting
  readonly #source: string | PoolLike
  readonly #options: OpenOptions
  #closed = false

  constructor(source: string | PoolLike, options: OpenOptions) {
    this.schema = options.schema ?? 'selvedge'
    quoteIdentifier(this.schema)
    if (options.prepare === false && Object.keys(options.settings ?? {}).length > 0) throw pooledSettings()
    this.clock = options.clock ?? systemClock
    this.#source = source
    this.#options = options
    this.#pipelined = typeof source === 'string'
    this.#prepare = options.prepare ?? true
    this.#pool = typeof source === 'string' ? ownPool(source, options) : source
    this.#setting = {
      schema: this.schema,
      clock: this.clock,
      published: this.published,
      clockIsSet: options.clock !== undefined && options.clock !== systemClock,
    }
    this.home = this.#setting
  }

  async query<R = Record<string, unknown>>(sql: string | Statement, values?: readonly unknown[]): Promise<Result<R>> {
    const statement = typeof sql === 'string' ? { text: sql, values } : sql
    const connection = await this.#connect()
    let broken = false
    try {
      if (!this.#setting.clockIsSet) return (await connection.flight([statement])[0]) as Result<R>
      // A test's clock holds for single statements too; autocommit is kept by closing the transaction around just this one.
      const now = quoteLiteral(this.clock.now().toISOString())
      const answers = await Promise.all(connection.flight([{ text: `set selvedge.now = ${now}` }, statement]))
      return answers[1] as Result<R>
    } catch (error) {
      broken = isConnectionLoss(error)
      if (isPooledPlan(error)) this.#prepare = false
      throw explainError(error)
    } finally {
      connection.release(broken)
    }
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    const connection = await this.#connect()
    const tx = new OwnedTransaction(this.#setting, connection, options)
    let broken = false
    try {
      const result = await work(tx)
      await tx.commit()
      return result
    } catch (error) {
      broken = isConnectionLoss(error) || isConnectionLoss((error as Error | undefined)?.cause)
      if (isPooledPlan(error)) this.#prepare = false
      if (!broken) await tx.rollback()
      throw error
    } finally {
      connection.release(broken)
    }
  }

  async listen(channel: string, heard: (payload: string) => void): Promise<() => Promise<void>> {
    if (typeof this.#source !== 'string' || !this.#prepare) return async () => undefined
    const listener = new Listener(this.#source, { channel, heard, clock: this.clock })
    this.#listeners.add(listener)
    await listener.listen()
    return async () => {
      this.#listeners.delete(listener)
      await listener.stop()
    }
  }

  sibling({ max }: { readonly max: number }): Database {
    if (typeof this.#source !== 'string') return new BorrowedPool(this)
    return new PostgresDatabase(this.#source, { ...this.#options, max })
  }

  async close(): Promise<void> {
    if (this.#closed || typeof this.#source !== 'string') return
    this.#closed = true
    await (this.#pool as pg.Pool).end()
  }

  async #connect(): Promise<Connection> {
    let client: ClientLike
    try {
      client = await this.#pool.connect()
    } catch (error) {
      throw explainError(error)
    }
    // Nobody else can listen to a client that the library holds, and one that is lost unheard would end the user's process.
    client.on?.('error', heardByItsStatements)
    for (const listener of this.#listeners) listener.again()
    return pgConnection(client, { pipelined: this.#pipelined, prepare: this.#prepare })
  }
}

/** A lost listener is tried again this often at most, and only when another connection of the same database was had. */
const listenAgainMs = 1_000

/** Hears NOTIFY. It may be deaf for a while, and nothing depends on it: readers poll as well. */
class Listener {
  readonly #url: string
  readonly #what: { readonly channel: string; readonly heard: (payload: string) => void; readonly clock: Clock }
  #client: pg.Client | undefined
  #triedAtMs = Number.NEGATIVE_INFINITY
  #stopped = false

  constructor(url: string, what: { channel: string; heard: (payload: string) => void; clock: Clock }) {
    this.#url = url
    this.#what = what
  }

  async listen(): Promise<void> {
    const { channel, heard, clock } = this.#what
    this.#triedAtMs = clock.monotonicMs()
    // A listener only waits, so a peer that vanished without a word is found out by keep-alive alone.
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: silentPeerMs,
    })
    this.#client = client
    const lost = () => {
      if (this.#client === client) this.#client = undefined
    }
    client.on('error', lost).on('end', lost)
    client.on('notification', (message) => heard(message.payload ?? ''))
    try {
      await client.connect()
      await client.query(`listen ${quoteIdentifier(channel)}`)
      if (this.#stopped) await client.end()
      // What was said while nobody listened is lost, so the first thing heard is "look".
      else heard('')
    } catch {
      lost()
      await client.end().catch(() => undefined)
    }
  }

  /** The database answers: a listener that was lost is made anew. */
  again(): void {
    if (this.#stopped || this.#client || this.#what.clock.monotonicMs() - this.#triedAtMs < listenAgainMs) return
    void this.listen()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#client?.end().catch(() => undefined)
  }
}

function pooledSettings(): Error {
  return refused(
    'store/pooled-settings',
    'Session settings do not hold behind a pooler: the next transaction may run in another session.',
    'Set them on the role instead: alter role … set statement_timeout = …',
  )
}

/** A user's pool has no sibling: the same pool is used, and closing the sibling leaves it open. */
class BorrowedPool implements Database {
  readonly #of: PostgresDatabase
  readonly published = signal()
  constructor(of: PostgresDatabase) {
    this.#of = of
  }
  get schema(): string {
    return this.#of.schema
  }
  get clock(): Clock {
    return this.#of.clock
  }
  query<R = Record<string, unknown>>(sql: string | Statement, values?: readonly unknown[]): Promise<Result<R>> {
    return this.#of.query<R>(sql, values)
  }
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    return this.#of.transaction(work, options)
  }
  listen(channel: string, heard: (payload: string) => void): Promise<() => Promise<void>> {
    return this.#of.listen(channel, heard)
  }
  sibling(): Database {
    return this
  }
  async close(): Promise<void> {}
}

function ownPool(connectionString: string, options: OpenOptions): PoolLike {
  const pool = new pg.Pool({
    connectionString,
    max: options.max ?? connectionsMax,
    // Said at startup, which costs no flight and which poolers pass on.
    application_name: options.applicationName ?? 'selvedge',
    pipeline: true,
    keepAlive: true,
    keepAliveInitialDelayMillis: silentPeerMs,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 0,
  } as pg.PoolConfig)
  // An idle connection that the server closes must not end the process; the next statement opens another.
  pool.on('error', () => undefined)
  const settings = Object.entries(options.settings ?? {})
    .map(([name, value]) => `select set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, false)`)
    .join('; ')
  pool.on('connect', (client) => {
    // A server that takes a connection back at once says so in the bytes that follow its welcome, before anybody has the client.
    client.on('error', heardByItsStatements)
    if (settings !== '') client.query(settings).catch(() => undefined)
  })
  return pool as unknown as PoolLike
}

/** A pool listens to its clients only while they are idle. One that is lost in use fails its statements, which is how callers hear. */
const heardByItsStatements = (): void => undefined

/** The socket's own buffer: statements of one flight leave in one write instead of one each. */
interface Corkable {
  readonly connection?: { readonly stream?: { cork(): void; uncork(): void } }
}

function pgConnection(client: ClientLike, how: { pipelined: boolean; prepare: boolean }): Connection {
  const run = async (statement: Statement): Promise<Result> => {
    const answer = await client.query(driverConfig(statement, how.prepare))
    return { rows: answer.rows as Record<string, unknown>[], rowCount: answer.rowCount ?? 0, command: answer.command }
  }
  return {
    flight(statements) {
      if (!how.pipelined) return inTurn(statements, run)
      const stream = (client as Corkable).connection?.stream
      if (statements.length > 1) stream?.cork()
      const answers = statements.map(run)
      if (statements.length > 1) stream?.uncork()
      return answers
    },
    release: (broken) => {
      // A broken client is never lent again, and may still complain while it is closed.
      if (!broken) client.off?.('error', heardByItsStatements)
      client.release(broken)
    },
  }
}

/** A driver that cannot pipeline gets one statement at a time; one that follows a failed one is still sent, as a pipeline would. */
function inTurn(statements: readonly Statement[], run: (statement: Statement) => Promise<Result>): Promise<Result>[] {
  let before: Promise<unknown> = Promise.resolve()
  return statements.map((statement) => {
    const answer = before.then(() => run(statement))
    before = answer.catch(() => undefined)
    return answer
  })
}

function driverConfig(statement: Statement, prepare: boolean): { text: string; values?: unknown[]; name?: string } {
  const values = statement.values as unknown[] | undefined
  if (statement.name !== undefined && prepare)
    return { text: statement.text, values: values ?? [], name: statement.name }
  return values === undefined ? { text: statement.text } : { text: statement.text, values }
}
