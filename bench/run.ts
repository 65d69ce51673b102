/**
 * Interleaved rounds: `node run.ts [-r rounds] [-o label] <file>:<variant> …`, one process per run.
 *
 * Every run is a line of `results/<label>.jsonl`; medians with min..max go to `results/<label>.md` and to standard output.
 * A run that fails is shown, never dropped. `--ratio <run>=<run>` adds the ratio of the two in each round, `<run>=peers` that to the
 * fastest of the runs given by `--peer`.
 */
import { execFileSync, spawn } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from './lib/measure.ts'
import { port } from './lib/server.ts'

type Line = Record<string, unknown> & { readonly round: number; readonly run: string }

const here = dirname(fileURLToPath(import.meta.url))
const { values: options, positionals: runs } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', short: 'r', default: '5' },
    output: { type: 'string', short: 'o', default: 'run' },
    ratio: { type: 'string', multiple: true, default: [] },
    peer: { type: 'string', multiple: true, default: [] },
    limit: { type: 'string', default: '180' },
  },
})
const folder = join(here, 'results')

function one(run: string): Promise<Record<string, unknown>> {
  const [file, variant] = run.split(':') as [string, string]
  const child = spawn(process.execPath, ['--no-deprecation', 'run-one.ts', `${file}.ts`, variant], {
    cwd: here,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (part) => {
    output += part
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), Number(options.limit) * 1000)
  return new Promise((resolve) => {
    child.on('exit', (code, killedBy) => {
      clearTimeout(timer)
      const line = output.split('\n').find((text) => text.startsWith('{'))
      resolve(line ? JSON.parse(line) : { name: run, failed: code ?? killedBy })
    })
  })
}

/** Where and on what: results without it cannot be compared. */
function circumstances(): Readonly<Record<string, unknown>> {
  const text = (file: string, args: string[]): string =>
    execFileSync(file, args, { cwd: here, encoding: 'utf8' }).trim()
  const lock = JSON.parse(readFileSync(join(here, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string }>
  }
  const peers = ['pg', 'graphile-worker', 'pg-boss', '@event-driven-io/emmett-postgresql', '@dbos-inc/dbos-sdk']
  return {
    at: new Date().toISOString(),
    commit: text('git', ['rev-parse', '--short', 'HEAD']),
    changed: text('git', ['status', '--porcelain', '--', '../src']) === '' ? undefined : 'src differs from the commit',
    node: process.version,
    postgres: text('psql', ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-Atc', 'show server_version']),
    fsync: text('psql', ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-Atc', 'show fsync']),
    versions: Object.fromEntries(peers.map((peer) => [peer, lock.packages[`node_modules/${peer}`]?.version])),
    load: loadavg()[0]!.toFixed(2),
  }
}

const spread = (lines: readonly Line[], key: string): string => {
  const numbers = lines.map((line) => line[key]).filter((value): value is number => typeof value === 'number')
  if (numbers.length === 0) return '-'
  return `${median(numbers)} (${Math.min(...numbers)}..${Math.max(...numbers)})`
}

/** The ratio of each round, so that the drift of the machine between rounds falls out. */
function ratioRow(lines: readonly Line[], pair: string): string[] {
  const [run, against] = pair.split('=') as [string, string]
  const of = (name: string, round: number): number =>
    Number(lines.find((line) => line.run === name && line.round === round)?.eventsPerSecond ?? Number.NaN)
  const rounds = Array.from({ length: Number(options.rounds) }, (_, i) => i + 1)
  const best = (round: number): number => Math.max(...options.peer.map((peer) => of(peer, round) || 0))
  const each = rounds
    .map((round) => of(run, round) / (against === 'peers' ? best(round) : of(against, round)))
    .filter((ratio) => Number.isFinite(ratio))
  if (each.length === 0) return [run, against, '-', '-']
  return [
    run,
    against === 'peers' ? 'the best peer' : against,
    median(each)!.toFixed(2),
    each.map((ratio) => ratio.toFixed(2)).join(', '),
  ]
}

const rowsOf = (rows: readonly (readonly string[])[]): string =>
  rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')

function table(lines: readonly Line[]): string {
  const known = [
    'eventsPerSecond',
    'p50Ms',
    'p99Ms',
    'writeTransactionsPerEvent',
    'walBytesPerEvent',
    'serverCpuUsPerEvent',
    'nodeCpuUsPerEvent',
    'residentMiBMost',
    'longestReadMs',
    'bytesPerEventHeld',
    'backAfterSeconds',
  ]
  const columns = known.filter((key) => lines.some((line) => typeof line[key] === 'number'))
  const heads = ['run', ...columns, 'lost', 'doubled', 'runs']
  const rows = runs.map((run) => {
    const mine = lines.filter((line) => line.run === run)
    const good = mine.filter((line) => line.failed === undefined)
    const each = (key: string) => good.map((line) => line[key] ?? '?').join(' ')
    return [
      run,
      ...columns.map((key) => spread(good, key)),
      each('lost'),
      each('doubled'),
      `${good.length}/${mine.length}`,
    ]
  })
  return rowsOf([heads, heads.map(() => '---'), ...rows])
}

mkdirSync(folder, { recursive: true })
const lines: Line[] = []
const start = circumstances()
for (let round = 1; round <= Number(options.rounds); round++)
  for (const run of runs) {
    const line: Line = { round, run, ...circumstances(), ...(await one(run)) }
    lines.push(line)
    appendFileSync(join(folder, `${options.output}.jsonl`), `${JSON.stringify(line)}\n`)
    process.stderr.write(
      `${round} ${run}: ${line.failed ?? `${line.eventsPerSecond ?? '-'}/s, p50 ${line.p50Ms ?? '-'}, p99 ${line.p99Ms ?? '-'} ms`} (load ${line.load})\n`,
    )
  }
const loads = lines.map((line) => Number(line.load))
const head = `${JSON.stringify(start)}\n\nLoad of the machine before each run, median ${median(loads)} (${Math.min(...loads)}..${Math.max(...loads)}); the runs themselves count.\n`
const ratioTable = rowsOf([
  ['run', 'against', 'ratio, median', 'each round'],
  ['---', '---', '---', '---'],
  ...options.ratio.map((pair) => ratioRow(lines, pair)),
])
const report = `# ${options.output}\n\n${head}\n${table(lines)}\n${options.ratio.length > 0 ? `\n${ratioTable}\n` : ''}`
writeFileSync(join(folder, `${options.output}.md`), report)
process.stdout.write(report)
