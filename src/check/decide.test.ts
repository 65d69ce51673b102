import { describe, expect, it } from 'vitest'
import { agree, replicaOf } from '../invariant/invariant.ts'
import type { KeyState, Shape } from './compare.ts'
import { type Decision, decide, type Witness } from './decide.ts'

const side = (source: string) => ({ source, table: 't', key: 'id', columns: ['v'] })
const shape = (invariant: ReturnType<typeof agree>): Shape => ({
  relation: invariant.relation,
  sideNames: ['a', 'b'],
  columnNames: ['v'],
  kinds: ['text'],
})
const replica = shape(replicaOf('R', { owner: side('a'), copy: side('b') }))
const agreed = shape(agree('A', side('a'), side('b')))

/** What owner and copy hold; undefined is no row. The stamp of a side is who wrote it. */
function held(owner: string | undefined, copy: string | undefined, stamps: [string, string] = ['', '']): KeyState {
  return { key: ['1'], images: [owner, copy].map((value) => (value === undefined ? [] : [[value]])), stamps }
}

const deadlineMs = 1_000

/** Looks at states at times, as a check does, until one is decided. */
function looks(of: Shape, ...states: readonly (readonly [atMs: number, state: KeyState])[]): Decision {
  let witness: Witness | undefined
  let decision: Decision = { kind: 'holds' }
  for (const [atMs, state] of states) {
    decision = decide(of, deadlineMs, witness, state, { beganMs: atMs, endedMs: atMs + 10 })
    if (decision.kind !== 'witnessed') return decision
    witness = decision.witness
  }
  return decision
}

describe('double reads', () => {
  it('say nothing after one look, however different the sides are', () => {
    expect(looks(replica, [0, held('x', undefined)])).toMatchObject({ kind: 'witnessed', againInMs: deadlineMs })
  })

  it('call it diverged only when the deadline lies between the end of one read and the beginning of another', () => {
    expect(looks(replica, [0, held('x', 'y')], [1_009, held('x', 'y')])).toMatchObject({
      kind: 'witnessed',
      againInMs: 1,
    })
    expect(looks(replica, [0, held('x', 'y')], [1_010, held('x', 'y')])).toEqual({ kind: 'diverged' })
  })

  it('hold as soon as the sides are equal', () => {
    expect(looks(replica, [0, held('x', 'y')], [500, held('x', 'x')])).toEqual({ kind: 'holds' })
    expect(looks(replica, [0, held('x', 'y')], [500, held(undefined, undefined)])).toEqual({ kind: 'holds' })
  })

  it('begin again when the owner changed, also when it changed back', () => {
    expect(looks(replica, [0, held('x', 'w')], [2_000, held('y', 'x')])).toMatchObject({
      kind: 'witnessed',
      againInMs: deadlineMs,
    })
    expect(looks(replica, [0, held('x', 'y', ['7', '1'])], [2_000, held('x', 'y', ['9', '1'])])).toMatchObject({
      kind: 'witnessed',
      againInMs: deadlineMs,
    })
  })

  it('do not begin again when only the copy changed, from wrong to wrong', () => {
    expect(looks(replica, [0, held('x', 'y', ['7', '1'])], [2_000, held('x', 'z', ['7', '2'])])).toEqual({
      kind: 'diverged',
    })
  })

  it('where nobody owns, begin again when any side changed', () => {
    expect(looks(agreed, [0, held('x', 'y')], [2_000, held('x', 'z')])).toMatchObject({ kind: 'witnessed' })
    expect(looks(agreed, [0, held('x', 'y')], [2_000, held('x', 'y')])).toEqual({ kind: 'diverged' })
  })

  it('leave a key that changes at every look inconclusive', () => {
    const states = ['a', 'b', 'c', 'd'].map((value, i): [number, KeyState] => [i * 2_000, held(value, 'old')])
    expect(looks(replica, ...states)).toEqual({ kind: 'inconclusive' })
  })
})
