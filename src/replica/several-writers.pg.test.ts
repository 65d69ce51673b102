/** Fields that several services write, on a real PostgreSQL: every service ends with one state, and losers are kept. */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { seconds } from '../base/duration.ts'
import { service } from '../contract/contract.ts'
import type { LoggedEvent } from '../log/event.ts'
import type { Database } from '../store/database.ts'
import { migrate } from '../store/migrate.ts'
import {
  type Candidate,
  counter,
  counterHeader,
  lastWriterWins,
  mapped,
  mergeSets,
  ownerWins,
  type ReplicaOptions,
  replica,
  replicaMigrations,
} from './replica.ts'

const user = service('user')
const notification = service('notification')
const shape = z.object({
  userId: z.string(),
  marketing: z.boolean(),
  topics: z.array(z.string()),
  opens: z.number(),
  path: z.string(),
})
const Preferences = user.entity('Preferences', { key: 'userId', schema: shape })
const Saved = user.event('PreferencesSaved', {
  schemaVersion: 1,
  about: Preferences,
  schema: shape.partial().required({ userId: true }),
})
const Removed = user.event('PreferencesRemoved', {
  schemaVersion: 1,
  about: Preferences,
  kind: 'tombstone',
  schema: z.object({ userId: z.string() }),
})
const Chosen = notification.event('Chosen', {
  schemaVersion: 1,
  schema: shape.partial().extend({ learner: z.string(), by: z.string() }),
  key: (data) => data.learner,
})

/** The article's rule: what a person chose stands over a recommendation, however late that comes. */
const personFirst = (mine: Candidate<string>, theirs: Candidate<string>) =>
  mine.writer === 'person' && theirs.writer !== 'person' ? mine : theirs

type Shape = z.infer<typeof shape>
type Kept = 'marketing' | 'topics' | 'opens' | 'path'
const options = {
  keep: ['marketing', 'topics', 'opens', 'path'],
  conflict: { marketing: lastWriterWins, topics: mergeSets, opens: counter, path: personFirst },
  from: [
    Saved,
    Removed,
    mapped(Chosen, ({ learner, by, userId: _, ...fields }) => ({ key: learner, fields, writer: by })),
  ],
  onDelete: 'cascade',
  freshWithin: seconds(5),
} satisfies ReplicaOptions<Shape, 'userId', Kept>

let db: Database
beforeAll(async () => {
  db = await (await freshDatabase()).connect()
  await migrate(db, [replicaMigrations])
})

let count = 0
async function preferences(more: Partial<ReplicaOptions<Shape, 'userId', Kept>> = {}) {
  const table = `preferences_${++count}`
  await db.query(
    `create table ${table}("userId" text primary key, marketing boolean, topics text[], opens int, path text)`,
  )
  return { table, copy: replica(Preferences, { ...options, table, ...more }) }
}
type Preferences = Awaited<ReturnType<typeof preferences>>

const said = (
  source: 'user' | 'notification',
  version: number,
  fields: Partial<Shape> & { by?: string },
  at = version,
  type?: string,
): LoggedEvent => ({
  ...{
    source,
    epoch: 1,
    tick: version,
    seq: version,
    lane: 0,
    version,
    schemaVersion: 1,
    op: type === 'PreferencesRemoved' ? 'tombstone' : 'event',
  },
  ...{ stream: source === 'user' ? 'Preferences/1' : 'Chosen/1', id: `${source}-${version}`, at: new Date(0) },
  type: type ?? (source === 'user' ? 'PreferencesSaved' : 'Chosen'),
  data: source === 'user' ? { userId: '1', ...fields } : { learner: '1', by: 'person', ...fields },
  headers: { [counterHeader]: String(at) },
})
const apply = ({ copy }: Preferences, ...events: LoggedEvent[]) => db.transaction((tx) => copy.applyMany(tx, events))
const rowOf = async ({ table }: Preferences) => (await db.query(`select * from ${table}`)).rows[0]

describe('a field of several writers', () => {
  test('has one value in any order, with duplicates, deletions, re-creation and clocks that nobody reads', async () => {
    const step = fc.record({
      source: fc.constantFrom('user', 'user', 'notification' as const),
      fields: fc.record(
        {
          marketing: fc.boolean(),
          topics: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 2 }),
          opens: fc.nat({ max: 5 }),
          path: fc.constantFrom('algebra', 'geometry'),
          by: fc.constantFrom('person', 'recommendation'),
        },
        { requiredKeys: ['by'] },
      ),
      isRemoval: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
      leap: fc.nat({ max: 2 }),
      skewMs: fc.constantFrom(-300_000, 300_000),
    })
    const told = fc.array(step, { minLength: 1, maxLength: 9 }).chain((steps) => {
      const versions = { user: 0, notification: 0 }
      let clock = 0
      const events = steps.map(({ source, fields: { by, ...fields }, isRemoval, leap, skewMs }) => {
        clock += leap
        const type = isRemoval && source === 'user' ? 'PreferencesRemoved' : undefined
        versions[source as 'user'] += 1
        const version = versions[source as 'user']
        const data = source === 'user' ? fields : { ...fields, by }
        return { ...said(source as 'user', version, data, Math.max(clock, version), type), at: new Date(1e12 + skewMs) }
      })
      const again = fc
        .shuffledSubarray([...events, ...events])
        .map((some) => [...some, ...events.filter((each) => !some.includes(each)).reverse()])
      return fc.record({ events: fc.constant(events), again, size: fc.integer({ min: 1, max: 5 }) })
    })
    await fc.assert(
      fc.asyncProperty(told, async ({ events, again, size }) => {
        const [inOrder, shuffled] = [await preferences(), await preferences()]
        await apply(inOrder, ...events)
        for (let start = 0; start < again.length; start += size)
          await apply(shuffled, ...again.slice(start, start + size))

        expect(await rowOf(shuffled)).toEqual(await rowOf(inOrder))
        await db.query(`drop table ${inOrder.table}, ${shuffled.table}`)
      }),
      { numRuns: 20 },
    )
  })

  test('follows counters, and the value that lost is in the conflict log with its event', async () => {
    const copy = await preferences()

    await apply(copy, said('user', 1, { marketing: true }, 5))
    await apply(copy, said('notification', 1, { marketing: false }, 3))

    expect(await rowOf(copy)).toMatchObject({ marketing: true })
    const [conflict] = await copy.copy.conflicts(db, { key: '1' })
    expect(conflict).toMatchObject({ field: 'marketing', value: false, wonValue: true, wonBy: 'user', counter: 3 })
    expect(conflict).toMatchObject({ source: 'notification/Chosen/1#person', writer: 'person', id: 'notification-1' })
    expect(await db.transaction((tx) => copy.copy.forgetConflicts(tx, new Date(Date.now() + 60_000)))).toBe(1)
  })

  test('keeps a person’s choice under a recommendation of the same service that comes later', async () => {
    const copy = await preferences()

    await apply(copy, said('user', 1, { path: 'start' }, 1))
    await apply(copy, said('notification', 1, { path: 'algebra', by: 'person' }, 2))
    await apply(copy, said('notification', 2, { path: 'geometry', by: 'recommendation' }, 3))

    expect(await rowOf(copy)).toMatchObject({ path: 'algebra' })
  })

  test('sums contributions and joins sets, and takes both back when the contributing stream is erased', async () => {
    const copy = await preferences()

    await apply(
      copy,
      said('user', 1, { opens: 2, topics: ['a'] }),
      said('notification', 1, { opens: 3, topics: ['b', 'a'] }, 2),
    )
    expect(await rowOf(copy)).toMatchObject({ opens: 5, topics: ['a', 'b'] })
    await apply(copy, { ...said('notification', 2, {}), op: 'erase', data: null })

    expect(await rowOf(copy)).toMatchObject({ opens: 2, topics: ['a'] })
    const kept = await db.query(
      'select count(*)::int as n from selvedge.replica_candidate where value is not null and not from_owner and replica = $1',
      [copy.table],
    )
    expect(kept.rows).toEqual([{ n: 0 }])
  })

  test('is refused without a counter where order decides, because clocks cannot', async () => {
    const copy = await preferences()
    const { headers: _, ...unstamped } = said('user', 1, { marketing: true })

    await expect(apply(copy, unstamped)).rejects.toMatchObject({ code: 'replica/no-counter', kind: 'refused' })
    const rows = [{ key: '1', version: 1, data: { marketing: true } }]
    await expect(db.transaction((tx) => copy.copy.applySnapshot(tx, rows))).rejects.toMatchObject({
      code: 'replica/no-counter',
    })
    await db.transaction((tx) => copy.copy.applySnapshot(tx, [{ ...rows[0]!, counter: 4 }]))
    expect(await rowOf(copy)).toMatchObject({ marketing: true })
  })

  test('is erased with the owner’s stream: candidates and conflict log keep versions and no values', async () => {
    const copy = await preferences()
    await apply(copy, said('user', 1, { path: 'secret' }, 1), said('notification', 1, { path: 'private' }, 50))

    const { headers: _, ...erasure } = said('user', 2, {}, 0, 'selvedge.Erased')
    await apply(copy, { ...erasure, op: 'erase', data: null })
    await apply(copy, said('notification', 1, { path: 'private' }, 50), said('notification', 2, { path: 'late' }, 60))

    expect(await rowOf(copy)).toMatchObject({ path: null })
    expect(await copy.copy.conflicts(db)).toEqual([])
    const left = await db.query(
      'select count(*)::int as n from selvedge.replica_candidate where value is not null and replica = $1',
      [copy.table],
    )
    expect(left.rows).toEqual([{ n: 0 }])
    await apply(copy, said('user', 3, { path: 'told anew' }, 61))
    expect(await rowOf(copy)).toMatchObject({ path: 'told anew' })
  })
})

describe('a service that writes what it copies', () => {
  test('and the owner end with one value whoever hears the other first', async () => {
    const owner = await preferences({ writer: user, from: [options.from[2]!] })
    const other = await preferences({ writer: notification, from: [Saved, Removed] })
    const ownerChanges = (fields: Partial<Shape>) => db.transaction((tx) => owner.copy.change(tx, '1', fields))
    const otherChanges = (fields: Partial<Shape>) =>
      db.transaction((tx) => other.copy.change(tx, '1', fields, { by: 'person' }))

    const first = await ownerChanges({ marketing: true, path: 'start', topics: ['a'] })
    await apply(other, said('user', 1, { marketing: true, path: 'start', topics: ['a'] }, first.counter))
    const theirs = await otherChanges({ marketing: false, path: 'algebra', topics: ['b'] })
    const ours = await ownerChanges({ marketing: true, path: 'geometry' })
    await apply(owner, said('notification', 1, { marketing: false, path: 'algebra', topics: ['b'] }, theirs.counter))
    await apply(other, said('user', 2, { marketing: true, path: 'geometry' }, ours.counter))

    expect(theirs).toEqual({ counter: 2, headers: { [counterHeader]: '2' } })
    expect(await rowOf(owner)).toEqual({
      userId: '1',
      marketing: true,
      topics: ['a', 'b'],
      opens: null,
      path: 'algebra',
    })
    expect(await rowOf(other)).toEqual(await rowOf(owner))
  })

  test('leaves fields alone that nobody has changed yet', async () => {
    const owner = await preferences({ writer: user, from: [options.from[2]!] })
    await db.query(`insert into ${owner.table} values ('1', true, '{x}', 7, 'start')`)

    await db.transaction((tx) => owner.copy.change(tx, '1', { path: 'algebra' }))

    expect(await rowOf(owner)).toMatchObject({ marketing: true, topics: ['x'], opens: 7, path: 'algebra' })
  })

  test('of eight changes at once loses none: each goes above what it saw', async () => {
    const owner = await preferences({ writer: user, from: [options.from[2]!] })
    await owner.copy.prepare(db)

    const stamps = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map((opens) => db.transaction((tx) => owner.copy.change(tx, '1', { opens }))),
    )

    expect(stamps.map((stamp) => stamp.counter).toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    const last = stamps.findIndex((stamp) => stamp.counter === 8)
    expect(await rowOf(owner)).toMatchObject({ opens: last + 1 })
  })

  test('may delete what it owns and nothing else', async () => {
    const owner = await preferences({ writer: user, from: [options.from[2]!] })
    const other = await preferences({ writer: notification, from: [Saved] })
    await db.transaction((tx) => owner.copy.change(tx, '1', { path: 'algebra' }))

    await db.transaction((tx) => owner.copy.remove(tx, '1'))

    expect(await rowOf(owner)).toBeUndefined()
    await expect(db.transaction((tx) => other.copy.remove(tx, '1'))).rejects.toMatchObject({
      code: 'replica/not-the-owner',
    })
    const reader = await preferences()
    await expect(db.transaction((tx) => reader.copy.change(tx, '1', {}))).rejects.toMatchObject({
      code: 'replica/not-a-writer',
    })
  })
})

test('a replica whose fields others may write from now on begins with what it copied', async () => {
  const { table } = await preferences()
  const keep = { keep: ['path'], table, freshWithin: seconds(5) } as const
  const before = replica(Preferences, { ...keep, conflict: { path: ownerWins }, from: [Saved] })
  await db.transaction((tx) => before.applyMany(tx, [said('user', 3, { path: 'owner' }, 3)]))

  const after = replica(Preferences, {
    ...keep,
    conflict: { path: lastWriterWins },
    from: [options.from[0]!, options.from[2]! as never],
  })
  await db.transaction((tx) => after.applyMany(tx, [said('notification', 1, { path: 'early' }, 2)]))

  expect((await db.query(`select path from ${table}`)).rows).toEqual([{ path: 'owner' }])
})
