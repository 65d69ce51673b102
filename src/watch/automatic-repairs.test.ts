/** Which findings a watch hands to repairs, and what it tells of them. */
import { describe, expect, it } from 'vitest'
import type { Report } from '../check/check.ts'
import { type Config, type Finding, replicaOf } from '../invariant/invariant.ts'
import type { AutomaticRepair } from '../reconcile/reconcile.ts'
import { automaticRepairs } from './automatic-repairs.ts'
import type { RunRecord } from './record.ts'
import { messageOf } from './webhook-message.ts'

const declare = (name: string, automatic: boolean) =>
  replicaOf(name, {
    owner: { source: 'user', table: 'users', key: 'id', columns: ['name'] },
    copy: { source: 'progress', table: name, key: 'id', columns: ['name'] },
  }).repairedBy({ kind: 'sql', automatic })
const configOf = (...automatic: readonly boolean[]): Config => ({
  sources: { user: { url: 'postgres://u' }, progress: { url: 'postgres://p' } },
  invariants: automatic.map((is, i) => declare(`i${i}`, is)),
})
const found = (invariant: string, proof: Finding['proof'] = 'positions') =>
  ({ invariant, key: '1', verdict: 'diverged', proof }) as Finding
const reportOf = (...findings: readonly Finding[]) =>
  ({ findings, invariants: ['i0', 'i1', 'i2'].map((name) => ({ name })) }) as unknown as Report
const applied = {
  ...{ run: 'r1', done: 2, skipped: 1, failed: 1, left: 0, differing: [], hash: '' },
  again: [{ invariant: 'i0', key: '3', why: 'changed-meanwhile: users' }],
  failures: [{ invariant: 'i0', key: '4', why: 'the row is held' }],
}

/** The repairs of a run, and the invariants that were handed to the repairing. */
async function repaired(config: Config, report: Report, answers: Readonly<Record<string, AutomaticRepair | Error>>) {
  const asked: string[] = []
  const onReport = automaticRepairs(config, {
    folder: 'unused',
    reconcile: async (_, { findings }) => {
      const { invariant } = findings[0]!
      asked.push(...findings.map((finding) => finding.invariant))
      const answer = answers[invariant]!
      if (answer instanceof Error) throw answer
      return answer
    },
  })
  return { asked, repairs: await onReport?.(report, { id: 'run', config }) }
}

describe('automatic repairs', () => {
  it('are none where no invariant declares them', () => {
    expect(automaticRepairs(configOf(false, false), { folder: 'unused' })).toBeUndefined()
  })

  it('are given what is declared automatic and proved by positions, and say why the rest is left', async () => {
    const report = reportOf(found('i0', 'double-read'), found('i1'), found('i2'))
    const answers = { i2: { kind: 'nothing', left: 1, leftWhy: 'two writers fight', settled: 0 } } as const
    const { asked, repairs } = await repaired(configOf(true, false, true), report, answers)
    expect(asked).toEqual(['i2'])
    expect(repairs).toEqual([
      {
        invariant: 'i0',
        repaired: 0,
        refused: 1,
        result: 'left',
        because: expect.stringContaining('no positions prove'),
      },
      { invariant: 'i2', repaired: 0, refused: 1, result: 'left', because: '1 left to a person: two writers fight' },
    ])
  })

  it('that fail hold back no other', async () => {
    const answers = { i0: new Error('gone'), i1: { kind: 'applied', applied, left: 0, settled: 0 } } as const
    const { repairs } = await repaired(configOf(true, true), reportOf(found('i0'), found('i1')), answers)
    expect(repairs).toMatchObject([
      { invariant: 'i0', repaired: 0, refused: 1, because: 'watch/unexpected: gone' },
      { invariant: 'i1', repaired: 2, refused: 2, run: 'r1', result: 'partly-failed' },
    ])
  })

  it('are healed only when each finding was repaired, and none is left or was settled otherwise', async () => {
    const whole = { ...applied, skipped: 0, failed: 0, again: [], failures: [] }
    const resultOf = async (answer: AutomaticRepair) =>
      (await repaired(configOf(true), reportOf(found('i0')), { i0: answer })).repairs?.[0]?.result
    expect(await resultOf({ kind: 'applied', applied: whole, left: 0, settled: 0 })).toBe('healed')
    expect(await resultOf({ kind: 'applied', applied: whole, left: 1, settled: 0 })).toBe('left')
    expect(await resultOf({ kind: 'applied', applied: whole, left: 0, settled: 1 })).toBe('left')
    expect(await resultOf({ kind: 'nothing', left: 0, settled: 1 })).toBe('left')
    expect(await resultOf({ kind: 'applied', applied: { ...whole, differing: ['1'] }, left: 0, settled: 0 })).toBe(
      'partly-failed',
    )
  })

  it('are told in the text of the message', async () => {
    const answers = { i0: { kind: 'applied', applied, left: 0, settled: 0 } } as const
    const { repairs } = await repaired(configOf(true), reportOf(found('i0')), answers)
    const run = { kind: 'run', id: 'x', endedAt: '', outcome: 'findings', invariants: [], events: [], repairs }
    const { text } = messageOf(run as unknown as RunRecord, { on: 'all', missed: 0 })
    const why = '1 failed: the row is held; 1 skipped: changed-meanwhile: users'
    expect(text).toContain(`• repairs of i0: 2 repaired, 2 not (run r1); ${why}`)
  })
})
