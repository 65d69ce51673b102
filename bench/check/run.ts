/**
 * Work C in interleaved rounds: `node check/run.ts [-r rounds] [-o label] [run …]`; a run is `<work>:<differing>`, the
 * command from the start of its process to its end, `call:<work>:<differing>`, the function alone, or
 * `floor:<name>:<differing>`; by default all of `plan`. Each run is a line of `results/<label>.jsonl`; medians with min..max, and the ratio of each round, go to `results/<label>.md`.
 */
import { execFile, execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { median, rounded } from '../lib/measure.ts'
import { command } from './command.ts'
import { floors, hasMariadb } from './floors.ts'
import { run as query, rows } from './work.ts'

interface Line {
  readonly round: number
  readonly run: string
  readonly seconds: number
  readonly load: number
  readonly residentMiB?: number
  readonly answer?: string
  readonly failed?: string
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', short: 'r', default: '5' },
    output: { type: 'string', short: 'o', default: 'check' },
  },
})

const scattered = [0, 10, 1_000]
const plan = [
  ...scattered.map((differing) => `pair:${differing}`),
  'pair-quick:0',
  ...scattered.map((differing) => `call:pair:${differing}`),
  'call:pair-quick:0',
  ...scattered.map((differing) => `to-mariadb:${differing}`),
  'portable:10',
  'to-mariadb-json:10',
  'references:10',
  'references-all:1000',
  'states:1000',
  'floor:count both:10',
  'floor:record hash both:10',
  'floor:record hash both, no workers:10',
  'floor:md5 both:10',
  'floor:md5, PostgreSQL alone:10',
  'floor:md5, PostgreSQL alone, no workers:10',
  'floor:md5, MariaDB alone:10',
  'floor:md5, PostgreSQL and MariaDB:10',
  'floor:COPY in order, diff:10',
]
/** The targets of the issue: a run, against which floor, at most how many times its seconds. */
const targets: readonly (readonly [run: string, floor: string, most: number])[] = [
  ...scattered.flatMap((differing) => [
    [`pair:${differing}`, 'floor:record hash both:10', 1.6] as const,
    [`pair:${differing}`, 'floor:record hash both, no workers:10', 1.6] as const,
    [`pair:${differing}`, 'floor:COPY in order, diff:10', 0.6] as const,
  ]),
  ...scattered.map((differing) => [`call:pair:${differing}`, 'floor:record hash both:10', 1.6] as const),
  ['pair-quick:0', 'floor:record hash both:10', 1.2],
  ['call:pair-quick:0', 'floor:record hash both:10', 1.2],
  ['pair-quick:0', 'floor:record hash both, no workers:10', 1.2],
  ['to-mariadb:0', 'floor:md5, MariaDB alone:10', 1.3],
  ['to-mariadb:10', 'floor:md5, MariaDB alone:10', 1.3],
  ['to-mariadb:1000', 'floor:md5, MariaDB alone:10', 2],
  ['to-mariadb:0', 'floor:md5, PostgreSQL alone, no workers:10', 1.3],
  ['to-mariadb:10', 'floor:md5, PostgreSQL alone, no workers:10', 1.3],
  ['to-mariadb:1000', 'floor:md5, PostgreSQL alone, no workers:10', 2],
  ['to-mariadb:0', 'floor:md5, PostgreSQL and MariaDB:10', 1.3],
  ['to-mariadb:10', 'floor:md5, PostgreSQL and MariaDB:10', 1.3],
  ['to-mariadb:1000', 'floor:md5, PostgreSQL and MariaDB:10', 2],
  ['portable:10', 'floor:md5 both:10', 1.3],
]
const folder = join(import.meta.dirname, '../results')
const runs = positionals.length > 0 ? positionals : plan.filter(canBeRun)

function canBeRun(name: string): boolean {
  return !/mariadb/i.test(name) || hasMariadb()
}

async function one(run: string): Promise<Partial<Line>> {
  const [first, ...rest] = run.split(':')
  if (first === 'floor') return { answer: await floors[rest[0]!]!(Number(rest[1])) }
  if (first === 'call') return called(rest[0]!, rest[1]!)
  return command(first!, Number(rest[0]))
}

/** The call alone: it says itself how long it took. */
async function called(work: string, differing: string): Promise<Partial<Line>> {
  const args = ['--no-warnings', join(import.meta.dirname, 'call.ts'), work, differing]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 900_000, killSignal: 'SIGKILL' })
  return JSON.parse(stdout)
}

async function circumstances(): Promise<Record<string, unknown>> {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8' }).trim()
  const wanted = `'server_version', 'fsync', 'shared_buffers', 'work_mem', 'max_parallel_workers_per_gather'`
  const { rows: settings } = await query('postgres', `select name, setting from pg_settings where name in (${wanted})`)
  return {
    at: new Date().toISOString(),
    commit: git('rev-parse', '--short', 'HEAD'),
    ...(git('status', '--porcelain', '--', '../../src') === '' ? {} : { changed: 'src differs from the commit' }),
    node: process.version,
    rows,
    ...Object.fromEntries(settings.map((row: { name: string; setting: string }) => [row.name, row.setting])),
  }
}

const spread = (numbers: readonly number[]): string =>
  numbers.length === 0 ? '-' : `${median(numbers)} (${Math.min(...numbers)}..${Math.max(...numbers)})`

/** The ratio of each round, so that the drift of the machine between rounds falls out. */
function ratios(lines: readonly Line[], run: string, floor: string): number[] {
  const secondsOf = (name: string, round: number) =>
    lines.find((line) => line.run === name && line.round === round && line.failed === undefined)?.seconds
  return Array.from({ length: Number(options.rounds) }, (_, i) => i + 1).flatMap((round) => {
    const [mine, other] = [secondsOf(run, round), secondsOf(floor, round)]
    return mine === undefined || other === undefined ? [] : [rounded(mine / other)]
  })
}

function reportOf(about: Record<string, unknown>, lines: readonly Line[]): string {
  const numbers = (mine: readonly Line[], key: 'seconds' | 'residentMiB') =>
    mine.filter((line) => line.failed === undefined).flatMap((line) => line[key] ?? [])
  const table = runs.map((name) => {
    const mine = lines.filter((line) => line.run === name)
    const answers = [...new Set(mine.map((line) => line.failed ?? line.answer))].join(', ')
    return `| ${name} | ${spread(numbers(mine, 'seconds'))} | ${Math.max(0, ...numbers(mine, 'residentMiB')) || '-'} | ${answers} |`
  })
  const against = targets.flatMap(([run, floor, most]) => {
    const each = ratios(lines, run, floor)
    return each.length === 0 ? [] : [`| ${run} | ${floor} | ${spread(each)} | ${most} |`]
  })
  return `# check, work C

${JSON.stringify(about)}

${options.rounds} interleaved rounds after one that fills caches; seconds from the start of a process to its end (of \`call\`: of the call of \`check()\` alone), median (min..max). Load of the machine before each run, median ${spread(lines.map((line) => line.load))}.

| run | seconds | largest resident MiB | answer |
| --- | --- | --- | --- |
${table.join('\n')}

| run | against | ratio of each round | target |
| --- | --- | --- | --- |
${against.join('\n')}
`
}

mkdirSync(folder, { recursive: true })
const about = await circumstances()
const lines: Line[] = []
const file = join(folder, `${options.output}.jsonl`)
rmSync(file, { force: true })
for (let round = 0; round <= Number(options.rounds); round += 1)
  for (const run of runs) {
    const load = rounded(loadavg()[0]!)
    const from = performance.now()
    const result = await one(run).catch((error: unknown) => ({ failed: String(error) }))
    const line: Line = { round, run, seconds: rounded((performance.now() - from) / 1000, 3), load, ...result }
    process.stderr.write(`${round} ${run}: ${line.seconds} s, ${line.failed ?? line.answer} (load ${load})\n`)
    if (round === 0) continue
    lines.push(line)
    appendFileSync(file, `${JSON.stringify({ ...about, ...line })}\n`)
  }
const report = reportOf(about, lines)
writeFileSync(join(folder, `${options.output}.md`), report)
process.stdout.write(report)
