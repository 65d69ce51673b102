/**
 * The PostgreSQL that is measured: its own data, its own port, fsync on, nothing else in it.
 *
 *     node lib/server.ts start | stop | erase
 *
 * PGBIN, BENCH_PORT and BENCH_DATA move it. As root it runs as the user `postgres`, who must be able to reach the folder.
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Away from 5432 and from the ports that tests use. */
export const port = Number(process.env.BENCH_PORT ?? 55440)
const dataFolder = process.env.BENCH_DATA ?? join(tmpdir(), `selvedge-bench-${port}`, 'data')
const binaries = process.env.PGBIN ?? '/usr/lib/postgresql/15/bin'

/** The settings under which `shared/reference/baselines.md` was measured, so that its figures can be compared. */
const settings: Readonly<Record<string, string>> = {
  listen_addresses: "'127.0.0.1'",
  port: String(port),
  unix_socket_directories: `'${dirname(dataFolder)}'`,
  max_connections: '300',
  shared_buffers: '2GB',
  max_wal_size: '8GB',
  checkpoint_timeout: '15min',
  wal_level: 'logical',
  fsync: 'on',
  synchronous_commit: 'on',
}

/** The address of a database of the measured server. */
export const databaseUrl = (name: string): string => `postgres://postgres@127.0.0.1:${port}/${name}`

/** The process id of the server, whose children are its sessions. */
export function serverPid(): number {
  return Number(readFileSync(join(dataFolder, 'postmaster.pid'), 'utf8').split('\n')[0])
}

/** Makes the data folder when it is missing, and starts the server. */
export function startServer(): void {
  if (!existsSync(dataFolder)) {
    mkdirSync(dirname(dataFolder), { recursive: true })
    if (process.getuid?.() === 0) {
      const [uid, gid] = ['-u', '-g'].map((flag) =>
        Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' })),
      )
      chownSync(dirname(dataFolder), uid!, gid!)
    }
    asOwner(`initdb -D '${dataFolder}' -U postgres -A trust --locale=C.UTF-8 -E UTF8 >/dev/null`)
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
    appendFileSync(join(dataFolder, 'postgresql.conf'), lines.join(''))
  }
  asOwner(`pg_ctl -D '${dataFolder}' -l '${join(dirname(dataFolder), 'server.log')}' -w start >/dev/null`)
}

export function stopServer(): void {
  asOwner(`pg_ctl -D '${dataFolder}' -m fast -w stop >/dev/null`)
}

function asOwner(command: string): void {
  const line = `'${binaries}'/${command}`
  const isRoot = process.getuid?.() === 0
  execFileSync(isRoot ? 'su' : 'sh', isRoot ? ['postgres', '-s', '/bin/sh', '-c', line] : ['-c', line], {
    stdio: ['ignore', 'ignore', 'inherit'],
    cwd: '/',
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [verb] = process.argv.slice(2)
  if (verb === 'start') startServer()
  else if (verb === 'stop') stopServer()
  else if (verb === 'erase') {
    stopServer()
    rmSync(dirname(dataFolder), { recursive: true })
  } else throw new Error('say start, stop or erase')
}
