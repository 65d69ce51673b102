/** An owner and a copy in two databases, without a log, and a configuration that repairs the copy by SQL. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check } from '../../src/check/check.ts'
import type { Config, Repair } from '../../src/invariant/invariant.ts'
import { approve, type Plan, plan } from '../../src/reconcile/reconcile.ts'
import type { Database } from '../../src/store/store.ts'
import { type FreshDatabase, freshDatabase } from './database.ts'
import { pairConfig } from './pair-config.ts'

/** Both databases, and what repairs them. */
export interface ReconcilePair {
  readonly owner: Database
  readonly copy: Database
  readonly urls: readonly [string, string]
  /** A folder of its own for the journal and plans. */
  readonly folder: string
  config(...repairs: readonly Repair[]): Config
  /** A plan of what a check finds now. */
  plan(config: Config, options?: { readonly allowDelete?: boolean }): Promise<Plan>
  /** The same, signed. */
  approved(config: Config, options?: { readonly allowDelete?: boolean }): Promise<Plan>
  /** Rows of the copy, by id. */
  rows(...ids: readonly number[]): Promise<readonly Record<string, unknown>[]>
  drop(): Promise<void>
}

/** Makes both databases with 40 equal rows. */
export async function reconcilePair(): Promise<ReconcilePair> {
  const fresh: readonly [FreshDatabase, FreshDatabase] = await Promise.all([freshDatabase(), freshDatabase()])
  const [owner, copy] = await Promise.all([fresh[0].connect(), fresh[1].connect()])
  const columns = 'id int primary key, name text, score numeric(8,2), tags text[]'
  const rows = `select i, 'name ' || i, i + 0.5, array['a', i::text] from generate_series(1, 40) i`
  await owner.query(`create table users(${columns}); insert into users ${rows}`)
  await copy.query(`create table learners(${columns}, note text default 'new'); insert into learners ${rows}`)
  const urls = [fresh[0].url, fresh[1].url] as const
  const folder = mkdtempSync(join(tmpdir(), 'selvedge-reconcile-'))
  const made = async (config: Config, options: { readonly allowDelete?: boolean } = {}) =>
    plan(config, await check(config), { folder, ...options })
  return {
    ...{ owner, copy, urls, folder, plan: made },
    config: (...repairs) => pairConfig(urls, ...repairs),
    approved: async (config, options) => approve(await made(config, options), 'ada'),
    rows: async (...ids) => (await copy.query('select * from learners where id = any($1) order by id', [ids])).rows,
    drop: async () => {
      await Promise.all(fresh.map((database) => database.drop()))
    },
  }
}
