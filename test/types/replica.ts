/** What a replica infers, and what must not compile. Compiled by tsc; never run. */
import { service } from 'selvedge/contract'
import {
  type Candidate,
  counter,
  lastWriterWins,
  mapped,
  max,
  mergeSets,
  min,
  ownerWins,
  replica,
} from 'selvedge/replica'
import { z } from 'zod'
import { seconds } from '../../src/base/duration.ts'
import type { Database, Transaction } from '../../src/store/database.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function expectType<_ok extends true>(): void {}

const course = service('course')
const notification = service('notification')
const Course = course.entity('Course', {
  key: 'id',
  schema: z.object({
    id: z.string(),
    title: z.string(),
    seatLimit: z.number(),
    views: z.number().nullable(),
    tags: z.array(z.string()),
    status: z.enum(['open', 'retired']),
  }),
})
const CourseSaved = course.event('CourseSaved', {
  schemaVersion: 1,
  about: Course,
  schema: z.object({ id: z.string(), title: z.string(), tags: z.array(z.string()) }),
})
const TitleChosen = notification.event('TitleChosen', {
  schemaVersion: 1,
  schema: z.object({ course: z.string(), wording: z.string() }),
})
const from = [CourseSaved]
const freshWithin = seconds(5)
declare const db: Database
declare const tx: Transaction

const courseCopy = replica(Course, {
  keep: ['title', 'tags', 'status', 'views'],
  conflict: {
    title: ownerWins,
    tags: mergeSets,
    status: (mine, theirs) => (theirs.value === 'retired' ? theirs : lastWriterWins(mine, theirs)),
    views: counter,
  },
  from: [
    CourseSaved,
    mapped(TitleChosen, (data) => ({ key: data.course, fields: { title: data.wording }, writer: 'person' })),
  ],
  table: 'course_copy',
  columns: { title: 'course_title' },
  writer: notification,
  freshWithin,
})
const copy = await courseCopy.get(db, '1')
expectType<Equal<NonNullable<typeof copy>['status'], 'open' | 'retired'>>()
expectType<Equal<NonNullable<typeof copy>['views'], number | null>>()
copy?.freshness.behind.milliseconds.toFixed()
await courseCopy.change(tx, '1', { title: 'Algebra' }, { by: 'person' })
replica(Course, { keep: ['seatLimit', 'views'], conflict: { seatLimit: min, views: max }, from, freshWithin })
replica(Course, { keep: [], conflict: {}, from, freshWithin })
replica(Course, {
  keep: ['status'],
  conflict: {
    status: (mine: Candidate<'open' | 'retired'>, theirs: Candidate<'open' | 'retired'>) =>
      mine.writer === 'person' ? mine : theirs.value,
  },
  from,
  freshWithin,
})

const Untyped = course.entity('Untyped', { key: 'id', schema: { type: 'object' } as { readonly type: 'object' } })
replica(Untyped, { keep: ['anything'], conflict: { anything: ownerWins }, from, freshWithin })

// @ts-expect-error a copy has only what it keeps
copy?.seatLimit
// @ts-expect-error a field that is not kept cannot be changed
await courseCopy.change(tx, '1', { seatLimit: 3 })
// @ts-expect-error a change of the wrong type
await courseCopy.change(tx, '1', { title: 3 })
// @ts-expect-error changing outside a transaction does not compile
await courseCopy.change(db, '1', { title: 'Algebra' })
// @ts-expect-error every kept field names its policy
replica(Course, { keep: ['title', 'tags'], conflict: { title: ownerWins }, from, freshWithin })
// @ts-expect-error a policy of a field that is not kept
replica(Course, { keep: ['title'], conflict: { title: ownerWins, tags: mergeSets }, from, freshWithin })
// @ts-expect-error a set merge cannot resolve a number
replica(Course, { keep: ['seatLimit'], conflict: { seatLimit: mergeSets }, from, freshWithin })
// @ts-expect-error texts are not counted
replica(Course, { keep: ['title'], conflict: { title: counter }, from, freshWithin })
// @ts-expect-error sets have no largest
replica(Course, { keep: ['tags'], conflict: { tags: max }, from, freshWithin })
// @ts-expect-error a rule gives a value of its field
replica(Course, { keep: ['title'], conflict: { title: () => 3 }, from, freshWithin })
// @ts-expect-error the key is always kept, under its own name
replica(Course, { keep: ['id'], conflict: { id: ownerWins }, from, freshWithin })
// @ts-expect-error the entity has no such field
replica(Course, { keep: ['colour'], conflict: { colour: ownerWins }, from, freshWithin })
// @ts-expect-error a replica learns from events
replica(Course, { keep: ['title'], conflict: { title: ownerWins }, freshWithin })
// @ts-expect-error a replica says how fresh it must be
replica(Course, { keep: ['title'], conflict: { title: ownerWins }, from })
replica(Course, {
  keep: ['title'],
  conflict: { title: lastWriterWins },
  // @ts-expect-error the mapping gives a title that is no text
  from: [mapped(TitleChosen, (data) => ({ key: data.course, fields: { title: 3 } }))],
  freshWithin,
})
// @ts-expect-error a mapping names the row
mapped(TitleChosen, () => ({ fields: {} }))
replica(Course, {
  keep: ['title'],
  conflict: { title: ownerWins },
  from,
  freshWithin,
  // @ts-expect-error no such behaviour
  onDelete: 'forget',
})
