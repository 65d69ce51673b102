/** `selvedge reconcile` as a person types it: plan, show, approve, apply, log, undo. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import type { Database } from '../store/store.ts'
import { main } from './main.ts'

const home = mkdtempSync(join(tmpdir(), 'selvedge-cli-reconcile-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

let fresh: FreshDatabase
let db: Database
let config: string
let plan: string

beforeEach(async () => {
  fresh = await freshDatabase()
  db = await fresh.connect()
  await db.query(
    `create table users(id int primary key, name text); create table learners(user_id int primary key, name text);
     insert into users values (1, 'Ada'), (2, 'Grace'), (3, 'Lin'); insert into learners values (1, 'Ada'), (2, 'wrong')`,
  )
  const folder = mkdtempSync(join(home, 'case-'))
  config = join(folder, 'selvedge.config.json')
  plan = join(folder, 'plan.jsonl')
  const { url } = fresh
  const owner = { source: 'user', table: 'users', key: 'id', columns: ['name'] }
  const copy = { source: 'progress', table: 'learners', key: 'user_id', columns: ['name'] }
  const repairedBy = [{ kind: 'sql' }]
  const invariants = [{ kind: 'replicaOf', name: 'Progress knows every name', owner, copy, within: 0.03, repairedBy }]
  writeFileSync(config, JSON.stringify({ sources: { user: { url }, progress: { url, repair: { url } } }, invariants }))
})

async function selvedge(...words: string[]) {
  const said = { out: '', err: '' }
  const withConfig = ['show'].includes(words[0]!) ? [] : ['--config', config]
  const code = await main(['reconcile', ...words, ...withConfig], {
    stdout: { write: (text: string) => (said.out += text) },
    stderr: { write: (text: string) => (said.err += text) },
    environment: {},
    signal: new AbortController().signal,
  })
  return { code, ...said }
}

const names = async () =>
  (await db.query<{ name: string }>('select name from learners order by user_id')).rows.map(({ name }) => name)

describe('reconcile', () => {
  it('plans without changing anything, applies what was approved, and takes it back', async () => {
    const planned = await selvedge('plan', '-o', plan)
    expect(planned.code).toBe(1)
    expect(planned.out).toContain('2 diverged -> sql update progress.learners (name wrong → Grace)')
    expect(planned.out).toContain('3 diverged -> sql insert progress.learners')
    expect(planned.out).toContain('Nothing was changed.')
    expect(await names()).toEqual(['Ada', 'wrong'])

    expect((await selvedge('apply', plan)).err).toContain('reconcile/not-approved')
    expect((await selvedge('approve', plan, '--by', 'ada')).code).toBe(0)
    expect((await selvedge('show', plan)).out).toMatch(
      /update "learners" set "name" = [\s\S]*undone by update[\s\S]*approved by ada/,
    )
    const applied = await selvedge('apply', plan)
    expect(applied.out).toMatch(/✓ run \S+: 2 done, 0 skipped, 0 failed/)
    expect(applied.code).toBe(0)
    expect(await names()).toEqual(['Ada', 'Grace', 'Lin'])

    const log = JSON.parse((await selvedge('log', '--json')).out) as { runs: { run: string }[] }
    const undone = await selvedge('undo', log.runs[0]!.run, '--by', 'grace')
    expect(undone.code).toBe(0)
    expect(await names()).toEqual(['Ada', 'wrong'])
    expect((await selvedge('log')).out).toMatch(/by ada[\s\S]*undoes \S+ +by grace/)
  })

  it('ends with 5 when others wrote meanwhile, and refuses a plan that was edited', async () => {
    await selvedge('plan', '-o', plan)
    await selvedge('approve', plan, '--by', 'ada')
    const text = readFileSync(plan, 'utf8')
    writeFileSync(plan, text.replace('"Grace"', '"Mallory"'))
    const edited = await selvedge('apply', plan)
    expect(edited).toMatchObject({ code: 4, err: expect.stringContaining('reconcile/edited') })
    writeFileSync(plan, text)
    await db.query(`update learners set name = 'live' where user_id = 2`)
    const applied = await selvedge('apply', plan)
    expect(applied).toMatchObject({ code: 5, out: expect.stringContaining('2 skipped: changed-meanwhile') })
    expect(await names()).toEqual(['Ada', 'live', 'Lin'])
  })

  it('says what was typed wrongly', async () => {
    expect((await selvedge('show', join(home, 'none.jsonl'))).code).toBe(2)
    expect((await selvedge('undo', 'no-such-run', '--by', 'ada')).code).toBe(2)
    expect((await selvedge('approve', plan)).code).toBe(2)
  })
})
