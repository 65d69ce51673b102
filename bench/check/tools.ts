/** Those who find differing rows, ours included, behind one interface: which keys differ between two tables. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { mariadb, mariaPort, mariaUrl, role } from '../lib/mariadb.ts'
import { databaseUrl, port } from '../lib/server.ts'
import type { TablePair } from './keys.ts'
import { run } from './work.ts'

/** Tables of one name in a database of each side. */
export interface Pair {
  readonly owner: string
  readonly copy: string
  readonly table: string
  readonly columns: readonly string[]
}

/** What a tool said; `failed` where it would not or could not compare. */
export type Answer = { readonly keys: readonly string[] } | { readonly failed: string }

/** A tool, and where it can be used. */
export interface Tool {
  readonly engines: 'postgres' | 'mariadb' | 'postgres-mariadb'
  find(pair: Pair): Promise<Answer>
}

export const tools: Readonly<Record<string, Tool>> = {
  'selvedge check, PostgreSQL': {
    engines: 'postgres',
    find: ({ owner, copy, ...rest }) => ours({ owner: databaseUrl(owner), copy: databaseUrl(copy) }, rest),
  },
  'selvedge check, PostgreSQL to MariaDB': {
    engines: 'postgres-mariadb',
    find: ({ owner, copy, ...rest }) => ours({ owner: databaseUrl(owner), copy: mariaUrl('copy', copy) }, rest),
  },
  'selvedge check, MariaDB': {
    engines: 'mariadb',
    find: ({ owner, copy, ...rest }) => ours({ owner: mariaUrl('owner', owner), copy: mariaUrl('copy', copy) }, rest),
  },
  pg_comparator: { engines: 'postgres', find: (pair) => pgComparator(pair, []) },
  'pg_comparator --null=hash --checksum-function=md5': {
    engines: 'postgres',
    find: (pair) => pgComparator(pair, ['--null=hash', '--checksum-function=md5']),
  },
  'pt-table-sync': { engines: 'mariadb', find: (pair) => ptTableSync(pair, []) },
  'pt-table-sync --function=MD5': { engines: 'mariadb', find: (pair) => ptTableSync(pair, ['--function=MD5']) },
}

async function ours(urls: Pick<TablePair, 'owner' | 'copy'>, pair: Omit<Pair, 'owner' | 'copy'>): Promise<Answer> {
  const isMixed = new URL(urls.owner).protocol !== new URL(urls.copy).protocol
  const named = (asText: boolean) =>
    Object.fromEntries(
      pair.columns.map((name) => [name, name === 'attrs' && asText ? { sql: 'attrs::text' } : { column: name }]),
    )
  // MariaDB keeps work C's JSON as the text that PostgreSQL writes.
  const asked: TablePair = { ...urls, table: pair.table, columns: named(isMixed), copyColumns: named(false) }
  const { text } = await output(process.execPath, [
    ...['--no-warnings', join(import.meta.dirname, 'keys.ts'), JSON.stringify(asked)],
  ])
  return JSON.parse(text) as Answer
}

async function pgComparator(pair: Pair, options: readonly string[]): Promise<Answer> {
  for (const database of [pair.owner, pair.copy]) await run(database, 'create extension if not exists pgcmp')
  const url = (database: string) =>
    `pgsql://postgres:unused@127.0.0.1:${port}/${database}/${pair.table}?id:${pair.columns.join(',')}`
  const { text, errors, code } = await output('pg_comparator', [...options, url(pair.owner), url(pair.copy)])
  const keys = [...text.matchAll(/^(?:INSERT|UPDATE|DELETE) (.+)$/gm)].map((match) => match[1]!)
  return code === 0 ? { keys: unique(keys) } : { failed: firstLine(errors) }
}

async function ptTableSync(pair: Pair, options: readonly string[]): Promise<Answer> {
  const dsn = (server: 'owner' | 'copy') =>
    `h=127.0.0.1,P=${mariaPort(server)},u=${role},p=${role},D=${pair[server]},t=${pair.table}`
  const plain = ['--print', '--no-check-slave', '--no-check-triggers', '--columns', ['id', ...pair.columns].join(',')]
  const { text, errors, code } = await output('pt-table-sync', [...plain, ...options, dsn('owner'), dsn('copy')])
  const keys = text.split('\n').flatMap(keyOfStatement)
  // 2 says that differences were found.
  return code === 0 || code === 2 ? { keys: unique(keys) } : { failed: firstLine(errors) }
}

/** The key of a printed statement: `DELETE … WHERE \`id\`='7'`, `INSERT INTO … (\`id\`, …) VALUES ('7', …)`. */
function keyOfStatement(line: string): string[] {
  const match = /WHERE .*`id`='?(-?\d+)/.exec(line) ?? /VALUES \('?(-?\d+)/.exec(line)
  return match === null ? [] : [match[1]!]
}

const unique = (keys: readonly string[]) => [...new Set(keys)]
const firstLine = (text: string) => text.trim().split('\n')[0]!.slice(0, 120)

function output(file: string, args: readonly string[]): Promise<{ text: string; errors: string; code: number | null }> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [text, errors] = ['', '']
  child.stdout.on('data', (part) => {
    text += part
  })
  child.stderr.on('data', (part) => {
    errors += part
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ text, errors, code }))
  })
}

/** Makes the same databases on both engines anew; returns what fills a table in each of them. */
export async function emptyDatabases(
  owner: string,
  copy: string,
): Promise<{ postgres(side: string, sql: string): Promise<unknown>; mariadb(side: string, sql: string): string }> {
  for (const name of [owner, copy]) {
    await run('postgres', `drop database if exists ${name}`, `create database ${name}`)
    const server = name === owner ? 'owner' : 'copy'
    mariadb(server, `drop database if exists ${name}; create database ${name} character set utf8mb4`)
  }
  return {
    postgres: (side, sql) => run(side, sql),
    mariadb: (side, sql) => mariadb(side === owner ? 'owner' : 'copy', `set time_zone = '+00:00'; ${sql}`, side),
  }
}
