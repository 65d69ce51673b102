/**
 * Work C: a table of 1,000,000 rows x 6 columns, and copies of it in which 0, 10 and 1,000 rows differ: of each ten six
 * are changed, two missing, two extra. The same rows in PostgreSQL and in MariaDB. CHECK_ROWS makes it larger.
 */
import pg from 'pg'
import {
  correspondsTo,
  defineConfig,
  type Expression,
  type Invariant,
  references,
  replicaOf,
} from '../../src/invariant/invariant.ts'
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
  readonly invariant: Invariant
  readonly engines: readonly [owner: 'postgres' | 'mariadb', copy: 'postgres' | 'mariadb']
  /** Findings that must come out for a copy with so many differences. */
  readonly expected: (differing: number) => number
  /** Asks first only whether anything differs. */
  readonly isQuick?: boolean
}

const columns = ['email', 'name', 'updated_at', 'balance', 'attrs']
const side = { table: 't', key: 'id' }
/** MariaDB keeps JSON as text, here the very text that PostgreSQL writes: SQL can hash it on both sides. */
const texts: Readonly<Record<string, Expression>> = {
  ...Object.fromEntries(columns.map((name) => [name, { column: name }])),
  attrs: { sql: 'attrs::text' },
}
const states = ['free', 'pro', 'team'] as const

export const works: Readonly<Record<string, Work>> = {
  pair: {
    invariant: replicaOf('pair', {
      owner: { source: 'owner', ...side, columns },
      copy: { source: 'copy', ...side, columns },
    }),
    engines: ['postgres', 'postgres'],
    expected: (differing) => differing,
  },
  'pair-quick': {
    invariant: replicaOf('pair-quick', {
      owner: { source: 'owner', ...side, columns },
      copy: { source: 'copy', ...side, columns },
    }),
    engines: ['postgres', 'postgres'],
    expected: (differing) => differing,
    isQuick: true,
  },
  /** The same rows, but one key is text on one side: no fast lane, md5 over canonical text. */
  portable: {
    invariant: replicaOf('portable', {
      owner: { source: 'owner', ...side, columns },
      copy: { source: 'copy', ...side, key: 'id::text', columns },
    }),
    engines: ['postgres', 'postgres'],
    expected: (differing) => differing,
  },
  'to-mariadb': {
    invariant: replicaOf('to-mariadb', {
      owner: { source: 'owner', ...side, columns: texts },
      copy: { source: 'copy', ...side, columns },
    }),
    engines: ['postgres', 'mariadb'],
    expected: (differing) => differing,
  },
  /** JSON on one side, its text on the other: only TypeScript can write both alike, so all rows travel. */
  'to-mariadb-json': {
    invariant: replicaOf('to-mariadb-json', {
      owner: { source: 'owner', ...side, columns },
      copy: { source: 'copy', ...side, columns },
    }),
    engines: ['postgres', 'mariadb'],
    expected: (differing) => differing,
  },
  references: {
    invariant: references('references', {
      child: { source: 'owner', table: 'child', key: 'id', by: 'parent_id' },
      parent: { source: 'copy', table: 'parent', key: 'id' },
    }),
    engines: ['postgres', 'postgres'],
    expected: (differing) => lostParents(differing) * 10,
  },
  /** As many parents as children. */
  'references-all': {
    invariant: references('references-all', {
      child: { source: 'copy', ...side, by: 'id' },
      parent: { source: 'owner', ...side },
    }),
    engines: ['postgres', 'postgres'],
    expected: (differing) => differing / 5,
  },
  states: {
    invariant: correspondsTo('states', {
      left: { source: 'owner', ...side, state: `attrs->>'plan'` },
      right: { source: 'copy', ...side, state: `attrs->>'plan'` },
      allowed: states.flatMap((state) => [[state, state] as const, [state, null] as const]),
    }),
    engines: ['postgres', 'postgres'],
    expected: (differing) => differing / 5,
  },
}

/** Where a work's databases are; `port` overrides PostgreSQL's, for a proxy that counts. */
export function urlsOf(work: Work, differing: number): { readonly owner: string; readonly copy: string } {
  const [first, second] = work.engines
  return {
    owner: first === 'postgres' ? databaseUrl(owner) : mariaUrl('owner', owner),
    copy: second === 'postgres' ? databaseUrl(copyOf(differing)) : mariaUrl('copy', copyOf(differing)),
  }
}

/** Whether check reads MySQL: it says by refusing the address. */
export function canReadMysql(): boolean {
  try {
    defineConfig({ sources: { mysql: { url: 'mysql://127.0.0.1/none' } }, invariants: [] })
    return true
  } catch {
    return false
  }
}
