/** The proof in short: the same actions and faults in both variants of the academy. The full form is `proof.long.test.ts`. */
import { expect, it } from 'vitest'
import { serverUrl } from '../../test/support/database.ts'
import { prove } from './proof.ts'

it('finds the naive academy inconsistent in every problem and the cured one in none, and what somebody writes behind its back', async () => {
  const proof = await prove({ serverUrl: serverUrl(), actions: 400, seed: 7, prefix: `academy_short_${process.pid}` })
  for (const { name, naive, cured } of proof.problems) {
    expect(naive, name).toMatchObject({ missed: 0, invented: 0 })
    expect(naive.inconsistencies, name).toBeGreaterThan(0)
    expect(cured, name).toMatchObject({ inconsistencies: 0, found: 0, missed: 0, invented: 0, keys: [] })
  }
  expect(proof.during).toMatchObject({ checks: 2, invented: 0 })
  expect(proof.rogueWrites.injected).toBeGreaterThan(10)
  expect(proof.rogueWrites).toMatchObject({ found: proof.rogueWrites.injected, missed: 0, invented: 0 })
  expect(proof.events).toMatchObject({ refreshed: 0, parked: 0 })
  expect(proof.actions.naive).toEqual(proof.actions.cured)
  for (const { kind, hit } of proof.faults) {
    expect(hit.naive, kind).toBeGreaterThan(0)
    expect(hit.cured, kind).toBeGreaterThan(0)
  }
}, 240_000)
