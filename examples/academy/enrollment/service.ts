/** The enrollment service: who takes part in which course, whether it is paid, and how far it is. */
import { Hono } from 'hono'
import type { Transaction } from 'selvedge/store'
import { z } from 'zod'
import { courseCopy, learnerCopy } from '../copies.ts'
import { Course, CourseRetired } from '../course/contract.ts'
import { type AcademyService, type Ports, type Reaction, Refusal, when } from '../domain.ts'
import { command, row } from '../http.ts'
import { PaymentCaptured, PaymentRefunded } from '../payment/contract.ts'
import { CourseCompleted, ProgressUpdated } from '../progress/contract.ts'
import type { UserContract } from '../user/contract.ts'
import { EnrollmentCancelled, EnrollmentCreated, enrollment } from './contract.ts'
import { enrollmentTables } from './tables.ts'

const enrolling = z.object({ id: z.string(), userId: z.string(), courseId: z.string() })
const cancelling = z.object({ id: z.string() })

interface EnrollmentRow {
  readonly enrollment_id: string
  readonly user_id: string
  readonly course_id: string
}

/** Enrolls a learner in a course, once. */
async function enroll(tx: Transaction, ports: Ports, user: UserContract, input: z.infer<typeof enrolling>) {
  const { id, userId, courseId } = input
  if (!(await ports.exists(tx, user.User, userId)))
    throw new Refusal('enrollment/no-learner', `${userId} has no account.`)
  if (!(await ports.exists(tx, Course, courseId)))
    throw new Refusal('enrollment/no-course', `${courseId} is not offered.`)
  const { rowCount } = await tx.query(
    `insert into enrollment (enrollment_id, user_id, course_id, status)
     select $1::text, $2::text, $3::text, 'active'
     where not exists (select from enrollment where user_id = $2 and course_id = $3 and status <> 'cancelled')`,
    [id, userId, courseId],
  )
  if (rowCount === 0) throw new Refusal('enrollment/already-enrolled', `${userId} takes part in ${courseId} already.`)
  await ports.publish(tx, EnrollmentCreated, { enrollmentId: id, userId, courseId })
}

/** Ends an active enrollment at the learner's wish. */
async function cancel(tx: Transaction, ports: Ports, { id }: z.infer<typeof cancelling>) {
  const { rows } = await tx.query<EnrollmentRow>(
    `update enrollment set status = 'cancelled' where enrollment_id = $1 and status = 'active' returning enrollment_id, user_id, course_id`,
    [id],
  )
  if (!rows[0]) throw new Refusal('enrollment/not-active', `${id} is not an active enrollment.`)
  await tellCancelled(tx, ports, rows, 'asked')
}

async function tellCancelled(
  tx: Transaction,
  ports: Ports,
  rows: readonly EnrollmentRow[],
  reason: 'asked' | 'learner-gone' | 'course-retired',
) {
  for (const { enrollment_id: enrollmentId, user_id: userId, course_id: courseId } of rows)
    await ports.publish(tx, EnrollmentCancelled, { enrollmentId, userId, courseId, reason })
}

function reactions(user: UserContract): readonly Reaction[] {
  return [
    when(ProgressUpdated, async (tx, _ports, { enrollmentId, percent }) => {
      await tx.query('update enrollment set percent = greatest(percent, $2) where enrollment_id = $1', [
        enrollmentId,
        percent,
      ])
    }),
    when(CourseCompleted, async (tx, _ports, { enrollmentId }) => {
      await tx.query(`update enrollment set status = 'completed', percent = 100 where enrollment_id = $1`, [
        enrollmentId,
      ])
    }),
    when(PaymentCaptured, async (tx, _ports, { enrollmentId }) => {
      await tx.query('update enrollment set paid = true where enrollment_id = $1', [enrollmentId])
    }),
    when(PaymentRefunded, async (tx, _ports, { enrollmentId }) => {
      await tx.query('update enrollment set paid = false where enrollment_id = $1', [enrollmentId])
    }),
    when(user.UserDeleted, async (tx, ports, { userId }) => {
      const { rows } = await tx.query<EnrollmentRow>(
        'delete from enrollment where user_id = $1 returning enrollment_id, user_id, course_id',
        [userId],
      )
      await tellCancelled(tx, ports, rows, 'learner-gone')
    }),
    when(CourseRetired, async (tx, ports, { courseId }) => {
      const { rows } = await tx.query<EnrollmentRow>(
        'delete from enrollment where course_id = $1 returning enrollment_id, user_id, course_id',
        [courseId],
      )
      await tellCancelled(tx, ports, rows, 'course-retired')
    }),
  ]
}

/** The enrollment service, reading the user service by the given contract. */
export function enrollmentService(user: UserContract): AcademyService {
  return {
    contract: enrollment,
    tables: enrollmentTables,
    copies: [learnerCopy(user), courseCopy],
    facts: [],
    reactions: reactions(user),
    api: (run) => {
      const app = new Hono()
      app.get('/enrollments/:id', row(run, 'select * from enrollment where enrollment_id = $1'))
      app.put(
        '/enrollments/:id',
        command(run, enrolling, (tx, ports, input) => enroll(tx, ports, user, input)),
      )
      app.delete('/enrollments/:id', command(run, cancelling, cancel))
      return app
    },
  }
}
