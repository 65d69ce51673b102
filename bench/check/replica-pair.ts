/**
 * Work C: how long a check of one replica pair of 1,000,000 rows x 6 columns takes, both databases on one server.
 *
 *     BENCH_PORT=5432 node check/replica-pair.ts [rounds]
 *
 * Interleaved rounds; each line of `results/check.json` is one run, medians go to `results/check.md`. Beside ours, in the
 * same rounds: counting the rows, hashing both sides without finding anything, and COPY of both sides with diff.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { milliseconds } from '../../src/base/duration.ts'
import { check } from '../../src/check/check.ts'
import { correspondsTo, type Invariant, references, replicaOf } from '../../src/invariant/invariant.ts'
import { median } from '../lib/measure.ts'
import { databaseUrl, port } from '../lib/server.ts'

const rows = 1_000_000
const rounds = Number(process.argv[2] ?? 5)
const here = import.meta.dirname
const owner = 'bench_check_owner'
const copies = [0, 10, 1_000].map((differing) => ({ differing, name: `bench_check_copy_${differing}` }))

async function run(database: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: databaseUrl(database) })
  await client.connect()
  try {
    return await client.query(sql)
  } finally {
    await client.end()
  }
}

/** The tables of the reference's work C: of each ten differing rows six are changed, two missing, two extra. */
async function setUp(): Promise<void> {
  for (const name of [...copies.map((copy) => copy.name), owner])
    await run('postgres', `drop database if exists ${name}`)
  await run('postgres', `create database ${owner}`)
  await run(
    owner,
    `create table t(id bigint primary key, email text not null, name text not null, updated_at timestamptz not null, balance numeric(12,2) not null, attrs jsonb not null);
     insert into t select i, 'user' || i || '@example.org', 'Learner ' || md5(i::text), timestamptz '2026-01-01 00:00:00Z' + (i * interval '17 seconds'),
       (i * 37 % 1000000) / 100.0, jsonb_build_object('plan', (array['free', 'pro', 'team'])[1 + i % 3], 'score', i % 997, 'tags', jsonb_build_array('a' || i % 7, 'b' || i % 11))
     from generate_series(1, ${rows}) i`,
  )
  await run(owner, 'vacuum (analyze, freeze) t')
  for (const { differing, name } of copies) {
    await run('postgres', `create database ${name} template ${owner}`)
    if (differing === 0) continue
    await run(
      name,
      `with s as (select k, (k * ${rows / differing} - 7)::bigint as id from generate_series(1, ${differing}) k),
         u as (update t set email = 'changed' || t.email from s where s.id = t.id and k % 10 < 6),
         d as (delete from t using s where s.id = t.id and k % 10 in (6, 7))
       insert into t select ${rows} + k, 'extra' || k || '@example.org', 'Extra', timestamptz '2026-01-01Z', 1, '{}' from s where k % 10 in (8, 9)`,
    )
    await run(name, 'vacuum analyze t')
  }
  await run('postgres', 'checkpoint')
}

const columns = ['email', 'name', 'updated_at', 'balance', 'attrs']
const side = { table: 't', key: 'id' }

async function checked(copy: string, invariant: Invariant, expected: number): Promise<string> {
  const sources = { owner: { url: databaseUrl(owner) }, copy: { url: databaseUrl(copy) } }
  const report = await check({ sources, invariants: [invariant.within(milliseconds(0))] })
  if (report.incomplete || report.findings.length !== expected)
    throw new Error(`${report.findings.length} findings instead of ${expected}: ${report.invariants[0]?.why}`)
  return `${report.findings.length} findings`
}

const pair = replicaOf('pair', {
  owner: { source: 'owner', ...side, columns },
  copy: { source: 'copy', ...side, columns },
})
/** The same rows, but one key is text on one side: no fast lane, md5 over canonical text. */
const portable = replicaOf('portable', {
  owner: { source: 'owner', ...side, columns },
  copy: { source: 'copy', ...side, key: 'id::text', columns },
})
const pointing = references('pointing', {
  child: { source: 'copy', ...side, by: 'id' },
  parent: { source: 'owner', ...side },
})
const states = correspondsTo('states', {
  left: { source: 'owner', ...side, state: `attrs->>'plan'` },
  right: { source: 'copy', ...side, state: `attrs->>'plan'` },
  allowed: [
    ['free', 'free'],
    ['pro', 'pro'],
    ['team', 'team'],
    ['free', null],
    ['pro', null],
    ['team', null],
  ],
})

async function both(copy: string, sql: string): Promise<string> {
  const [a, b] = await Promise.all([owner, copy].map(async (name) => JSON.stringify((await run(name, sql)).rows)))
  return a === b ? 'equal' : 'differ'
}

const copyAndDiff = (copy: string): string => {
  const psql = (name: string) =>
    `psql -h 127.0.0.1 -p ${port} -U postgres -d ${name} -c 'copy (select * from t order by id) to stdout'`
  const lines = execFileSync(
    'bash',
    ['-c', `diff --speed-large-files <(${psql(owner)}) <(${psql(copy)}) | grep -c '^[<>]' || true`],
    { encoding: 'utf8' },
  )
  return `${lines.trim()} lines`
}

const peer = 'COPY both in order, diff'
const hashOnly = 'select count(*), bit_xor(hash_record_extended(t, 0)) from t'

const works: readonly { readonly name: string; readonly work: () => Promise<string> | string }[] = [
  ...copies.map(({ name, differing }) => ({
    name: `check, ${differing} differ`,
    work: () => checked(name, pair, differing),
  })),
  { name: 'check, 10 differ, portable md5', work: () => checked(copies[1]!.name, portable, 10) },
  { name: 'check references, 200 broken', work: () => checked(copies[2]!.name, pointing, 200) },
  { name: 'check correspondsTo by states, 200 wrong', work: () => checked(copies[2]!.name, states, 200) },
  { name: 'count both sides', work: () => both(copies[1]!.name, 'select count(*) from t') },
  { name: 'hash both sides, finds nothing', work: () => both(copies[1]!.name, hashOnly) },
  { name: peer, work: () => copyAndDiff(copies[1]!.name) },
]

interface Line {
  readonly round: number
  readonly name: string
  readonly seconds: number
  readonly answer: string
  readonly load: number
}

async function circumstances(): Promise<Record<string, unknown>> {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: here, encoding: 'utf8' }).trim()
  const { rows: settings } = await run(
    'postgres',
    `select name, setting from pg_settings where name in ('server_version', 'fsync', 'synchronous_commit', 'shared_buffers', 'work_mem', 'max_parallel_workers_per_gather')`,
  )
  return {
    at: new Date().toISOString(),
    commit: git('rev-parse', '--short', 'HEAD'),
    ...(git('status', '--porcelain', '--', '../../src/check', '../../src/digest') === ''
      ? {}
      : { changed: 'src differs from the commit' }),
    node: process.version,
    rows,
    ...Object.fromEntries(settings.map((row: { name: string; setting: string }) => [row.name, row.setting])),
  }
}

await setUp()
const about = await circumstances()
const lines: Line[] = []
for (let round = 0; round <= rounds; round += 1) {
  for (const { name, work } of works) {
    const load = Number(loadavg()[0]!.toFixed(2))
    const from = performance.now()
    const answer = await work()
    const seconds = Number(((performance.now() - from) / 1000).toFixed(3))
    // The first round fills caches.
    if (round > 0) lines.push({ round, name, seconds, answer, load })
    process.stderr.write(`${round} ${name}: ${seconds} s, ${answer} (load ${load})\n`)
  }
}
/** The ratio of each round, so that what else the machine does falls out. */
function ratios(name: string): string {
  const of = (which: string, round: number) =>
    lines.find((line) => line.name === which && line.round === round)!.seconds
  const each = Array.from({ length: rounds }, (_, i) => of(name, i + 1) / of(peer, i + 1))
  return `${median(each)!.toFixed(2)} (${Math.min(...each).toFixed(2)}..${Math.max(...each).toFixed(2)})`
}
const table = works.map(({ name }) => {
  const mine = lines.filter((line) => line.name === name)
  const seconds = mine.map((line) => line.seconds)
  return `| ${name} | ${median(seconds)} (${Math.min(...seconds)}..${Math.max(...seconds)}) | ${ratios(name)} | ${[...new Set(mine.map((line) => line.answer))].join(', ')} |`
})
const loads = lines.map((line) => line.load)
const residentMiB = Math.round(process.resourceUsage().maxRSS / 1024)
const report = `# check of a replica pair (work C)

${JSON.stringify(about)}

${rounds} interleaved rounds after one that fills the caches; seconds, median (min..max). Load of the machine before each run, median ${median(loads)} (${Math.min(...loads)}..${Math.max(...loads)}). Largest resident size of the checking process over all runs: ${residentMiB} MiB.

| work | seconds | times COPY and diff, of each round | answer |
| --- | --- | --- | --- |
${table.join('\n')}
`
mkdirSync(join(here, '../results'), { recursive: true })
writeFileSync(join(here, '../results/check.json'), `${JSON.stringify({ about, residentMiB, lines }, null, 1)}\n`)
writeFileSync(join(here, '../results/check.md'), report)
process.stdout.write(report)
for (const name of [...copies.map((copy) => copy.name), owner]) await run('postgres', `drop database ${name}`)
