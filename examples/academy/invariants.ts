/**
 * What the academy promises to keep true across its services. Each sentence belongs to one of the article's problems.
 *
 * These are declarations for `selvedge check`; the SQL in `truth/` says the same things a second time, on its own, so that the check
 * can be held against it.
 */
import { agree, correspondsTo, type Invariant, references, replicaOf } from 'selvedge/invariant'
import { Course } from './course/contract.ts'
import { bound } from './setting.ts'
import { User } from './user/contract.ts'

const account = { of: User, table: 'account', key: 'user_id' }
const catalogue = { of: Course, table: 'course', key: 'course_id' }

const duplicateData: readonly Invariant[] = [
  agree(
    'Everyone who knows a learner knows the same name and picture',
    ...['user', 'progress', 'enrollment', 'notification', 'payment'].map((source) => ({
      source,
      table: source === 'user' ? 'account' : 'learner',
      key: 'user_id',
      columns: ['full_name', 'picture'],
    })),
  ).about(User),
  agree(
    'Solved challenges and points are counted the same by all who count',
    ...['challenge', 'progress', 'achievement'].map((source) => ({
      source,
      table: 'score',
      key: 'user_id',
      columns: ['solved', 'points'],
    })),
  ).about(User),
  agree(
    'Enrollment and progress know the same courses of every learner',
    {
      source: 'enrollment',
      table: 'enrollment',
      key: 'enrollment_id',
      where: `status <> 'cancelled'`,
      columns: ['user_id', 'course_id', 'percent'],
    },
    { source: 'progress', table: 'progress', key: 'enrollment_id', columns: ['user_id', 'course_id', 'percent'] },
  ).about('Enrollment'),
  agree(
    'An enrollment is marked paid exactly while its payment stands',
    { source: 'enrollment', table: 'enrollment', key: 'enrollment_id', where: 'paid' },
    { source: 'payment', table: 'payment', key: 'enrollment_id', where: `status = 'captured'` },
  ).about('Enrollment'),
]

const staleData: readonly Invariant[] = [
  ...['progress', 'enrollment', 'notification', 'payment'].map((source) =>
    replicaOf(`The e-mail address in ${source} is that of the user service`, {
      owner: { ...account, columns: ['email'] },
      copy: { source, table: 'learner', key: 'user_id', columns: ['email'] },
    }),
  ),
  ...['progress', 'enrollment', 'notification'].map((source) =>
    replicaOf(`The course title in ${source} is that of the course service`, {
      owner: { ...catalogue, columns: ['title'] },
      copy: { source, table: 'course', key: 'course_id', columns: ['title'] },
    }),
  ),
]

/** A row without a value is of a learner about whom nothing was decided yet. */
const decision = { key: 'user_id', where: 'value is not null', columns: ['value', 'changed_by', 'changed_action'] }

/** Beside a choice stands a choice, or nothing yet; a recommendation may stand where nobody chose. */
const choiceOutranks = [
  ['chosen', 'learner'],
  ['chosen', null],
  [null, 'learner'],
  [null, 'recommendation'],
] as const

const conflictingUpdates: readonly Invariant[] = [
  agree(
    'User and notification agree on how a learner is written to',
    { source: 'user', table: 'communication_preference', ...decision },
    { source: 'notification', table: 'communication_preference', ...decision },
  ).about(User),
  agree(
    'Progress and course agree on the path of a learner',
    { source: 'progress', table: 'learning_path', ...decision },
    { source: 'course', table: 'learning_path', ...decision },
  ).about(User),
  ...['progress', 'course'].map((source) =>
    correspondsTo(`In ${source} no recommendation stands over a choice`, {
      left: { source: 'progress', table: 'path_choice', key: 'user_id', state: { sql: `'chosen'::text` } },
      right: { source, table: 'learning_path', key: 'user_id', where: 'value is not null', state: 'changed_by' },
      allowed: choiceOutranks,
    }).about(User),
  ),
]

const ofLearner = { parent: { of: User, table: 'account', key: 'user_id' } }
const ofCourse = { parent: { of: Course, table: 'course', key: 'course_id' } }
const enrollments = { source: 'enrollment', table: 'enrollment', key: 'enrollment_id' }
const progresses = { source: 'progress', table: 'progress', key: 'enrollment_id' }
const certificates = { source: 'achievement', table: 'certificate', key: 'enrollment_id' }
/** Keys of several parts are told as one text, as the rows of the academy are called by people. */
const composite = (sql: string) => ({ sql })

const brokenReferences: readonly Invariant[] = [
  references('Every enrollment is of a learner who is there', {
    child: { ...enrollments, by: 'user_id' },
    ...ofLearner,
  }),
  references('Every enrollment is in a course that is there', {
    child: { ...enrollments, by: 'course_id' },
    ...ofCourse,
  }),
  references('All progress is of a learner who is there', { child: { ...progresses, by: 'user_id' }, ...ofLearner }),
  references('All progress is in a course that is there', { child: { ...progresses, by: 'course_id' }, ...ofCourse }),
  references('Every payment is of a learner who is there', {
    child: { source: 'payment', table: 'payment', key: 'payment_id', by: 'user_id' },
    ...ofLearner,
  }),
  references('Every certificate is of a learner who is there', {
    child: { ...certificates, by: 'user_id' },
    ...ofLearner,
  }),
  references('Every certificate is of a course that is there', {
    child: { ...certificates, by: 'course_id' },
    ...ofCourse,
  }),
  references('Every badge is of a learner who is there', {
    child: { source: 'achievement', table: 'badge', key: composite(`user_id || '/' || name`), by: 'user_id' },
    ...ofLearner,
  }),
  references('Every submission is of a learner who is there', {
    child: {
      source: 'challenge',
      table: 'submission',
      key: composite(`user_id || '/' || challenge_id`),
      by: 'user_id',
    },
    ...ofLearner,
  }),
  references('Every message is to a learner who is there', {
    child: {
      source: 'notification',
      table: 'message',
      key: composite(`user_id || '/' || kind || '/' || about`),
      by: 'user_id',
    },
    ...ofLearner,
  }),
]

const under = (problem: string, invariants: readonly Invariant[]) =>
  invariants.map((invariant) => invariant.under(problem).within(bound))

/** All invariants of the academy. */
export const invariants: readonly Invariant[] = [
  ...under('duplicate-data', duplicateData),
  ...under('stale-data', staleData),
  ...under('conflicting-updates', conflictingUpdates),
  ...under('broken-references', brokenReferences),
]
