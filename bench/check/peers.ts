/**
 * The same faults before ours and before its peers: `node check/peers.ts [-r rounds]`. Found, missed, invented, seconds on
 * the scattered differences of work C; found or missed on the pairs of `torture.ts`. Answers go to `results/peers.md`.
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { median, rounded } from '../lib/measure.ts'
import { type Answer, emptyDatabases, type Pair, tools } from './tools.ts'
import { type TorturePair, torturePairs } from './torture.ts'
import { copyOf, differences, owner, rows } from './work.ts'

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', short: 'r', default: '3' }, torture: { type: 'boolean', default: false } },
})
const results = join(import.meta.dirname, '../results')
const file = join(results, 'peers.jsonl')
rmSync(file, { force: true })
const keep = (line: Record<string, unknown>): void => appendFileSync(file, `${JSON.stringify(line)}\n`)

/** How an answer compares with the truth. */
interface Score {
  readonly found: number
  readonly missed: number
  readonly invented: number
  readonly failed?: string
}

function scoreOf(answer: Answer, truth: readonly string[]): Score {
  if ('failed' in answer) return { found: 0, missed: truth.length, invented: 0, failed: answer.failed }
  const said = new Set(answer.keys)
  const found = truth.filter((key) => said.has(key)).length
  return { found, missed: truth.length - found, invented: said.size - found }
}

/** Keys that differ in work C. */
function scattered(differing: number): string[] {
  return Array.from({ length: differing }, (_, i) => i + 1).map((k) =>
    String(k % 10 < 8 ? k * (rows / differing) - 7 : rows + k),
  )
}

async function scatteredTable(): Promise<string> {
  const lines: (Score & { tool: string; differing: number; seconds: number })[] = []
  for (let round = 0; round <= Number(options.rounds); round += 1)
    for (const differing of differences)
      for (const [tool, { find }] of Object.entries(tools)) {
        const columns = ['email', 'name', 'updated_at', 'balance', 'attrs']
        const from = performance.now()
        const answer = await find({ owner, copy: copyOf(differing), table: 't', columns })
        const seconds = rounded((performance.now() - from) / 1000, 3)
        const line = { tool, differing, seconds, ...scoreOf(answer, scattered(differing)) }
        process.stderr.write(`${round} ${JSON.stringify(line)}\n`)
        // The first round fills caches.
        if (round === 0) continue
        keep({ round, ...line })
        lines.push(line)
      }
  const cells = Object.keys(tools).flatMap((tool) =>
    differences.map((differing) => {
      const mine = lines.filter((line) => line.tool === tool && line.differing === differing)
      const last = mine.at(-1)!
      const seconds = mine.map((line) => line.seconds)
      const spread = `${median(seconds)} (${Math.min(...seconds)}..${Math.max(...seconds)})`
      return last.failed === undefined
        ? `| ${tool} | ${differing} | ${last.found} | ${last.missed} | ${last.invented} | ${spread} |`
        : `| ${tool} | ${differing} | - | - | - | not run: ${last.failed} |`
    }),
  )
  return `| tool | differing | found | missed | invented | seconds |\n| --- | --- | --- | --- | --- | --- |\n${cells.join('\n')}`
}

const databases = { owner: 'torture_owner', copy: 'torture_copy' }

async function tortureTable(): Promise<string> {
  const fill = await emptyDatabases(databases.owner, databases.copy)
  const tables = torturePairs.map((_, i): Pair => ({ ...databases, table: `t${i}`, columns: ['a', 'b'] }))
  for (const [i, pair] of torturePairs.entries())
    for (const side of ['owner', 'copy'] as const) {
      await fill.postgres(databases[side], ddl(pair, `t${i}`, pair.types[0]) + inserts(pair, `t${i}`, side))
      fill.mariadb(databases[side], ddl(pair, `t${i}`, pair.types[1]) + inserts(pair, `t${i}`, side))
    }
  const names = Object.keys(tools)
  const lines: string[] = []
  for (const [i, pair] of torturePairs.entries()) {
    const cells: string[] = []
    for (const tool of names) {
      const answer = await tools[tool]!.find(tables[i]!)
      const score = scoreOf(answer, pair.differing)
      keep({ pair: pair.name, tool, ...score })
      cells.push(verdictOf(score))
    }
    lines.push(`| ${pair.name.replaceAll('|', '\\|')} | ${cells.join(' | ')} |`)
  }
  return `| pair | ${names.join(' | ')} |\n| --- |${' --- |'.repeat(names.length)}\n${lines.join('\n')}`
}

function verdictOf({ missed, invented, failed }: Score): string {
  if (failed !== undefined) return `refused: ${failed}`
  if (missed > 0) return `**missed ${missed}**`
  return invented > 0 ? `found, invented ${invented}` : 'found'
}

const ddl = (pair: TorturePair, table: string, type: string) =>
  `create table ${table} (id bigint ${pair.isKeyless ? 'not null' : 'primary key'}, a ${type}, b ${type});`
const inserts = (pair: TorturePair, table: string, side: 'owner' | 'copy') =>
  `insert into ${table} values ${pair[side].map((row) => `(${row})`).join(', ')};`

const version = (command: string, ...args: string[]) =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .trim()
    .split('\n')[0]
const versions = [
  ...['percona-toolkit', 'postgresql-comparator'].map((name) => version('dpkg-query', '-W', name)?.replace('\t', ' ')),
  version('mariadbd', '--version'),
  version('psql', '--version'),
  `commit ${version('git', 'rev-parse', '--short', 'HEAD')}`,
]
const torture = await tortureTable()
const table = options.torture ? 'Not run.' : await scatteredTable()
writeFileSync(
  join(results, 'peers.md'),
  `# Peers on the same faults

${versions.join('; ')}; ${new Date().toISOString()}. Loopback; a process per run.

## Scattered differences among ${rows} rows

${options.rounds} interleaved rounds after one that fills caches; median (min..max).

${table}

## Pairs that fool tools

Each pair is a table of one to four rows. "found": all keys, nothing else.

${torture}
`,
)
