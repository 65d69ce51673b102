/** What the same rows cost without us: floors that find nothing, and the plain ways to find rows. All sides at once. */
import { execFileSync, spawn } from 'node:child_process'
import { mariadb, mariaPort, role } from '../lib/mariadb.ts'
import { databaseUrl, port } from '../lib/server.ts'
import { copyOf, owner } from './work.ts'

/** Resolves with what was seen, for people. */
export type Floor = (differing: number) => Promise<string>

const recordHash = 'select count(*), bit_xor(hash_record_extended(t, 0)) from t'
const md5Sum = `select count(*), sum(('x' || substr(md5(t::text), 1, 15))::bit(60)::bigint) from t`
const md5Maria = `select count(*), sum(cast(conv(substr(md5(concat_ws('#', id, email, name, updated_at, balance, attrs)), 1, 15), 16, 10) as unsigned)) from t`
/** Planners of two sides at once cannot know that they share the cores; without workers each side has one of its own. */
const alone = 'set max_parallel_workers_per_gather = 0; '

export const floors: Readonly<Record<string, Floor>> = {
  'count both': both('select count(*) from t'),
  'record hash both': both(recordHash),
  'record hash both, no workers': both(alone + recordHash),
  'md5 both': both(md5Sum),
  'md5, PostgreSQL alone': async () => (await psql(owner, md5Sum)) && 'one side',
  'md5, PostgreSQL alone, no workers': async () => (await psql(owner, alone + md5Sum)) && 'one side',
  'md5, MariaDB alone': async (differing) =>
    mysqlOutput(copyOf(differing), md5Maria).then((output) => (output === '' ? 'nothing' : 'one side')),
  /** Both sides at once, as a check reads them: the slower of them, while the other takes the other core. */
  'md5, PostgreSQL and MariaDB': async (differing) => {
    await Promise.all([psql(owner, alone + md5Sum), mysqlOutput(copyOf(differing), md5Maria)])
    return 'both sides'
  },
  'COPY in order, diff': copyAndDiff,
}

function both(sql: string): Floor {
  return async (differing) => {
    const [a, b] = await Promise.all([psql(owner, sql), psql(copyOf(differing), sql)])
    return a === b ? 'equal' : 'differ'
  }
}

const psql = (database: string, sql: string) => output('psql', [databaseUrl(database), '-qAt', '-c', sql])

/** Over TCP, as a check would. */
const mysqlOutput = (database: string, sql: string) =>
  output('mariadb', [
    ...['--no-defaults', '-h127.0.0.1', `-P${mariaPort('copy')}`, `-u${role}`, `-p${role}`],
    ...['-N', '-B', database, '-e', sql],
  ])

function output(file: string, args: readonly string[]): Promise<string> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (part) => {
    text += part
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code) => (code === 0 ? resolve(text) : reject(new Error(`${file} ended with ${code}`))))
  })
}

async function copyAndDiff(differing: number): Promise<string> {
  const rows = (name: string) =>
    `psql -h 127.0.0.1 -p ${port} -U postgres -d ${name} -c 'copy (select * from t order by id) to stdout'`
  const script = `diff --speed-large-files <(${rows(owner)}) <(${rows(copyOf(differing))}) | grep -c '^[<>]' || true`
  return `${execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim()} lines`
}

/** Bytes of the owner's table, without its indexes. */
export async function tableBytes(): Promise<number> {
  return Number(await psql(owner, `select pg_table_size('t')`))
}

/** Whether MariaDB is up and filled. */
export function hasMariadb(): boolean {
  try {
    return mariadb('copy', 'show databases').includes(owner.replace('owner', 'copy'))
  } catch {
    return false
  }
}
