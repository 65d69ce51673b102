/**
 * Interleaved rounds: `node run.ts [-r rounds] [-o label] <file>:<variant> …`, one process per run.
 *
 * Every run is a line of `results/<label>.jsonl`; medians with min..max go to `results/<label>.md` and to standard output.
 * A run that fails is shown, never dropped. `--against <file>:<variant>` adds the ratio of each round to that variant's.
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
    against: { type: 'string', multiple: true, default: [] },
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
function ratios(lines: readonly Line[], run: string, against: string): string {
  const of = (name: string, round: number) =>
    lines.find((line) => line.run === name && line.round === round)?.eventsPerSecond as number | undefined
  const each = Array.from(
    { length: Number(options.rounds) },
    (_, i) => (of(run, i + 1) ?? 0) / (of(against, i + 1) ?? 0),
  )
  const known = each.filter((ratio) => Number.isFinite(ratio) && ratio > 0)
  if (known.length === 0) return '-'
  return `${median(known)!.toFixed(2)} (${known.map((ratio) => ratio.toFixed(2)).join(', ')})`
}

function table(lines: readonly Line[]): string {
  const columns = [
    'eventsPerSecond',
    'p50Ms',
    'p99Ms',
    'writeTransactionsPerEvent',
    'walBytesPerEvent',
    'serverCpuUsPerEvent',
    'nodeCpuUsPerEvent',
  ]
  const heads = ['run', ...columns, 'lost', 'doubled', ...options.against.map((run) => `times ${run}`), 'runs']
  const rows = runs.map((run) => {
    const mine = lines.filter((line) => line.run === run)
    const good = mine.filter((line) => line.failed === undefined)
    const each = (key: string) => good.map((line) => line[key] ?? '?').join(' ')
    return [
      run,
      ...columns.map((key) => spread(good, key)),
      each('lost'),
      each('doubled'),
      ...options.against.map((against) => ratios(lines, run, against)),
      `${good.length}/${mine.length}`,
    ]
  })
  return [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
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
      `${round} ${run}: ${line.failed ?? `${line.eventsPerSecond}/s p50 ${line.p50Ms} p99 ${line.p99Ms}`} (load ${line.load})\n`,
    )
  }
const loads = lines.map((line) => Number(line.load))
const head = `${JSON.stringify(start)}\n\nLoad of the machine before each run, median ${median(loads)} (${Math.min(...loads)}..${Math.max(...loads)}); the runs themselves count.\n`
const report = `# ${options.output}\n\n${head}\n${table(lines)}\n`
writeFileSync(join(folder, `${options.output}.md`), report)
process.stdout.write(report)
