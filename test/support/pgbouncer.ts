/** A PgBouncer of a test's own in transaction mode, in front of one server; gone with the test file. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll } from 'vitest'
import { waitFor } from './wait-for.ts'

const places = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/usr/local/sbin/pgbouncer', '/usr/local/bin/pgbouncer']

/** Debian keeps it in sbin, which is not on every PATH. */
export const pgbouncerPath: string | undefined = [
  ...(process.env.PATH ?? '').split(':').map((folder) => join(folder, 'pgbouncer')),
  ...places,
].find((path) => existsSync(path))

/** It refuses to run as root, so root lends it the user whose socket it has to open, or the one that owns nothing. */
const nobody = 65_534
const lentUser = (host: string): number => (host.startsWith('/') ? statSync(host).uid : nobody)

const running = new Set<() => Promise<void>>()
afterAll(() => Promise.all([...running].map((stop) => stop())))

/**
 * Starts a PgBouncer with `poolSize` server sessions and resolves with the URL of the same database by way of it.
 *
 * @example
 * const url = await startPgbouncer(database.url, { poolSize: 3 })
 */
export async function startPgbouncer(url: string, { poolSize }: { readonly poolSize: number }): Promise<string> {
  const { host, port, user: role, password, database } = new pg.Client({ connectionString: url })
  const folder = mkdtempSync(join(tmpdir(), 'selvedge-pgbouncer-'))
  const file = join(folder, 'pgbouncer.ini')
  const listenPort = await freePort()
  const target = { host, port: String(port), user: role ?? 'postgres', password: password ?? 'none' }
  writeFileSync(file, configuration(target, { listenPort, poolSize }))
  const user = process.getuid?.() === 0 ? lentUser(host) : undefined
  if (user !== undefined) for (const path of [folder, file]) chownSync(path, user, user)
  chmodSync(file, 0o600)
  const child = spawn(pgbouncerPath ?? 'pgbouncer', [file], {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(user === undefined ? {} : { uid: user, gid: user }),
  })
  const stop = stopper(child, folder)
  running.add(stop)
  let complaints = ''
  child.stderr?.on('data', (text: Buffer) => {
    complaints += text
  })
  const through = `postgres://anybody@127.0.0.1:${listenPort}/${database}`
  await waitFor(() => answers(through), { within: 10_000, every: 50, what: 'pgbouncer' }).catch((error) => {
    throw new Error(`pgbouncer did not answer:\n${complaints}`, { cause: error })
  })
  return through
}

function stopper(child: ChildProcess, folder: string): () => Promise<void> {
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  return async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
}

function configuration(
  target: Readonly<Record<'host' | 'port' | 'user' | 'password', string>>,
  { listenPort, poolSize }: { readonly listenPort: number; readonly poolSize: number },
): string {
  const server = Object.entries(target)
    .map(([name, value]) => `${name}='${value.replaceAll("'", "''")}'`)
    .join(' ')
  return `[databases]
* = ${server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 200
`
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000, query_timeout: 2_000 })
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } finally {
    await client.end().catch(() => undefined)
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
