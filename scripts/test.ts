/**
 * `npm test` and `npm run test:long`: everything that decides whether the project is sound, as people and the
 * continuous build run it. The last line is `N passed, N failed` (`, N skipped` where any); the exit code is 0 only
 * when nothing failed.
 *
 * short: format and lint · types and build · unit tests and PostgreSQL tests on the embedded server · the package as
 *        it would be published · the log, inbox and outbox once more on a given or local PostgreSQL
 * long:  the full forms: many rounds, many processes, many rows
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findServer, isInstalled, lacking } from './needs.ts'
import { check, type Outcome, run, vitest } from './step.ts'
import { closingLine, emptyTally, sum, type Tally } from './tally.ts'

/** What must hold on every PostgreSQL; the rest meets its server once, to keep `npm test` within 8 minutes. */
const filesForEveryServer = ['src/log/', 'src/inbox/', 'src/outbox/']

const environment = process.env
const isLong = process.argv.includes('--long')
const folder = await mkdtemp(join(tmpdir(), 'selvedge-test-'))
try {
  const tally = sum(await (isLong ? longTests() : shortTests()))
  console.log('')
  for (const note of tally.notes) console.log(note)
  console.log(closingLine(tally))
  process.exitCode = tally.failed === 0 ? 0 : 1
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function shortTests(): Promise<Tally[]> {
  return [
    await check('format and lint', () => run('biome', ['check', '.'])),
    await check('types and build', () => run('tsc', ['-p', 'tsconfig.json'])),
    await vitest({
      title: 'unit tests',
      projects: ['unit'],
      environment: withoutServer(),
      reportPath: join(folder, 'unit.json'),
    }),
    await vitest({
      title: 'PostgreSQL tests on the embedded server',
      projects: ['pg'],
      environment: withoutServer(),
      reportPath: join(folder, 'embedded.json'),
    }),
    await check('the package as published', packageCheck),
    await testsOnServer(),
    pgbouncer(),
  ]
}

async function longTests(): Promise<Tally[]> {
  const long = await vitest({
    title: 'long tests',
    projects: ['long'],
    environment,
    reportPath: join(folder, 'long.json'),
  })
  return [long, pgbouncer()]
}

async function testsOnServer(): Promise<Tally> {
  const server = await findServer(environment)
  if ('lack' in server) return lacking('postgres', server.lack, environment)
  return vitest({
    title: `PostgreSQL tests on a server, version ${server.version}`,
    projects: ['pg'],
    files: filesForEveryServer,
    environment: { ...environment, SELVEDGE_TEST_URL: server.url },
    reportPath: join(folder, 'server.json'),
  })
}

function pgbouncer(): Tally {
  if (isInstalled('pgbouncer', environment)) return emptyTally
  return lacking('pgbouncer', 'pgbouncer not installed', environment)
}

/** The tarball that would be published: its manifest by publint, its types as an ESM user's compiler sees them. */
async function packageCheck(): Promise<Outcome> {
  // The build is done; the scripts of the package would only repeat it.
  const packed = await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder])
  if (packed.code !== 0) return packed
  const name = packed.output.trim().split('\n').at(-1) ?? ''
  const tarball = join(folder, name)
  const linted = await run('publint', ['run', '--strict', tarball])
  if (linted.code !== 0) return linted
  return run('attw', ['--profile', 'esm-only', '--no-emoji', '--format', 'ascii', tarball])
}

function withoutServer(): NodeJS.ProcessEnv {
  const { SELVEDGE_TEST_URL: _, ...rest } = environment
  return rest
}
