import { describe, expect, it } from 'vitest'
import { replicaOf } from '../../invariant/invariant.ts'
import type { KeyState, Shape } from '../compare.ts'
import { type Classification, classify } from './classify.ts'
import { type CopyEvidence, covers, type EventFact, type OwnerEvidence, type PositionFact } from './evidence.ts'
import { isVisible, parseSnapshot } from './snapshot.ts'

const side = (source: string) => ({ source, table: 't', key: 'id', columns: ['full_name'] })
const shape: Shape = {
  relation: replicaOf('R', { owner: side('owner'), copy: side('copy') }).relation,
  sideNames: ['owner', 'copy'],
  columnNames: ['full_name'],
  kinds: ['text'],
}

const nowMs = 1_000_000
const event = (version: number, change: Partial<EventFact> = {}): EventFact => ({
  version,
  seq: BigInt(version),
  xid: BigInt(100 + version),
  lane: 3,
  op: 'e',
  type: 'UserChanged',
  schemaVersion: 1,
  atMs: nowMs - 90_000,
  data: { fullName: `v${version}` },
  ...change,
})
const at = (snapshot: string, change: Partial<PositionFact> = {}): PositionFact => ({
  consumer: 'c',
  lane: 3,
  epoch: 1,
  previous: parseSnapshot(snapshot),
  inside: undefined,
  age: 10,
  ...change,
})

interface Told {
  readonly owner?: string | undefined
  readonly copy?: string | undefined
  readonly events?: readonly EventFact[] | undefined
  readonly head?: number
  readonly positions?: readonly PositionFact[]
  readonly age?: number
  readonly copyFacts?: Partial<CopyEvidence>
  readonly tick?: string
}

/** Classifies a key of which `owner` and `copy` hold these names; by default the copy is past everything. */
function said(told: Told): string {
  const image = (value: string | undefined) => (value === undefined ? [] : [[value]])
  const state: KeyState = { key: ['1'], images: [image(told.owner), image(told.copy)], stamps: [] }
  const streams = new Map(
    told.events === undefined
      ? []
      : [['User/1', { version: told.head ?? told.events[0]?.version ?? 1, events: told.events }]],
  )
  const owner: OwnerEvidence = {
    nowMs,
    epoch: 1,
    tick: { id: 5, atMs: nowMs, snapshot: parseSnapshot(told.tick ?? '200:200:') },
    streams,
  }
  const rowAges = new Map(told.age === undefined ? [] : [['1:1', told.age]])
  const copy: CopyEvidence = {
    nowMs,
    positions: told.positions ?? [at('200:200:')],
    parked: new Map(),
    skipped: new Map(),
    applied: undefined,
    bookAges: new Map(),
    rowAges,
    ...told.copyFacts,
  }
  const result: Classification = classify({
    shape,
    state,
    text: '1:1',
    stream: 'User/1',
    deadlineMs: 60_000,
    owner,
    copy,
  })
  return result.kind === 'wait' ? `wait ${result.againInMs}` : result.verdict
}

describe('a snapshot', () => {
  it('shows what was done before it, and not what was open', () => {
    const snapshot = parseSnapshot('100:110:103,105')
    expect([99n, 100n, 103n, 104n, 105n, 109n, 110n].map((xid) => isVisible(xid, snapshot))).toEqual([
      true,
      true,
      false,
      true,
      false,
      true,
      false,
    ])
    expect(isVisible(5n, parseSnapshot('10:10:'))).toBe(true)
  })

  it('a position inside a tick covers just what it read of that tick', () => {
    const inside = at('100:100:', { inside: { snapshot: parseSnapshot('110:110:'), seq: 2n } })
    expect(
      [event(1), event(2), event(3), event(2, { xid: 111n }), event(9, { xid: 99n })].map((each) =>
        covers(inside, each),
      ),
    ).toEqual([true, true, false, false, true])
  })
})

describe('a key that differs', () => {
  it('is late while an event is not covered: it waits for the deadline, then is lagging, or in-flight without a tick', () => {
    const [old, young] = [event(2), event(2, { atMs: nowMs - 20_000 })]
    const behind = { owner: 'v2', copy: 'v1', positions: [at('102:102:')] }
    expect(said({ ...behind, events: [young, event(1)] })).toBe('wait 40001')
    expect(said({ ...behind, events: [old, event(1)] })).toBe('lagging')
    expect(said({ ...behind, events: [old, event(1)], tick: '102:102:' })).toBe('in-flight')
  })

  it('is as late as the oldest event that is not covered', () => {
    expect(
      said({
        owner: 'v3',
        copy: 'v1',
        positions: [at('102:102:')],
        events: [event(3, { atMs: nowMs }), event(2), event(1)],
      }),
    ).toBe('lagging')
  })

  it('is late while any consumer, or its lane, or the epoch, is behind', () => {
    const late = (positions: PositionFact[]) => said({ owner: 'v1', copy: 'x', events: [event(1)], positions })
    expect(late([at('200:200:'), at('50:50:', { consumer: 'd' })])).toBe('lagging')
    expect(late([at('200:200:'), at('200:200:', { consumer: 'd', lane: 4 })])).toBe('lagging')
    expect(late([at('200:200:', { epoch: 2 })])).toBe('lagging')
    expect(late([at('200:200:'), at('50:50:', { lane: 4 })])).toBe('diverged')
  })

  it('waits for a stream that is being retried, and is parked or schema-skew when it is not', () => {
    const parked = (state: 'retrying' | 'parked', code: string, sinceMs: number) =>
      said({
        owner: 'v1',
        events: [event(1)],
        copyFacts: { parked: new Map([['User/1', { consumer: 'c', state, code, message: 'm', version: 1, sinceMs }]]) },
      })
    expect(parked('retrying', 'x', nowMs - 50_000)).toBe('wait 10001')
    expect(parked('retrying', 'x', nowMs - 61_000)).toBe('parked')
    expect(parked('parked', 'x', nowMs)).toBe('parked')
    expect(parked('parked', 'contract/unknown-schema-version', nowMs)).toBe('schema-skew')
  })

  it('was skipped, or lost, when the copy is past a version that it never applied', () => {
    const facts = (copyFacts: Partial<CopyEvidence>) =>
      said({ owner: 'v2', copy: 'v1', events: [event(2), event(1)], copyFacts })
    expect(facts({ skipped: new Map([['User/1', { consumer: 'c', version: 2, by: 'Grace', reason: 'test' }]]) })).toBe(
      'skipped',
    )
    // What was skipped before the last version explains nothing that the last version told since.
    expect(facts({ skipped: new Map([['User/1', { consumer: 'c', version: 1, by: 'Grace', reason: 'test' }]]) })).toBe(
      'diverged',
    )
    expect(facts({ applied: new Map([['User/1', { version: 1, age: 3 }]]) })).toBe('lost-in-transport')
    expect(facts({ applied: new Map() })).toBe('lost-in-transport')
    expect(facts({ applied: new Map([['User/1', { version: 2, age: 3 }]]) })).toBe('diverged')
  })

  it('was never published when the copy holds what the log says and the owner does not', () => {
    expect(said({ owner: 'other', copy: 'v1', events: [event(1)] })).toBe('never-published')
    expect(said({ owner: undefined, copy: 'v1', events: [event(1)] })).toBe('never-published')
    expect(said({ owner: 'x' })).toBe('never-published')
    expect(said({ owner: 'x', copy: undefined, events: [event(2, { op: 'd' })] })).toBe('never-published')
    expect(said({ owner: 'other', copy: 'third', events: [event(1)] })).toBe('diverged')
  })

  it('is a lost delete after a tombstone, and an orphan when the log never knew it', () => {
    expect(said({ copy: 'v1', events: [event(2, { op: 'd' }), event(1)] })).toBe('lost-delete')
    expect(said({ copy: 'v1', events: [event(2, { op: 'x' }), event(1)] })).toBe('lost-delete')
    expect(said({ copy: 'v1' })).toBe('orphan')
  })

  it('names no cause from an erased or dropped history', () => {
    expect(said({ owner: 'other', copy: 'v1', events: [event(2, { op: 'x', data: {} }), event(1)] })).toBe('diverged')
    expect(said({ owner: 'other', copy: 'v1', events: [], head: 7 })).toBe('diverged')
  })

  it('was written behind the back of a replica when its row is younger than the book kept of it, whatever the lane did since', () => {
    const copyWrong = { owner: 'v1', copy: 'x', events: [event(1)], copyFacts: { bookAges: new Map([['1', 50]]) } }
    expect(said({ ...copyWrong, age: 40 })).toBe('conflicting-write')
    expect(said({ ...copyWrong, age: 50 })).toBe('misapplied')
    expect(said({ ...copyWrong, age: 60 })).toBe('diverged')
  })

  it('has regressed when it was overwritten behind the book with just what an earlier version says', () => {
    const copyFacts = { bookAges: new Map([['1', 50]]) }
    const told = { owner: 'v3', events: [event(3), event(2), event(1)], copyFacts, age: 40 }
    expect(said({ ...told, copy: 'v1' })).toBe('regressed')
    expect(said({ ...told, copy: 'v2' })).toBe('regressed')
    expect(said({ ...told, copy: 'x' })).toBe('conflicting-write')
    expect(said({ ...told, copy: 'v1', age: 60 })).toBe('diverged')
    expect(said({ ...told, copy: 'v1', events: [event(3), event(2, { op: 'd' }), event(1)] })).toBe('conflicting-write')
    expect(said({ ...told, copy: 'v1', copyFacts: {} })).toBe('diverged')
  })

  it('was made again after its deletion when its row is younger than the book, and is a lost delete otherwise', () => {
    const back = {
      copy: 'v1',
      events: [event(2, { op: 'd' }), event(1)],
      copyFacts: { bookAges: new Map([['1', 50]]) },
    }
    expect(said({ ...back, age: 40 })).toBe('regressed')
    expect(said({ ...back, copy: 'x', age: 40 })).toBe('conflicting-write')
    expect(said({ ...back, age: 60 })).toBe('lost-delete')
    expect(said({ ...back, age: 40, copyFacts: {} })).toBe('lost-delete')
  })

  it('was misapplied when the writing transaction tells; a younger row may be of a savepoint, so nobody is named', () => {
    const copyWrong = { owner: 'v1', copy: 'x', events: [event(1)] }
    expect(said({ ...copyWrong, age: 9 })).toBe('diverged')
    expect(said({ ...copyWrong, age: 10 })).toBe('misapplied')
    expect(said({ ...copyWrong, age: 11 })).toBe('diverged')
    expect(said(copyWrong)).toBe('diverged')
    expect(said({ ...copyWrong, age: 9, copyFacts: { applied: new Map([['User/1', { version: 1, age: 9 }]]) } })).toBe(
      'misapplied',
    )
  })
})
