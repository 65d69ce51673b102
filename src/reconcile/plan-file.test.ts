/** A plan as text, and a journal: what was touched by hand is refused. */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openJournal } from './journal.ts'
import { withJournalLock } from './journal-lock.ts'
import { type Plan, type PlanStep, parsePlan, planFormat, planText, sealed } from './plan-file.ts'
import { approve } from './reconcile.ts'

const home = mkdtempSync(join(tmpdir(), 'selvedge-journal-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const step: PlanStep = {
  ...{ step: 1, invariant: 'I', key: '1', parts: ['1'], verdict: 'diverged', proof: 'positions', because: 'b' },
  ...{ repair: 'sql', why: 'w', isAutomatic: false, target: 1, before: [] },
}
const made: Plan = {
  ...{ steps: [step], approvals: [] },
  header: sealed(
    {
      ...{ format: planFormat, created: '2026-01-31T08:00:00.000Z', expires: '2026-01-31T09:00:00.000Z', config: 'c' },
      ...{ steps: 1, byRepair: { sql: 1 }, deletes: 0, settled: 0, tables: [] },
    },
    [step],
  ),
}
const approved = planText(approve(made, 'ada'))

describe('a plan as text', () => {
  it('is read back as it was, with who approved it', () => {
    expect(parsePlan(planText(made))).toEqual(made)
    expect(parsePlan(approved).approvals).toMatchObject([{ by: 'ada' }])
  })

  it.each([
    ['a value', (text: string) => text.replace('"key":"1"', '"key":"2"'), 'reconcile/edited'],
    ['the expiry, after it was approved', (text: string) => text.replace('T09:', 'T23:'), 'reconcile/edited'],
    ['a step taken out', (text: string) => text.split('\n').toSpliced(1, 1).join('\n'), 'reconcile/edited'],
    ['a line that was cut', (text: string) => text.slice(0, -20), 'reconcile/edited'],
    ['another format', (text: string) => text.replace('plan@1', 'plan@9'), 'reconcile/not-a-plan'],
    ['an empty file', () => '', 'reconcile/not-a-plan'],
  ])('is refused for %s', (_, change, code) => {
    expect(() => parsePlan(change(approved))).toThrow(expect.objectContaining({ code }))
  })

  it.each([
    ['its expiry', 'T09:', 'T23:'],
    ['the tables that its limits are held against', '"tables":[', '"tables":[{}'],
    ['how many rows it deletes', '"deletes":0', '"deletes":1'],
  ])('is refused for %s, also when it was changed before anybody approved it', (_, from, to) => {
    const text = planText(made)
    const changed = text.replace(from, to)
    expect(changed).not.toBe(text)
    expect(() => parsePlan(changed)).toThrow(expect.objectContaining({ code: 'reconcile/edited' }))
  })

  it('is approved by named people, each once', () => {
    expect(() => approve(made, ' ')).toThrow(expect.objectContaining({ code: 'reconcile/unsigned' }))
    for (const again of ['ada', ' ada', 'Ada '])
      expect(() => approve(approve(made, 'ada'), again)).toThrow(expect.objectContaining({ code: 'reconcile/signed' }))
  })
})

describe('the journal', () => {
  const folderOf = (name: string) => {
    const folder = join(home, name)
    const journal = openJournal(folder)
    for (const run of ['a', 'b', 'c']) journal.append({ kind: 'stopped', run, why: 'because' })
    return { folder, path: journal.path }
  }

  it('is a chain: a line changed, taken out or put elsewhere is found', () => {
    const changes: readonly ((lines: string[]) => string[])[] = [
      (lines) => lines.map((line) => line.replace('because', 'by itself')),
      (lines) => lines.toSpliced(1, 1),
      (lines) => lines.toReversed(),
    ]
    for (const [i, change] of changes.entries()) {
      const { folder, path } = folderOf(`changed-${i}`)
      const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
      writeFileSync(path, `${change(lines).join('\n')}\n`)
      expect(() => openJournal(folder)).toThrow(expect.objectContaining({ code: 'reconcile/journal-broken' }))
    }
  })

  it('goes on after a line that a crash cut off', () => {
    const { folder, path } = folderOf('cut')
    appendFileSync(path, '{"n":4,"at":"20')
    openJournal(folder).append({ kind: 'stopped', run: 'd', why: 'because' })
    expect(openJournal(folder).entries.map((entry) => entry.run)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('keeps a line that another process is writing while it is read', () => {
    const { folder, path } = folderOf('read')
    appendFileSync(path, '{"n":4,"at":"20')
    expect(openJournal(folder).entries).toHaveLength(3)
    expect(readFileSync(path, 'utf8')).toMatch(/"at":"20$/)
  })

  it('that cannot be written or read says so, and a lost line is no journal of ours', async () => {
    const { folder, path } = folderOf('lost')
    const open = openJournal(folder)
    truncateSync(path, 10)
    const more = () => open.append({ kind: 'stopped', run: 'd', why: 'because' })
    expect(more).toThrow(expect.objectContaining({ code: 'reconcile/journal-broken' }))
    const unusable = expect.objectContaining({ code: 'reconcile/journal-unusable' })
    rmSync(path)
    mkdirSync(path)
    expect(more).toThrow(unusable)
    expect(() => openJournal(folder)).toThrow(unusable)
    writeFileSync(join(home, 'file'), '')
    await expect(withJournalLock(join(home, 'file', 'below'), async () => 1)).rejects.toEqual(unusable)
  })

  it('is written by one process at a time, and a dead one does not keep it', async () => {
    const folder = join(home, 'locked')
    const second = withJournalLock(folder, () => withJournalLock(folder, async () => 'both'))
    await expect(second).rejects.toMatchObject({ code: 'reconcile/busy' })
    writeFileSync(join(folder, 'lock'), '999999999')
    expect(await withJournalLock(folder, async () => 'taken over')).toBe('taken over')
  })
})
