import { describe, expect, it } from 'vitest'
import { replicaOf } from '../../invariant/invariant.ts'
import type { KeyState, Shape } from '../compare.ts'
import { type Classification, classify } from './classify.ts'
import {
  type AppliedFact,
  type BookFact,
  type CopyEvidence,
  covers,
  type EventFact,
  type OwnerEvidence,
  type PositionFact,
} from './evidence.ts'
import { isVisible, parseSnapshot } from './snapshot.ts'

const columns = ['full_name', 'email']
const side = (source: string) => ({ source, table: 't', key: 'id', columns })
const sides = {
  relation: replicaOf('R', { owner: side('owner'), copy: side('copy') }).relation,
  sideNames: ['owner', 'copy'],
}
const shape: Shape = { ...sides, columnNames: ['full_name'], kinds: ['text'] }
const wide: Shape = { ...sides, columnNames: columns, kinds: ['text', 'text'] }

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

type Row = string | readonly (string | null)[] | undefined

interface Told {
  readonly owner?: Row
  readonly copy?: Row
  readonly events?: readonly EventFact[] | undefined
  readonly head?: number
  readonly positions?: readonly PositionFact[]
  readonly age?: number
  readonly copyFacts?: Partial<CopyEvidence>
  readonly tick?: string
}

/** Classifies a key of which `owner` and `copy` hold these names, or names and emails; by default the copy is past everything. */
function said(told: Told): string {
  const image = (row: Row) => (row === undefined ? [] : [typeof row === 'string' ? [row] : row])
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
    applied: new Map(),
    book: undefined,
    rowAges,
    ...told.copyFacts,
  }
  const isWide = typeof told.owner === 'object' || typeof told.copy === 'object'
  const result: Classification = classify({
    shape: isWide ? wide : shape,
    state,
    text: '1:1',
    stream: 'User/1',
    deadlineMs: 60_000,
    owner,
    copy,
  })
  return result.kind === 'wait' ? `wait ${result.againInMs}` : result.verdict
}

/** The book of a replica that took the given version of the row 50 transactions ago. */
const bookAt = (version: number, change: Partial<BookFact> = {}, isOwnerOnly = true): Partial<CopyEvidence> => ({
  book: { isOwnerOnly, rows: new Map([['1', { age: 50, version, hasRow: true, ...change }]]) },
})
const noBook: Partial<CopyEvidence> = { book: { isOwnerOnly: true, rows: new Map() } }
/** What consumers that take messages have applied of the stream, some of them nothing. */
const applied = (facts: Record<string, AppliedFact | undefined>): Partial<CopyEvidence> => ({
  applied: new Map(
    Object.entries(facts).map(([name, fact]) => [name, new Map(fact === undefined ? [] : [['User/1', fact]])]),
  ),
})
const skipped = (...versions: number[]): Partial<CopyEvidence> => ({
  skipped: new Map([['User/1', versions.map((version) => ({ consumer: 'c', version, by: 'Grace', reason: 'test' }))]]),
})
/** Somebody else reads the owner too. */
const another = [at('200:200:'), at('200:200:', { consumer: 'mailer' })]

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
    const late = (positions: PositionFact[]) => said({ owner: 'v1', events: [event(1)], positions })
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
        copyFacts: {
          parked: new Map([['User/1', [{ consumer: 'c', state, code, message: 'm', version: 1, sinceMs }]]]),
        },
      })
    expect(parked('retrying', 'x', nowMs - 50_000)).toBe('wait 10001')
    expect(parked('retrying', 'x', nowMs - 61_000)).toBe('parked')
    expect(parked('parked', 'x', nowMs)).toBe('parked')
    expect(parked('parked', 'contract/unknown-schema-version', nowMs)).toBe('schema-skew')
  })

  it('was skipped when what was left out makes the difference', () => {
    const two = { owner: 'v2', copy: 'v1', events: [event(2), event(1)] }
    expect(said({ ...two, copyFacts: skipped(2) })).toBe('skipped')
    // What was skipped before the last version explains nothing that the last version told since.
    expect(said({ ...two, copyFacts: skipped(1) })).toBe('diverged')
    // The other versions do not make this of the row: somebody else wrote it.
    expect(said({ ...two, copy: 'x', copyFacts: skipped(2) })).toBe('diverged')
    expect(
      said({ ...two, copy: 'v1', events: [event(3), event(2), event(1)], owner: 'v3', copyFacts: skipped(3, 2) }),
    ).toBe('skipped')
    const gone = [event(2, { op: 'd' }), event(1)]
    expect(said({ copy: 'v1', events: gone, copyFacts: skipped(2) })).toBe('skipped')
    expect(said({ copy: 'x', events: gone, copyFacts: skipped(2) })).toBe('lost-delete')
    expect(said({ owner: 'v1', events: [event(1)], copyFacts: skipped(1) })).toBe('skipped')
    expect(said({ owner: 'v2', events: [event(2), event(1)], copyFacts: skipped(2) })).toBe('diverged')
  })

  it('was lost when the copy is past a version that it never applied', () => {
    const two = { owner: 'v2', copy: 'v1', events: [event(2), event(1)] }
    const facts = (copyFacts: Partial<CopyEvidence>) => said({ ...two, copyFacts })
    expect(facts(applied({ c: { version: 1, age: 3 } }))).toBe('lost-in-transport')
    expect(facts(applied({ c: { version: 2, age: 3 } }))).toBe('diverged')
    // A consumer may have begun after the stream: that it has no version of it proves nothing.
    expect(facts(applied({ c: undefined }))).toBe('diverged')
    // Unless it is a replica, whose book has each row, however it came.
    expect(said({ owner: 'v1', events: [event(1)], copyFacts: { ...applied({ c: undefined }), ...noBook } })).toBe(
      'lost-in-transport',
    )
    expect(facts({ ...applied({ c: undefined }), ...bookAt(2) })).toBe('diverged')
    expect(facts({ ...applied({ c: { version: 1, age: 3 } }), ...bookAt(2) })).toBe('diverged')
    expect(facts({ ...applied({ c: { version: 1, age: 3 } }), ...bookAt(1) })).toBe('lost-in-transport')
  })

  it('is no other consumer’s fault: what one of several did is a cause only where it makes what the copy holds', () => {
    const facts = (copy: string, copyFacts: Partial<CopyEvidence>, positions = another) =>
      said({ owner: 'v2', copy, events: [event(2), event(1)], copyFacts, positions })
    const lost = applied({ c: { version: 2, age: 3 }, mailer: { version: 1, age: 3 } })
    expect([facts('v1', lost), facts('x', lost)]).toEqual(['lost-in-transport', 'diverged'])
    const fact = { consumer: 'mailer', state: 'parked', code: 'x', message: 'm', version: 2, sinceMs: 0 } as const
    const parked = { parked: new Map([['User/1', [fact]]]) }
    expect([facts('v1', parked), facts('x', parked)]).toEqual(['parked', 'diverged'])
    expect(facts('x', parked, [at('200:200:')])).toBe('parked')
    const late = [at('200:200:'), at('102:102:', { consumer: 'mailer' })]
    expect([facts('v1', {}, late), facts('x', {}, late)]).toEqual(['lagging', 'diverged'])
    expect(facts('x', {}, [at('102:102:')])).toBe('lagging')
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
    // An event that tells nothing of the row may follow its tombstone, or have made it again.
    const other = event(3, { data: { at: 'noon' } })
    expect(said({ copy: 'v1', events: [other, event(2, { op: 'd' }), event(1)] })).toBe('diverged')
    expect(said({ copy: 'v1', events: [other, event(1)] })).toBe('never-published')
  })

  it('that the log never knew is judged by what a refresh told of it', () => {
    expect(said({ copy: 'a', copyFacts: bookAt(0) })).toBe('never-published')
    expect(said({ copy: 'a', copyFacts: noBook })).toBe('orphan')
    expect(said({ owner: 'b', copy: 'a', age: 50, copyFacts: bookAt(0) })).toBe('never-published')
    expect(said({ owner: 'b', copy: 'a', age: 40, copyFacts: bookAt(0) })).toBe('conflicting-write')
    expect(said({ owner: 'b', copyFacts: bookAt(0) })).toBe('conflicting-write')
    // Without a book both sides had it before the log began, and either may have changed.
    expect(said({ owner: 'b', copy: 'a' })).toBe('diverged')
    expect(said({ owner: 'b' })).toBe('never-published')
  })

  it('names no cause from an erased or dropped history', () => {
    expect(said({ owner: 'other', copy: 'v1', events: [event(2, { op: 'x', data: {} }), event(1)] })).toBe('diverged')
    expect(said({ owner: 'other', copy: 'v1', events: [], head: 7 })).toBe('diverged')
  })

  it('was written behind the back of a replica when its row is younger than the book kept of it, whatever the lane did since', () => {
    const copyWrong = { owner: 'v1', copy: 'x', events: [event(1)], copyFacts: bookAt(1) }
    expect(said({ ...copyWrong, age: 40 })).toBe('conflicting-write')
    expect(said({ ...copyWrong, age: 50 })).toBe('misapplied')
    // The replica found nothing to change: what stands there is what it makes of the version.
    expect(said({ ...copyWrong, age: 60 })).toBe('misapplied')
    // Another service's word may stand in a replica that several write.
    expect(said({ ...copyWrong, age: 50, copyFacts: bookAt(1, {}, false) })).toBe('diverged')
    expect(said({ ...copyWrong, age: 40, copyFacts: bookAt(1, {}, false) })).toBe('conflicting-write')
  })

  it('was deleted behind the back of a replica when its book says that the row is there', () => {
    const gone = { owner: 'v1', events: [event(1)] }
    expect(said({ ...gone, copyFacts: bookAt(1) })).toBe('conflicting-write')
    expect(said({ ...gone, copyFacts: bookAt(1, { hasRow: false }) })).toBe('diverged')
    expect(said({ ...gone, copyFacts: noBook })).toBe('diverged')
    expect(said(gone)).toBe('diverged')
  })

  it('has regressed when it was overwritten behind the book with just what an earlier version says', () => {
    const told = { owner: 'v3', events: [event(3), event(2), event(1)], copyFacts: bookAt(3), age: 40 }
    expect(said({ ...told, copy: 'v1' })).toBe('regressed')
    expect(said({ ...told, copy: 'v2' })).toBe('regressed')
    expect(said({ ...told, copy: 'x' })).toBe('conflicting-write')
    expect(said({ ...told, copy: 'v1', events: [event(3), event(2, { op: 'd' }), event(1)] })).toBe('conflicting-write')
    expect(said({ ...told, copy: 'v1', copyFacts: {} })).toBe('diverged')
  })

  it('has regressed when its book was put back with it, at which version the position cannot be', () => {
    const done = applied({ c: { version: 3, age: 70 } })
    const told = { owner: 'v3', events: [event(3), event(2), event(1)], copyFacts: { ...bookAt(2), ...done }, age: 50 }
    expect(said({ ...told, copy: 'v2' })).toBe('regressed')
    expect(said({ ...told, copy: 'x' })).toBe('diverged')
    expect(said({ ...told, copy: 'v2', copyFacts: bookAt(2), positions: [at('200:200:', { age: 70 })] })).toBe(
      'regressed',
    )
    // Of what the lane has done since nobody knows whether it was before or after.
    expect(said({ ...told, copy: 'v2', copyFacts: bookAt(2) })).toBe('diverged')
    // The replica may not take events of the other types at all.
    const other = (version: number) => event(version, { type: 'UserLeft' })
    expect(said({ ...told, copy: 'v2', events: [other(3), event(2), event(1)] })).toBe('diverged')
  })

  it('was misapplied by a replica that did nothing with the last version, where messages keep what was done', () => {
    const done = { ...bookAt(2, { age: 80 }), ...applied({ c: { version: 3, age: 70 } }) }
    const told = { owner: 'v3', copy: 'v2', events: [event(3), event(2), event(1)] }
    expect(said({ ...told, copyFacts: done, age: 80 })).toBe('misapplied')
    expect(said({ ...told, copyFacts: bookAt(2, { age: 80 }), age: 80 })).toBe('diverged')
  })

  it('was made again after its deletion when its row is younger than the book, and is a lost delete otherwise', () => {
    const back = { copy: 'v1', events: [event(2, { op: 'd' }), event(1)], copyFacts: bookAt(2, { hasRow: false }) }
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
    // The owner's row is something else again: then the event is no measure of what the copy should hold.
    expect(said({ ...copyWrong, owner: 'y', age: 10 })).toBe('diverged')
  })

  it('was misapplied when messages keep the version: written together with it, or left as it was', () => {
    const at9 = (change: Partial<AppliedFact> = {}) => applied({ c: { version: 2, age: 9, ...change } })
    const copyWrong = { owner: 'v2', copy: 'x', events: [event(2), event(1)], copyFacts: at9() }
    expect(said({ ...copyWrong, age: 8 })).toBe('diverged')
    expect(said({ ...copyWrong, age: 9 })).toBe('misapplied')
    expect(said({ ...copyWrong, age: 30 })).toBe('misapplied')
    expect(said({ ...copyWrong, age: 30, owner: 'v2', copy: 'v1' })).toBe('misapplied')
    // Of several consumers, one that wrote it is known by the transaction; one that did not may not be the one that keeps it.
    expect(said({ ...copyWrong, age: 9, positions: another })).toBe('misapplied')
    expect(said({ ...copyWrong, age: 30, positions: another })).toBe('diverged')
  })

  it('was not misapplied by the last version in a column of which an earlier one had the last word', () => {
    const events = [event(2, { data: { email: 'e2' } }), event(1, { data: { fullName: 'v1', email: 'e1' } })]
    const copyFacts = applied({ c: { version: 2, age: 9 } })
    const told = { owner: ['v1', 'e2'], events, copyFacts, age: 9 }
    expect(said({ ...told, copy: ['x', 'e2'] })).toBe('diverged')
    expect(said({ ...told, copy: ['v1', 'x'] })).toBe('misapplied')
    expect(said({ ...told, copy: ['x', 'e2'], age: 50, copyFacts: bookAt(2) })).toBe('diverged')
  })
})
