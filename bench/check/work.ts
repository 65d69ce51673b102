/**
 * Work C: a table of 1,000,000 rows x 6 columns, and copies of it in which 0, 10 and 1,000 rows differ: of each ten six
 * are changed, two missing, two extra. The same rows in PostgreSQL and in MariaDB. CHECK_ROWS makes it larger.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { mariaUrl } from '../lib/mariadb.ts'
import { databaseUrl } from '../lib/server.ts'

export const rows = Number(process.env.CHECK_ROWS ?? 1_000_000)
export const differences: readonly number[] = (process.env.CHECK_DIFFERING ?? '0,10,1000').split(',').map(Number)

/** Databases of different sizes stand beside each other. */
export const owner = `check_${rows}_owner`
export const copyOf = (differing: number): string => `check_${rows}_copy_${differing}`

/** Parents, a tenth of the rows, and as many children as rows: the work of references. */
export const parents = Math.max(1, rows / 10)
/** Parents that the copy lacks, by the differences of its table; each has ten children. */
export const lostParents = (differing: number): number => differing / 10

/** Runs statements in a database of the measured PostgreSQL. */
export async function run(database: string, ...statements: readonly string[]): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: databaseUrl(database) })
  await client.connect()
  try {
    let result: pg.QueryResult | undefined
    for (const sql of statements) result = await client.query(sql)
    return result!
  } finally {
    await client.end()
  }
}

/** What can be checked, by the name under which results list it. */
export interface Work {
  /** As a `selvedge.config.json` declares it. */
  readonly invariant: Readonly<Record<string, unknown>>
  readonly engines: readonly [owner: 'postgres' | 'mariadb', copy: 'postgres' | 'mariadb']
  /** Findings that must come out for a copy with so many differences. */
  readonly expected: (differing: number) => number
  /** Asks first only whether anything differs. */
  readonly isQuick?: boolean
}

const columns = ['email', 'name', 'updated_at', 'balance', 'attrs']
const side = { table: 't', key: 'id' }
const [ofOwner, ofCopy] = [
  { source: 'owner', ...side, columns },
  { source: 'copy', ...side, columns },
]
/** MariaDB keeps JSON as text, here the very text that PostgreSQL writes: SQL can hash it on both sides. */
const texts = {
  ...Object.fromEntries(columns.map((name) => [name, { column: name }])),
  attrs: { sql: 'attrs::text' },
}
const states = ['free', 'pro', 'team'] as const

export const works: Readonly<Record<string, Work>> = {
  pair: {
    invariant: { kind: 'replicaOf', owner: ofOwner, copy: ofCopy },
    engines: ['postgres', 'postgres'],
    expected: (differing) => differing,
  },
  'pair-quick': {
    invariant: { kind: 'replicaOf', owner: ofOwner, copy: ofCopy },
    engines: ['postgres', 'postgres'],
    expected: (differing) => differing,
    isQuick: true,
  },
  /** The same rows, but one key is text on one side: no fast lane, md5 over canonical text. */
  portable: {
    invariant: { kind: 'replicaOf', owner: ofOwner, copy: { ...ofCopy, key: 'id::text' } },
    engines: ['postgres', 'postgres'],
    expected: (differing) => differing,
  },
  'to-mariadb': {
    invariant: { kind: 'replicaOf', owner: { ...ofOwner, columns: texts }, copy: ofCopy },
    engines: ['postgres', 'mariadb'],
    expected: (differing) => differing,
  },
  /** JSON on one side, its text on the other: only TypeScript can write both alike, so all rows travel. */
  'to-mariadb-json': {
    invariant: { kind: 'replicaOf', owner: ofOwner, copy: ofCopy },
    engines: ['postgres', 'mariadb'],
    expected: (differing) => differing,
  },
  references: {
    invariant: {
      kind: 'references',
      child: { source: 'owner', table: 'child', key: 'id', by: 'parent_id' },
      parent: { source: 'copy', table: 'parent', key: 'id' },
    },
    engines: ['postgres', 'postgres'],
    expected: (differing) => lostParents(differing) * 10,
  },
  /** As many parents as children. */
  'references-all': {
    invariant: {
      kind: 'references',
      child: { source: 'copy', ...side, by: 'id' },
      parent: { source: 'owner', ...side },
    },
    engines: ['postgres', 'postgres'],
    expected: (differing) => differing / 5,
  },
  states: {
    invariant: {
      kind: 'correspondsTo',
      left: { source: 'owner', ...side, state: `attrs->>'plan'` },
      right: { source: 'copy', ...side, state: `attrs->>'plan'` },
      allowed: states.flatMap((state) => [
        [state, state],
        [state, null],
      ]),
    },
    engines: ['postgres', 'postgres'],
    expected: (differing) => differing / 5,
  },
}

/** The deadline of every work: nothing is late here, and nothing is waited for. */
const withinSeconds = 0.001
const configs = mkdtempSync(join(tmpdir(), 'selvedge-bench-configs-'))
process.on('exit', () => rmSync(configs, { recursive: true, force: true }))

/** Writes the configuration of a work to a file, with its sources at other ports where those are given, for a proxy that counts. */
export function writeConfig(
  name: string,
  differing: number,
  ports: { readonly owner?: number; readonly copy?: number } = {},
): string {
  const work = works[name]
  if (work === undefined) throw new Error(`there are ${Object.keys(works).join(', ')}`)
  const urls = urlsOf(work, differing)
  const at = (of: 'owner' | 'copy') => {
    const url = new URL(urls[of])
    if (ports[of] !== undefined) url.port = String(ports[of])
    return { url: url.href }
  }
  const sources = { owner: at('owner'), copy: at('copy') }
  const path = join(configs, `${name}-${differing}.json`)
  writeFileSync(path, JSON.stringify({ sources, invariants: [{ ...work.invariant, name, within: withinSeconds }] }))
  return path
}

/** Where a work's databases are. */
export function urlsOf(work: Work, differing: number): { readonly owner: string; readonly copy: string } {
  const [first, second] = work.engines
  return {
    owner: first === 'postgres' ? databaseUrl(owner) : mariaUrl('owner', owner),
    copy: second === 'postgres' ? databaseUrl(copyOf(differing)) : mariaUrl('copy', copyOf(differing)),
  }
}
