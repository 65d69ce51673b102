/**
 * Two private MariaDB servers, one for owners and one for copies: peers such as pt-table-sync compare two servers.
 *
 *     node lib/mariadb.ts start | stop | erase
 *
 * BENCH_MARIA_PORT (the second server takes the next port) and BENCH_MARIA_DATA move them. Loopback only.
 */
import { execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pause } from './measure.ts'

/** Which of the two servers. */
export type Server = 'owner' | 'copy'
const servers: readonly Server[] = ['owner', 'copy']

const firstPort = Number(process.env.BENCH_MARIA_PORT ?? 55460)
const folder = process.env.BENCH_MARIA_DATA ?? join(tmpdir(), `selvedge-bench-maria-${firstPort}`)

/** The role that peers and checks use; the tables are made by root over the socket. */
export const role = 'bench'

export const mariaPort = (server: Server): number => firstPort + servers.indexOf(server)
const home = (server: Server) => join(folder, server)
const socket = (server: Server) => join(home(server), 'socket')

/** The address of a database, for a check. */
export const mariaUrl = (server: Server, database: string): string =>
  `mysql://${role}:${role}@127.0.0.1:${mariaPort(server)}/${database}`

/** Runs SQL as root and resolves with what the client prints: rows in lines, values between tabs. */
export function mariadb(server: Server, sql: string, database = 'mysql'): string {
  const args = ['--no-defaults', '-uroot', '-S', socket(server), '--local-infile=1', '-N', '-B', database]
  return execFileSync('mariadb', args, { input: sql, encoding: 'utf8', stdio: 'pipe', maxBuffer: 2 ** 28 })
}

/** Starts both, making their data folders when they are missing. */
export async function startMariadb(): Promise<void> {
  for (const server of servers) {
    mkdirSync(home(server), { recursive: true })
    const user = asOtherUser(server)
    const data = join(home(server), 'data')
    if (!existsSync(data)) {
      const install = ['--no-defaults', '--auth-root-authentication-method=normal', `--datadir=${data}`, ...user]
      execFileSync('mariadb-install-db', install, { stdio: 'ignore' })
    }
    const log = openSync(join(home(server), 'log'), 'a')
    spawn('mariadbd', [...settings(server, data), ...user], { stdio: ['ignore', log, log], detached: true }).unref()
    await answers(server)
    mariadb(
      server,
      `create user if not exists ${role}@'127.0.0.1' identified by '${role}'; grant all on *.* to ${role}@'127.0.0.1'`,
    )
  }
}

export function stopMariadb(): void {
  for (const server of servers) process.kill(Number(readFileSync(join(home(server), 'pid'), 'utf8')))
}

/** A server's settings: those of `shared/reference/baselines.md`, so that its figures can be compared. */
function settings(server: Server, data: string): string[] {
  return [
    '--no-defaults',
    `--datadir=${data}`,
    '--bind-address=127.0.0.1',
    `--port=${mariaPort(server)}`,
    `--socket=${socket(server)}`,
    `--pid-file=${join(home(server), 'pid')}`,
    `--server-id=${mariaPort(server)}`,
    `--log-bin=${join(home(server), 'bin')}`,
    '--binlog-format=STATEMENT',
    '--innodb-buffer-pool-size=1G',
    '--innodb-flush-log-at-trx-commit=1',
    '--character-set-server=utf8mb4',
    '--local-infile=1',
  ]
}

/** As root the server runs as the user `mysql`, who must be able to reach the folder. */
function asOtherUser(server: Server): string[] {
  if (process.getuid?.() !== 0) return []
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'mysql'], { encoding: 'utf8' })))
  chownSync(folder, uid!, gid!)
  chownSync(home(server), uid!, gid!)
  return ['--user=mysql']
}

async function answers(server: Server): Promise<void> {
  for (let attempt = 0; attempt < 120; attempt += 1) {
    try {
      mariadb(server, 'select 1')
      return
    } catch {
      await pause(250)
    }
  }
  throw new Error(`MariaDB did not start: see ${join(home(server), 'log')}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [verb] = process.argv.slice(2)
  if (verb === 'start') await startMariadb()
  else if (verb === 'stop') stopMariadb()
  else if (verb === 'erase') {
    stopMariadb()
    await pause(3_000)
    rmSync(folder, { recursive: true })
  } else throw new Error('say start, stop or erase')
}
