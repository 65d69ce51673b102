/**
 * The only file that loads `mysql2`: one connection to MySQL or MariaDB that can read and nothing else.
 *
 * The package is an optional peer, looked for from the user's folder first: whoever has no MySQL needs none of it.
 * A session is pinned before it is handed out, so that both engines write the same text: utf8mb4, UTC, one sql_mode.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Connection, ConnectionOptions, RowDataPacket } from 'mysql2/promise'
import { isSelvedgeError, refused, transient } from '../../base/error.ts'
import { listenerAt } from './other-server.ts'

/** What may be said about a connection. */
export interface MysqlOptions {
  /** A statement that takes longer is ended by the server. Default 5 minutes, as on PostgreSQL. */
  readonly statementTimeoutMs?: number
  /** How long the server may take to answer at first. Default 10 s. */
  readonly connectTimeoutMs?: number
  /** More settings of the driver, for readers with needs of their own. */
  readonly driver?: ConnectionOptions
  /** Where `mysql2` is looked for, in this order; by default the working folder and then this package. */
  readonly from?: readonly string[]
}

/** A session that reads. */
export interface MysqlConnection {
  /** The driver's connection: `query` for one answer, `.connection.query(…).stream()` for many rows. */
  readonly driver: Connection
  readonly engine: 'mysql' | 'mariadb'
  /** As the server says it: `10.11.6-MariaDB`. */
  readonly version: string
  /** The database of the URL. */
  readonly database: string
  close(): Promise<void>
}

const statementTimeoutMsDefault = 300_000
const connectTimeoutMsDefault = 10_000
/** A server that was silent for so long is asked whether it is there; by itself Linux waits two hours, and so would a read. */
const silentPeerMs = 15_000

/**
 * Opens a read-only session. Big integers, decimals, times and JSON arrive as text, bytes as a Buffer.
 *
 * @throws refused `check/no-mysql2` where the driver is not installed, `check/bad-mysql-url` for a URL that cannot be
 *   read, `check/mysql-refused` when the server does not let this role in, `check/another-server` when it is no MySQL;
 *   transient `check/mysql-unreachable`.
 * @example
 * const { driver, close } = await connectMysql(process.env.BILLING_URL)
 * const [rows] = await driver.query('select id from invoice where id > ? limit 100', [0])
 */
export async function connectMysql(url: string, options: MysqlOptions = {}): Promise<MysqlConnection> {
  const address = addressOf(url)
  const mysql = loadDriver(options.from)
  try {
    const connecting = mysql.createConnection({
      ...address,
      charset: 'utf8mb4_bin',
      timezone: 'Z',
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      jsonStrings: true,
      connectTimeout: options.connectTimeoutMs ?? connectTimeoutMsDefault,
      keepAliveInitialDelay: silentPeerMs,
      ...options.driver,
    })
    const driver = await unlessPostgres(connecting, address)
    // A server that goes away between two statements must fail the next one, not the process.
    driver.on('error', () => undefined)
    return await pinned(driver, address.database, options.statementTimeoutMs ?? statementTimeoutMsDefault)
  } catch (error) {
    throw explainMysqlError(error)
  }
}

/** A server of MySQL that greets later than this is asked who it is. */
const silentMs = 2_000

/** The connection, unless it is PostgreSQL that keeps silent: it waits to be spoken to, as long as we would wait for a greeting. */
async function unlessPostgres(connecting: Promise<Connection>, address: Address): Promise<Connection> {
  const silence = new Promise<undefined>((resolve) => {
    AbortSignal.timeout(silentMs).addEventListener('abort', () => resolve(undefined))
  })
  const driver = await Promise.race([connecting, silence])
  if (driver !== undefined) return driver
  if (!(await isPostgresAt(address))) return connecting
  connecting.then(
    (late) => late.destroy(),
    () => undefined,
  )
  throw anotherServer()
}

async function isPostgresAt({ host, port }: Address): Promise<boolean> {
  return host !== undefined && port !== undefined && (await listenerAt({ host, port })) === 'PostgreSQL'
}

function anotherServer(): Error {
  const help = 'Write its URL as postgres://…, or correct the port: MySQL and MariaDB usually listen at 3306.'
  return refused('check/another-server', 'The server at this address is PostgreSQL, not MySQL or MariaDB.', help)
}

async function pinned(driver: Connection, database: string, timeoutMs: number): Promise<MysqlConnection> {
  try {
    const [rows] = await driver.query<RowDataPacket[]>('select version() as version')
    const version = String(rows[0]?.version ?? '')
    const engine = /mariadb/i.test(version) ? 'mariadb' : 'mysql'
    // MariaDB counts seconds and stops every statement, MySQL milliseconds and only SELECT.
    const timeout =
      engine === 'mariadb' ? `max_statement_time = ${timeoutMs / 1_000}` : `max_execution_time = ${timeoutMs}`
    await driver.query('set names utf8mb4 collate utf8mb4_bin')
    await driver.query(`set session time_zone = '+00:00', session sql_mode = '', session ${timeout}`)
    await driver.query('set session transaction isolation level repeatable read, read only')
    return { driver, engine, version, database, close: () => closed(driver) }
  } catch (error) {
    driver.destroy()
    throw error
  }
}

/** A server that is gone cannot be told good-bye. */
async function closed(driver: Connection): Promise<void> {
  await driver.end().catch(() => driver.destroy())
}

/** Whether a URL is one of MySQL or MariaDB. */
export function isMysqlUrl(url: string): boolean {
  return /^(?:mysql|mariadb):\/\//.test(url)
}

interface Address extends ConnectionOptions {
  readonly database: string
}

/** The parts of a URL; the text itself is never repeated in an error, since it may hold a password. */
function addressOf(url: string): Address {
  if (!isMysqlUrl(url) || !URL.canParse(url)) throw badUrl('it cannot be read')
  const parsed = new URL(url)
  const database = decoded(parsed.pathname.slice(1))
  if (database === '') throw badUrl('it names no database')
  const socketPath = parsed.searchParams.get('socket') ?? parsed.searchParams.get('socketPath')
  const ssl = sslOf(parsed.searchParams)
  return {
    ...(socketPath === null ? { host: hostOf(parsed), port: Number(parsed.port || 3306) } : { socketPath }),
    user: decoded(parsed.username) || 'root',
    password: decoded(parsed.password),
    database,
    ...(ssl === undefined ? {} : { ssl }),
  }
}

function hostOf({ hostname }: URL): string {
  return hostname === '' ? '127.0.0.1' : hostname.replace(/^\[(.*)\]$/, '$1')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw badUrl('it has a % that stands for nothing')
  }
}

/** `sslmode` as PostgreSQL writes it, `ssl-mode` as MySQL does, or `ssl=true`. */
function sslOf(query: URLSearchParams): { readonly rejectUnauthorized: boolean } | undefined {
  const mode = (query.get('sslmode') ?? query.get('ssl-mode') ?? '').toLowerCase()
  if (/^verify/.test(mode)) return { rejectUnauthorized: true }
  if (mode === 'require' || mode === 'required') return { rejectUnauthorized: false }
  return query.get('ssl') === 'true' ? { rejectUnauthorized: true } : undefined
}

function badUrl(why: string): Error {
  return refused(
    'check/bad-mysql-url',
    `The URL of a MySQL database is wrong: ${why}.`,
    'Write it as mysql://user:password@host:3306/database, with special characters of the password percent-encoded.',
  )
}

type Driver = typeof import('mysql2/promise')

function loadDriver(from: readonly string[] = [join(process.cwd(), 'here'), import.meta.url]): Driver {
  for (const start of from) {
    const load = createRequire(start)
    try {
      load.resolve('mysql2/promise')
    } catch {
      // Not installed as seen from here: the next place is asked.
      continue
    }
    return load('mysql2/promise') as Driver
  }
  const help = 'Install it beside selvedge: npm i mysql2'
  throw refused('check/no-mysql2', 'Reading MySQL or MariaDB needs the package "mysql2".', help)
}

const refusals = new Set([
  'ER_ACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
  'ER_BAD_DB_ERROR',
  'ER_ACCESS_DENIED_NO_PASSWORD_ERROR',
  'ER_HOST_NOT_PRIVILEGED',
])
const losses = /^(?:E[A-Z]+|PROTOCOL_CONNECTION_LOST|ER_CON_COUNT_ERROR|ER_SERVER_SHUTDOWN|ER_CONNECTION_KILLED)$/

/** The same error, or a coded one that says what to do; the driver's text names users and hosts, but no password. */
export function explainMysqlError(error: unknown): unknown {
  if (isSelvedgeError(error)) return error
  const {
    code = '',
    message = '',
    fatal = false,
  } = (error ?? {}) as { code?: string; message?: string; fatal?: boolean }
  if (refusals.has(code)) {
    const help = 'Correct user, password or database of the URL, or grant the role SELECT there.'
    return refused('check/mysql-refused', `The MySQL server does not let this role in: ${message}`, help, {
      cause: error,
    })
  }
  if (losses.test(code) || fatal) {
    const help = 'See that the server runs and that host and port are right.'
    const what = `The MySQL server cannot be reached (${[code, message].filter(Boolean).join(': ')}).`
    return transient('check/mysql-unreachable', what, help, { cause: error })
  }
  return error
}
