/**
 * What a check takes from a foreground load on the same server: `node check/foreground.ts [-r rounds] [-s seconds] [budget …]`.
 *
 * pgbench (16 clients, as fast as the server goes) runs alone and beside checks of work C that follow one another, in
 * turns; the share of its transactions that is left goes to `results/pace.md`. CHECK_ROWS=25000000 is the table.
 */
import { execFileSync, spawn } from 'node:child_process'
import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { median, rounded } from '../lib/measure.ts'
import { port } from '../lib/server.ts'
import { command } from './command.ts'
import { rows, run } from './work.ts'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', short: 'r', default: '5' },
    seconds: { type: 'string', short: 's', default: '20' },
  },
})
const budgets = positionals.length > 0 ? positionals : ['auto', 'full']
const database = 'check_foreground'
const results = join(import.meta.dirname, '../results')
const file = join(results, 'pace.jsonl')
rmSync(file, { force: true })

interface Turn {
  readonly round: number
  readonly beside: string
  readonly tps: number
  readonly checks: number
}

/** Transactions a second of one turn of pgbench. */
function pgbench(): Promise<number> {
  const args = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-n', '-c', '16', '-j', '2', '-M', 'prepared']
  const child = spawn('pgbench', [...args, '-T', options.seconds, database], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (part) => {
    output += part
  })
  return new Promise((resolve) => child.on('exit', () => resolve(Number(/tps = ([\d.]+)/.exec(output)?.[1]))))
}

/** Checks one after the other until `end` is called; resolves with how many were finished. */
function checking(budget: string): { end(): Promise<number> } {
  const over = new AbortController()
  const loop = async (): Promise<number> => {
    let finished = 0
    while (!over.signal.aborted) {
      const { answer } = await command('pair', 10, { budget, signal: over.signal })
      if (answer !== undefined) finished += 1
    }
    return finished
  }
  const done = loop()
  return {
    end: () => {
      over.abort()
      return done
    },
  }
}

async function turn(round: number, beside: string): Promise<Turn> {
  const checks = beside === 'alone' ? undefined : checking(beside)
  const tps = rounded(await pgbench(), 0)
  return { round, beside, tps, checks: (await checks?.end()) ?? 0 }
}

const { rowCount } = await run('postgres', `select from pg_database where datname = '${database}'`)
if (rowCount === 0) {
  await run('postgres', `create database ${database}`)
  const args = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-i', '-q', '-s', '20', database]
  execFileSync('pgbench', args, { stdio: 'ignore' })
}
const turns: Turn[] = []
for (let round = 1; round <= Number(options.rounds); round += 1)
  for (const beside of ['alone', ...budgets]) {
    const line = await turn(round, beside)
    turns.push(line)
    appendFileSync(file, `${JSON.stringify({ at: new Date().toISOString(), rows, ...line })}\n`)
    process.stderr.write(`${JSON.stringify(line)}\n`)
  }

const spread = (numbers: readonly number[]) => `${median(numbers)} (${Math.min(...numbers)}..${Math.max(...numbers)})`
const table = ['alone', ...budgets].map((beside) => {
  const mine = turns.filter((line) => line.beside === beside)
  const left = mine.map((line) =>
    rounded(line.tps / turns.find((one) => one.round === line.round && one.beside === 'alone')!.tps),
  )
  const cells = [spread(mine.map((line) => line.tps)), spread(left), spread(mine.map((line) => line.checks))]
  return `| ${beside} | ${cells.join(' | ')} |`
})
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', cwd: results }).trim()
const report = `# What a check leaves to others

Commit ${commit}, ${new Date().toISOString()}: pgbench with 16 clients beside checks of two tables of ${rows} rows, one after the other, all on
one server; ${options.rounds} rounds of ${options.seconds} s, median (min..max).

| budget of the check | pgbench, transactions a second | share of the same round alone | checks finished meanwhile |
| --- | --- | --- | --- |
${table.join('\n')}
`
writeFileSync(join(results, 'pace.md'), report)
process.stdout.write(report)
