/** The policies one by one, and the property that makes them worth having: any order, any duplication, one state. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Candidate,
  type ConflictPolicy,
  canonicalText,
  counter,
  lastWriterWins,
  max,
  mergeSets,
  min,
  ownerWins,
  resolve,
} from './conflict.ts'
import { type Change, collapse, join, type KeyState, stateOf, unknownKey, viewOf } from './conflict-state.ts'
import { collapseVersions } from './conflict-versions.ts'

const fields = ['name', 'tags', 'points', 'seats', 'path'] as const

/** Not commutative and not associative: the outcome names every candidate in the order in which the fold met it. */
const chained: ConflictPolicy<string | null> = (mine, theirs) => `(${mine.value}<${theirs.value}@${theirs.counter})`
const personFirst = <T>(mine: Candidate<T>, theirs: Candidate<T>) =>
  mine.writer === 'person' && theirs.writer !== 'person' ? mine : theirs

const policies = { name: lastWriterWins, tags: mergeSets, points: max, seats: counter, path: chained }

function candidate<T>(value: T, of: Partial<Candidate<T>> = {}): Candidate<T> {
  const service = of.service ?? 'user'
  return { value, counter: 1, service, from: 'other', id: '', source: service, version: 1, ...of }
}

const valueFor = <T>(policy: ConflictPolicy<T>, candidates: readonly Candidate<T>[]) =>
  resolve(policy, candidates).value

describe('a policy', () => {
  test('ownerWins keeps the word of the owner over a later one, and takes the last without it', () => {
    const owner = candidate('owner', { from: 'owner', counter: 1 })
    const other = candidate('other', { service: 'notification', counter: 9 })

    expect(valueFor(ownerWins, [other, owner])).toBe('owner')
    expect(valueFor(ownerWins, [other, candidate('early', { service: 'course', counter: 3 })])).toBe('other')
  })

  test('lastWriterWins orders by counter, then by service', () => {
    const user = candidate('user', { counter: 4 })
    const notification = candidate('notification', { counter: 4, service: 'notification' })

    expect(valueFor(lastWriterWins, [user, notification])).toBe('user')
    expect(valueFor(lastWriterWins, [user, { ...notification, counter: 5 }])).toBe('notification')
  })

  test('mergeSets joins sets of texts and of objects, and takes null as empty', () => {
    const sets = [
      candidate<unknown[] | null>([{ a: 1, b: 2 }, 'x'], { counter: 1 }),
      candidate<unknown[] | null>(['y', { b: 2, a: 1 }], { counter: 2, service: 'course' }),
      candidate<unknown[] | null>(null, { counter: 3, service: 'progress' }),
    ]

    expect(valueFor(mergeSets, sets)).toEqual([{ a: 1, b: 2 }, 'x', 'y'])
  })

  test('max and min pass over null', () => {
    const values = [3, null, 8].map((n, i) => candidate<number | null>(n, { service: `s${i}` }))

    expect(valueFor(max, values)).toBe(8)
    expect(valueFor(min, values)).toBe(3)
  })

  test('counter adds what each source contributes', () => {
    expect(valueFor(counter, [candidate(3), candidate(4, { service: 'course' })])).toBe(7)
  })

  test('a rule that returns one of its candidates hands its writer on to the next step', () => {
    const choice = candidate('algebra', { counter: 2, writer: 'person' })
    const before = candidate('algebra', { counter: 1, writer: 'automatic', service: 'a' })
    const after = candidate('geometry', { counter: 3, writer: 'automatic', service: 'b' })

    const { value, winner, losers } = resolve(personFirst, [after, choice, before])

    expect({ value, winner, losers }).toEqual({ value: 'algebra', winner: choice, losers: [after] })
  })

  test('a combining policy has no losers', () => {
    expect(resolve(max, [candidate(1), candidate(2, { service: 'b' })]).losers).toEqual([])
  })
})

/** What three services tell of one key: versions dense per source, counters as a Lamport clock would give them. */
const history = fc
  .array(
    fc.record({
      service: fc.constantFrom('user', 'notification', 'course'),
      writer: fc.constantFrom(undefined, undefined, 'person'),
      op: fc.constantFrom('tell', 'tell', 'tell', 'tell', 'delete', 'none' as const),
      isErasure: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
      leap: fc.integer({ min: 0, max: 3 }),
      fields: fc.record(
        {
          name: fc.option(fc.string({ maxLength: 3 })),
          tags: fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 }),
          points: fc.option(fc.integer({ min: 0, max: 9 })),
          seats: fc.integer({ min: 0, max: 9 }),
          path: fc.constantFrom('p', 'q', 'r'),
        },
        { requiredKeys: [] },
      ),
      isStamped: fc.boolean(),
    }),
    { maxLength: 14 },
  )
  .map((steps) => {
    const versions = new Map<string, number>()
    let clock = 0
    return steps.map((step, n): Change => {
      const version = (versions.get(step.service) ?? 0) + 1
      versions.set(step.service, version)
      clock += step.leap
      const { service, writer, op, isStamped, isErasure } = step
      return {
        key: 'learner-1',
        op: op as Change['op'],
        isErasure: isErasure || op === 'none',
        source: writer === undefined ? service : `${service}#${writer}`,
        service,
        writer,
        from: service === 'user' ? 'owner' : 'other',
        version,
        counter: Math.max(version, clock),
        isStamped,
        id: `event-${n}`,
        cut: n,
        // Five minutes apart, and nothing may depend on it.
        at: new Date(1_800_000_000_000 + n * 10 + (service === 'course' ? -300_000 : 300_000)),
        fields: op === 'tell' && !isErasure ? step.fields : {},
      }
    })
  })

const told = history.chain((changes) =>
  fc.record({
    once: fc.constant(changes),
    again: fc
      .shuffledSubarray([...changes, ...changes, ...changes], { minLength: changes.length * 2 })
      .filter((list) => changes.every((change) => list.includes(change))),
    cuts: fc.array(fc.nat({ max: 20 }), { maxLength: 4 }),
    required: fc.subarray([...fields]),
    keepsDeleted: fc.boolean(),
  }),
)

const fold = (changes: readonly Change[]) =>
  changes.reduce<KeyState>((state, change) => join(state, stateOf(change, fields)), unknownKey)

describe('any order and duplication of the same changes', () => {
  test('gives one state, with clocks five minutes apart, deletes, re-creation, erasure and a rule that is not commutative', () => {
    fc.assert(
      fc.property(told, ({ once, again, required, keepsDeleted }) => {
        const rules = { owner: 'user', policies, keepsDeleted, required: new Set<string>(required) }

        expect(plain(fold(again))).toEqual(plain(fold(once)))
        expect(viewOf(fold(again), rules)).toEqual(viewOf(fold(once), rules))
      }),
      { numRuns: 2_000 },
    )
  })

  test('gives one state however it is cut into batches', () => {
    fc.assert(
      fc.property(told, ({ again, cuts }) => {
        const bounds = [0, ...cuts.map((cut) => Math.min(cut, again.length)).toSorted((a, b) => a - b), again.length]
        const batches = bounds.slice(1).map((end, i) => again.slice(bounds[i], end))
        const joined = batches
          .map((batch) => collapse(batch, fields).get('learner-1') ?? unknownKey)
          .reduce(join, unknownKey)

        expect(plain(joined)).toEqual(plain(fold(again)))
      }),
      { numRuns: 500 },
    )
  })

  test('where only the owner decides, versions alone say the same as candidates', () => {
    fc.assert(
      fc.property(told, ({ again }) => {
        const ofOwner = again.filter(({ from, writer }) => from === 'owner' && writer === undefined)
        const state = collapse(ofOwner, fields).get('learner-1') ?? unknownKey
        const lean = collapseVersions(ofOwner, fields).get('learner-1')

        const versions = fields.map((field) => state.fields.get(field)?.get('user')?.version ?? -1)
        expect(lean?.versions ?? versions).toEqual(versions)
        expect(lean?.values ?? []).toEqual(
          lean ? fields.map((field) => state.fields.get(field)?.get('user')?.value ?? null) : [],
        )
        expect(lean && [lean.alive, lean.deleted, lean.deletedCounter, lean.erased, lean.erasedCounter]).toEqual(
          lean && [
            state.alive.version,
            state.deleted.version,
            state.deleted.counter,
            state.erased.version,
            state.erased.counter,
          ],
        )
      }),
    )
  })

  test('the same history with every clock changed gives the same values', () => {
    fc.assert(
      fc.property(told, fc.infiniteStream(fc.integer({ min: -300_000, max: 300_000 })), ({ once }, skews) => {
        const skewed = once.map((change) => ({ ...change, at: new Date(change.at.getTime() + skews.next().value) }))
        const rules = { owner: 'user', policies, keepsDeleted: false, required: new Set<string>() }

        expect(viewOf(fold(skewed), rules)).toEqual(viewOf(fold(once), rules))
      }),
    )
  })
})

describe('a deletion', () => {
  const rules = { owner: 'user', policies: { name: lastWriterWins }, keepsDeleted: false, required: new Set<string>() }
  const change = (op: Change['op'], version: number, name?: string, of: Partial<Change> = {}): Change => ({
    ...{
      key: 'k',
      op,
      isErasure: false,
      source: 'user',
      service: 'user',
      from: 'owner',
      version,
      counter: version,
      isStamped: true,
    },
    ...{ id: '', cut: 0, at: new Date(0), fields: name === undefined ? {} : { name }, ...of },
  })
  const viewAfter = (...changes: Change[]) =>
    viewOf(
      changes.reduce<KeyState>((state, each) => join(state, stateOf(each, ['name'])), unknownKey),
      rules,
    )

  test('keeps its version: an older change that comes late does not bring the row back', () => {
    expect(viewAfter(change('delete', 2), change('tell', 1, 'Ada')).isPresent).toBe(false)
  })

  test('is not the end: a re-created row starts without its old values', () => {
    const view = viewAfter(change('tell', 1, 'Ada'), change('delete', 2), change('tell', 3))

    expect(view.isPresent).toBe(true)
    expect(view.fields.get('name')).toBeUndefined()
  })

  test('ends what others said before it, and not what they said later', () => {
    const other = { source: 'course', service: 'course', from: 'other' } as const
    const before = change('tell', 1, 'before', { ...other, counter: 1 })
    const after = change('tell', 2, 'after', { ...other, counter: 7 })
    const recreated = [change('delete', 2), change('tell', 3)]

    expect(viewAfter(before, ...recreated).fields.get('name')).toBeUndefined()
    expect(viewAfter(before, after, ...recreated).fields.get('name')?.value).toBe('after')
  })

  test('of a foreign stream withdraws what that stream contributed, of all its writers', () => {
    const other = { service: 'course', from: 'other' } as const
    const said = change('tell', 1, 'theirs', { ...other, source: 'course#person', writer: 'person' })
    const gone = change('delete', 2, undefined, { ...other, source: 'course' })

    expect(viewAfter(gone, said, change('tell', 1, 'ours')).fields.get('name')?.value).toBe('ours')
  })
})

const plain = (state: KeyState) => ({
  ...state,
  fields: Object.fromEntries(
    [...state.fields].toSorted().map(([field, sources]) => [field, Object.fromEntries([...sources].toSorted())]),
  ),
})

test('canonical text of equal values is equal', () => {
  expect(canonicalText({ b: [1, { d: null, c: 'x' }], a: 2 })).toBe('{"a":2,"b":[1,{"c":"x","d":null}]}')
})
