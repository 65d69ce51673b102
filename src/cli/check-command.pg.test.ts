/** `check` and `accept` on a real database: every form of the report, the baseline file, exit codes. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { wellFormed } from '../../test/support/well-formed.ts'
import type { Database } from '../store/store.ts'
import { main } from './main.ts'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

let fresh: FreshDatabase
let db: Database
let folder: string
const names = 'Progress knows every name'
const ids = 'Progress has every learner'

/** Rows 2, 3 and 4 differ in name, row 5 is missing; the second invariant sees row 5 only. */
beforeEach(async () => {
  fresh = await freshDatabase()
  db = await fresh.connect()
  await db.query(
    `create table users(id int primary key, name text); create table learners(user_id int primary key, name text);
     insert into users select n, 'u' || n from generate_series(1, 40) n;
     insert into learners select n, case when n in (2, 3, 4) then '<b>' else 'u' || n end from generate_series(1, 40) n where n <> 5`,
  )
  folder = mkdtempSync(join(tmpdir(), 'selvedge-check-'))
  folders.push(folder)
  const owner = { source: 'user', table: 'users', key: 'id' }
  const copy = { source: 'progress', table: 'learners', key: 'user_id' }
  const invariants = [
    {
      kind: 'replicaOf',
      name: names,
      owner: { ...owner, columns: ['name'] },
      copy: { ...copy, columns: ['name'] },
      about: 'User',
    },
    { kind: 'replicaOf', name: ids, owner, copy, about: 'User' },
  ].map((one) => ({ ...one, within: 0.05, under: 'stale-data' }))
  const sources = { user: { url: fresh.url }, progress: { url: fresh.url } }
  writeFileSync(join(folder, 'selvedge.config.json'), JSON.stringify({ sources, invariants }))
})

const inFolder = (name: string) => join(folder, name)
const read = (name: string) => readFileSync(inFolder(name), 'utf8')

async function selvedge(...words: string[]) {
  const said = { out: '', err: '' }
  const code = await main([...words, '--config', inFolder('selvedge.config.json')], {
    stdout: { write: (text: string) => (said.out += text) },
    stderr: { write: (text: string) => (said.err += text) },
    environment: {},
    signal: new AbortController().signal,
  })
  return { code, ...said }
}

const accept = (key: string, ...more: string[]) =>
  selvedge('accept', names, key, '--reason', 'imported by hand', '--until', '2999-12-31', ...more)

describe('check', () => {
  it('prints incidents first, then findings one by one', async () => {
    const { code, out } = await selvedge('check', '--quiet')
    expect(code).toBe(1)
    expect(out).toContain('5 findings in 3 incidents')
    expect(out).toMatch(/3 keys differ in name between user.users and progress.learners: .*\n {6}keys 2, 3, 4\n/)
    expect(out.indexOf('keys 2, 3, 4')).toBeLessThan(out.indexOf('2 diverged'))
  })

  it('gives all forms beside the table in one run', async () => {
    const files = ['s.jsonl', 'j.xml', 's.sarif', 'h.html'].map(inFolder)
    const [jsonl, junit, sarif, html] = files as [string, string, string, string]
    const { code, out } = await selvedge('check', '--jsonl', jsonl, '--junit', junit, '--sarif', sarif, '--html', html)
    expect(code).toBe(1)
    expect(out).toContain('5 findings in 3 incidents')
    expect(wellFormed(read('j.xml'))).toBe('yes')
    expect(JSON.parse(read('s.sarif'))).toMatchObject({ version: '2.1.0', runs: [{ results: { length: 5 } }] })
    expect(read('h.html')).toContain('&lt;b&gt;')
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([])
  })

  it('streams a line per finding, a line per invariant and a summary at the end', async () => {
    const { code, out } = await selvedge('check', '--jsonl')
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(code).toBe(1)
    expect(lines.every((line) => line.format === 'selvedge/check-stream@1')).toBe(true)
    const keysOf = (name: string) =>
      lines.filter((line) => line.kind === 'finding' && line.invariant === name).map((line) => line.key)
    // Each invariant is told as soon as it is judged, whichever is first.
    expect([keysOf(names), keysOf(ids)]).toEqual([['2', '3', '4', '5'], ['5']])
    expect(lines.filter((line) => line.kind === 'invariant').map((line) => line.name)).toEqual(
      expect.arrayContaining([names, ids]),
    )
    expect(lines.at(-1)).toMatchObject({ kind: 'summary', findings: 5, incomplete: false, incidents: { length: 3 } })
  })

  it('gives one document on stdout with --json, with incidents beside what was there', async () => {
    const { out } = await selvedge('check', '--json')
    expect(JSON.parse(out)).toMatchObject({
      ...{ format: 'selvedge/check@1', findings: { length: 5 }, incidents: { length: 3 }, incomplete: false },
      baseline: { expired: [], stale: [] },
    })
  })

  it('gives one form on stdout in place of the table, and refuses two', async () => {
    const { out } = await selvedge('check', '--junit', '-')
    expect(wellFormed(out)).toBe('yes')
    const refused = await selvedge('check', '--junit', '-', '--json')
    expect(refused.code).toBe(2)
    expect(refused.err).toContain('--json and --junit would both go to stdout')
  })

  it('refuses a file that cannot be written before it compares anything', async () => {
    const { code, err } = await selvedge('check', '--html', inFolder('nowhere/report.html'))
    expect(code).toBe(2)
    expect(err).toContain('cli/usage-cannot-write')
    expect(err).not.toContain('comparing')
  })

  it('ends with 0 when no finding is of a verdict to fail on, and with 2 for a verdict that is none', async () => {
    expect((await selvedge('check', '--fail-on', 'orphan', 'lost-delete')).code).toBe(0)
    expect((await selvedge('check', '--fail-on', 'diverged')).code).toBe(1)
    expect((await selvedge('check', '--fail-on', 'nothing')).code).toBe(2)
  })
})

describe('accept', () => {
  it('writes a sorted file that check reads, so that the finding is accepted', async () => {
    for (const key of ['4', '2', '3']) expect((await accept(key, '--by', 'ada')).code).toBe(0)
    const { accepted } = JSON.parse(read('selvedge.baseline.json')) as { accepted: { key: string }[] }
    expect(accepted.map((entry) => entry.key)).toEqual(['2', '3', '4'])
    const { out } = await selvedge('check', '--json')
    const report = JSON.parse(out) as { findings: { key: string }[]; accepted: object[] }
    expect(report.findings.map((finding) => finding.key)).toEqual(['5', '5'])
    expect(report.accepted[0]).toMatchObject({ key: '2', acceptance: { by: 'ada', reason: 'imported by hand' } })
  })

  it('of a whole incident leaves other causes as findings', async () => {
    const { out } = await selvedge('check', '--json')
    const { incidents } = JSON.parse(out) as { incidents: { id: string; columns: string[] }[] }
    const inName = incidents.find((incident) => incident.columns.length > 0)!
    expect((await accept('*')).code).toBe(2)
    expect((await accept('*', '--incident', inName.id)).code).toBe(0)
    await db.query('delete from learners where user_id = 6')
    const after = JSON.parse((await selvedge('check', '--json')).out) as { findings: { key: string }[] }
    expect(after.findings.map((finding) => finding.key)).toEqual(['5', '6', '5', '6'])
  })

  it('replaces an entry for the same key, and changes nothing else of the file', async () => {
    await accept('2')
    await accept('3')
    const before = read('selvedge.baseline.json')
    await selvedge('accept', names, '2', '--reason', 'asked for', '--until', '2999-12-31')
    expect(read('selvedge.baseline.json')).toBe(before.replace('imported by hand', 'asked for'))
  })

  it.each([
    [['Nobody knows', '2', '--reason', 'x', '--until', '2999-01-01'], 'not declared'],
    [[names, '2', '--reason', ' ', '--until', '2999-01-01'], 'without a reason'],
    [[names, '2', '--reason', 'x', '--until', '2999-02-30'], 'Give a day'],
    [[names, '2', '--reason', 'x', '--until', '2020-01-01'], 'has passed'],
  ])('refuses %j and writes nothing', async (words, message) => {
    const { code, err } = await selvedge('accept', ...words)
    expect(code).toBe(2)
    expect(err).toContain(message)
    expect(existsSync(inFolder('selvedge.baseline.json'))).toBe(false)
  })
})

describe('a baseline file', () => {
  const entry = (key: string, until = '2999-12-31') => ({ invariant: names, key, reason: 'known', until })
  const written = (...accepted: object[]) =>
    writeFileSync(
      inFolder('selvedge.baseline.json'),
      JSON.stringify({ format: 'selvedge/baseline@1', accepted }, null, 2),
    )

  it('of which an entry has expired or matches nothing says so', async () => {
    written(entry('2', '2020-01-01'), entry('9'))
    const { code, out } = await selvedge('check', '--quiet')
    expect(code).toBe(1)
    expect(out).toContain(`expired: the baseline accepted 2 of "${names}" until 2020-01-01 (known).`)
    expect(out).toContain(`stale: the baseline accepts 9 of "${names}", which agrees: take it out.`)
    expect(out).toContain('5 findings')
  })

  it('is read by watch, too', async () => {
    written(entry('2'), entry('3'), entry('4'), entry('5'), { ...entry('5'), invariant: ids })
    expect(await selvedge('watch', '--once')).toMatchObject({ code: 0 })
  })

  it('that is named and not there ends with 3', async () => {
    expect(await selvedge('check', '--baseline', inFolder('other.json'))).toMatchObject({ code: 3, out: '' })
  })

  it.each<[string, () => void, number, string]>([
    ['that is no JSON', () => writeFileSync(inFolder('selvedge.baseline.json'), '{\n"format": 1,,\n}'), 2, 'not JSON'],
    ['with an unknown field', () => written(entry('1'), { ...entry('2'), untill: 'x' }), 10, 'accepted.1'],
    ['with a day that is none', () => written(entry('1'), entry('2', '2026-13-01')), 14, 'Give a day'],
    ['with an invariant that is not declared', () => written({ ...entry('1'), invariant: 'Gone' }), 5, 'not declared'],
    ['with a key twice', () => written(entry('1'), entry('1')), 12, 'twice'],
  ])('%s ends with 3, file, line and fix', async (_, write, line, message) => {
    write()
    const { code, err } = await selvedge('check')
    expect(err).toContain(`${inFolder('selvedge.baseline.json')}:${line}: `)
    expect(err).toContain(message)
    expect(code).toBe(3)
  })
})
