/** The proof in full, and each kind of fault alone. */
import { faultKinds } from 'selvedge/testing'
import { describe, expect, it } from 'vitest'
import { serverUrl } from '../../test/support/database.ts'
import { type Proof, prove } from './proof.ts'

let runs = 0
const prefix = () => `academy_long_${process.pid}_${++runs}`
const keysOf = (proof: Proof) => proof.problems.flatMap(({ naive }) => naive.keys)

describe('two thousand actions', () => {
  let first: Proof

  it('leave every problem in the naive academy and none in the cured one', async () => {
    first = await prove({ serverUrl: serverUrl(), actions: 2000, seed: 7, prefix: prefix() })
    for (const { name, naive, cured } of first.problems) {
      expect(naive.inconsistencies, name).toBeGreaterThan(0)
      expect(naive, name).toMatchObject({ missed: 0, invented: 0 })
      expect(cured, name).toMatchObject({ inconsistencies: 0, missed: 0, invented: 0 })
    }
    for (const { accepted } of Object.values(first.actions)) expect(accepted).toBeGreaterThanOrEqual(1900)
    expect(first.during).toMatchObject({ checks: 10, invented: 0 })
    expect(first.rogueWrites).toMatchObject({ found: first.rogueWrites.injected, missed: 0, invented: 0 })
    expect(first.events).toMatchObject({ refreshed: 0, parked: 0 })
  })

  it('give the same faults and problems again, to the byte', async () => {
    const again = await prove({ serverUrl: serverUrl(), actions: 2000, seed: 7, prefix: prefix() })
    const text = ({ faults, problems }: Proof) => JSON.stringify({ faults, problems })
    expect(text(again)).toBe(text(first))
  })

  it('of another seed leave other keys', async () => {
    const other = await prove({ serverUrl: serverUrl(), actions: 2000, seed: 8, prefix: prefix() })
    expect(keysOf(other).filter((key) => keysOf(first).includes(key)).length).toBeLessThan(keysOf(other).length / 10)
    for (const { name, cured } of other.problems)
      expect(cured, name).toMatchObject({ inconsistencies: 0, missed: 0, invented: 0 })
  })
})

describe('a fault of one kind alone, with clocks that agree', () => {
  it.each(faultKinds)('%s: hurts the naive academy and not the cured one', async (kind) => {
    const proof = await prove({
      serverUrl: serverUrl(),
      actions: 600,
      seed: 7,
      kinds: [kind],
      skewMs: 0,
      prefix: prefix(),
    })
    const hurt = proof.problems.reduce(
      (sum, { naive }) => sum + (kind === 'delayed' ? naive.atBound : naive.inconsistencies),
      0,
    )
    expect(hurt).toBeGreaterThan(0)
    for (const { name, cured } of proof.problems)
      expect(cured, name).toMatchObject({ inconsistencies: 0, missed: 0, invented: 0 })
    for (const { hit } of proof.faults) expect(Math.min(hit.naive, hit.cured)).toBeGreaterThan(0)
  })
})
