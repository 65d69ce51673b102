import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Baseline, Finding } from '../invariant/invariant.ts'
import { incidentIdOf } from './classify-incidents.ts'
import { decideAccepted } from './decide-accepted.ts'

const today = '2026-11-27'
const finding = (key: string, change: Partial<Finding> = {}): Finding => ({
  ...{ invariant: 'Copies agree', key, verdict: 'diverged', proof: 'double-read', because: 'they differ' },
  ...{ present: [], absent: [], columns: [{ column: 'name', values: {} }] },
  ...change,
})
const entry = (key: string, change: Partial<Baseline> = {}): Baseline => ({
  ...{ invariant: 'Copies agree', key, reason: 'known', until: '2026-12-31' },
  ...change,
})
const decide = (findings: readonly Finding[], baseline: readonly Baseline[], isFullyChecked = true) =>
  decideAccepted({ findings, baseline, today, isFullyChecked: () => isFullyChecked })

describe('a baseline', () => {
  it('accepts through its last day, and the day after the finding is back and the entry named as expired', () => {
    const last = entry('1', { until: today })
    expect(decide([finding('1')], [last])).toMatchObject({
      ...{ findings: [], accepted: [{ key: '1', acceptance: last }], expired: [], stale: [] },
    })
    const past = entry('1', { until: '2026-11-26' })
    expect(decide([finding('1')], [past])).toEqual({
      ...{ findings: [finding('1')], accepted: [], expired: [past], stale: [] },
    })
  })

  it('accepts all keys of an incident by *, and none of another', () => {
    const [name, email] = [finding('1'), finding('2', { columns: [{ column: 'email', values: {} }] })]
    const all = entry('*', { incident: incidentIdOf(name) })
    const { findings, accepted } = decide([name, finding('3'), email], [all])
    expect(accepted.map(({ key }) => key)).toEqual(['1', '3'])
    expect(findings).toEqual([email])
  })

  it('accepts a key of one incident only, when it names that', () => {
    expect(decide([finding('1')], [entry('1', { incident: 'of something else' })]).findings).toHaveLength(1)
  })

  it('names entries that match nothing, unless the invariant was not checked as a whole', () => {
    const gone = entry('9')
    expect(decide([finding('1')], [gone]).stale).toEqual([gone])
    expect(decide([finding('1')], [gone], false).stale).toEqual([])
  })

  it('is overruled by no expired entry for the same key', () => {
    const { accepted, expired } = decide([finding('1')], [entry('1', { until: '2020-01-01' }), entry('1')])
    expect(accepted).toHaveLength(1)
    expect(expired).toHaveLength(1)
  })

  it('loses no finding: each is open or accepted', () => {
    const key = fc.constantFrom('1', '2', '*', 'constructor')
    const until = fc.constantFrom('2020-01-01', '2027-01-01')
    fc.assert(
      fc.property(fc.array(key), fc.array(fc.tuple(key, until)), (keys, entries) => {
        const all = keys.map((each) => finding(each))
        const baseline = entries.map(([each, day]) =>
          entry(each, { until: day, ...(each === '*' ? { incident: incidentIdOf(finding('1')) } : {}) }),
        )
        const { findings, accepted } = decide(all, baseline)
        expect([...findings, ...accepted].map((one) => one.key).sort()).toEqual([...keys].sort())
      }),
    )
  })
})
