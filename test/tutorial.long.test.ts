/** The tutorial as a reader follows it: its commands as they are written, and below each what it shows. */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { builtCli, ownFolder } from './support/built-cli.ts'
import { serverUrl } from './support/database.ts'
import { freshMariadb, mariadbUrl, testWithMariadb } from './support/mariadb.ts'
import { testThatNeeds } from './support/needs.ts'
import { samplesFolder, testWithSamples } from './support/samples.ts'
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy.ts'
import { linesMissing, type ToldShell, toldBlocks, toldShell } from './support/told-shell.ts'

const document = readFileSync(new URL('../docs/tutorial.md', import.meta.url), 'utf8')
const clients = ['psql', 'pgbench', 'mariadb', 'bash']
const isOnPath = (name: string) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)))
const testWithClients = testThatNeeds('clients', clients.every(isOnPath))
/** Left out by the name of the first thing that is missing here. */
const testHere = [testWithSamples, testWithMariadb, testWithClients].find((one) => one !== test) ?? test

const prefix = `tutorial_${randomBytes(4).toString('hex')}_`
let shell: ToldShell | undefined
let proxy: TcpProxy | undefined

afterAll(async () => {
  if (shell === undefined) return
  shell.stop()
  await proxy?.close()
  await (await freshMariadb()).run(`drop database if exists ${prefix}shop`)
  const client = new pg.Client({ connectionString: serverUrl() })
  await client.connect()
  for (const name of ['catalog', 'billing', 'accounts', 'tellers', 'history'])
    await client.query(`drop database if exists ${prefix}${name} with (force)`)
  await client.end()
})

/** The same commands against the servers of this run, in databases of their own. */
function here(commands: string, postgresUrl: string): string {
  const postgres = new URL(postgresUrl)
  postgres.pathname = ''
  const { hostname, port, username, password } = new URL(mariadbUrl)
  const client = `mariadb --host=${hostname} --port=${port || 3306} --user=${username}${password === '' ? '' : ` --password=${password}`}`
  return commands
    .replaceAll('postgres://postgres@127.0.0.1:5432', postgres.href.replace(/\/$/, ''))
    .replaceAll('mysql://root@127.0.0.1:3306', mariadbUrl.replace(/\/$/, ''))
    .replaceAll('mariadb --host=127.0.0.1 --user=root', client)
    .replaceAll('tutorial_', prefix)
}

/** What the reader has and this machine does not: the command from npm, and the network. */
const prelude = `
npx() { shift; '${process.execPath}' '${builtCli}' "$@"; }
curl() {
  case "$2" in
    *Chinook_PostgreSql.sql) cp '${samplesFolder}chinook/chinook-postgresql.sql' Chinook_PostgreSql.sql ;;
    *Chinook_MySql.sql) cp '${samplesFolder}chinook/chinook-mysql.sql' Chinook_MySql.sql ;;
    *) echo "not here: $2"; return 1 ;;
  esac
}
`

testHere('each command of the tutorial prints what the tutorial shows', { timeout: 300_000 }, async () => {
  expect(existsSync(builtCli), 'run npm run build first').toBe(true)
  const blocks = toldBlocks(document)
  expect(blocks.length).toBeGreaterThan(15)
  // The embedded server has a socket only; the reader's has an address.
  proxy = await startTcpProxy(serverUrl())
  const url = proxy.url()
  shell = toldShell(ownFolder(), { PATH: process.env.PATH ?? '', NO_COLOR: '1' })
  await shell.run(prelude)
  for (const { line, commands, shown } of blocks) {
    const output = await shell.run(here(commands, url))
    const where = `docs/tutorial.md:${line} printed:\n${output}`
    expect(linesMissing(shown, output), where).toEqual([])
    // A block that shows nothing says nothing: an error would be the first thing that a reader sees.
    if (shown.length === 0) expect(output.trim(), where).toBe('')
  }
})

test('a line that the tutorial shows is looked for in what was printed', () => {
  const output = '✓ 5 invariants, 4,117 rows compared: no findings.\nexit code 0\n'
  expect(linesMissing(['✓ 5 invariants, … rows compared: no findings.', 'exit code 0'], output)).toEqual([])
  expect(linesMissing(['✗ 5 invariants', 'exit code 1'], output)).toEqual(['✗ 5 invariants', 'exit code 1'])
})
