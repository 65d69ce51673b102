/** The progress service: how far each learner is, what they have solved, and the path that they chose. */
import { Hono } from 'hono'
import type { Transaction } from 'selvedge/store'
import { z } from 'zod'
import { ChallengeSubmitted } from '../challenge/contract.ts'
import { courseCopy, learnerCopy } from '../copies.ts'
import { Course, CourseRetired } from '../course/contract.ts'
import { type AcademyService, type Ports, type Reaction, type SharedFact, when } from '../domain.ts'
import { EnrollmentCancelled, EnrollmentCreated } from '../enrollment/contract.ts'
import { pathAtProgress } from '../facts.ts'
import { action, command, row } from '../http.ts'
import type { UserContract } from '../user/contract.ts'
import { CourseCompleted, ProgressUpdated, progress } from './contract.ts'
import { progressTables } from './tables.ts'

const recording = z.object({
  enrollmentId: z.string(),
  userId: z.string(),
  courseId: z.string(),
  percent: z.int().min(0).max(99),
})
const completing = recording.omit({ percent: true })
const choosing = z.object({ userId: z.string(), value: z.string(), action })

/** A lesson was finished. The learner's page names the enrollment, so the row is made here if word of it is still on its way. */
async function recordProgress(tx: Transaction, ports: Ports, input: z.infer<typeof recording>) {
  const percent = await reach(tx, input)
  await ports.publish(tx, ProgressUpdated, { ...input, percent })
}

/** The last lesson was finished. */
async function completeCourse(tx: Transaction, ports: Ports, input: z.infer<typeof completing>) {
  await reach(tx, { ...input, percent: 100 })
  await ports.publish(tx, CourseCompleted, input)
}

/** Progress only grows: a lesson that is finished cannot become unfinished. */
async function reach(tx: Transaction, input: z.infer<typeof recording>): Promise<number> {
  const { enrollmentId, userId, courseId, percent } = input
  const { rows } = await tx.query<{ percent: number }>(
    `insert into progress (enrollment_id, user_id, course_id, percent) values ($1, $2, $3, $4)
     on conflict (enrollment_id) do update set percent = greatest(progress.percent, excluded.percent) returning percent`,
    [enrollmentId, userId, courseId, percent],
  )
  return rows[0]?.percent ?? percent
}

/** The learner decides what to follow next. */
async function choosePath(tx: Transaction, ports: Ports, path: SharedFact, input: z.infer<typeof choosing>) {
  await tx.query(
    `insert into path_choice (user_id, value, changed_action) values ($1, $2, $3)
     on conflict (user_id) do update set value = excluded.value, changed_action = excluded.changed_action`,
    [input.userId, input.value, input.action],
  )
  await ports.decide(tx, path, {
    userId: input.userId,
    value: input.value,
    changedBy: 'learner',
    changedAction: input.action,
  })
}

function reactions(user: UserContract): readonly Reaction[] {
  return [
    when(EnrollmentCreated, async (tx, ports, { enrollmentId, userId, courseId }) => {
      if (await ports.isGone(tx, user.User, userId)) return
      if (await ports.isGone(tx, Course, courseId)) return
      await tx.query(
        'insert into progress (enrollment_id, user_id, course_id, percent) values ($1, $2, $3, 0) on conflict do nothing',
        [enrollmentId, userId, courseId],
      )
    }),
    when(EnrollmentCancelled, async (tx, _ports, { enrollmentId }) => {
      await tx.query('delete from progress where enrollment_id = $1', [enrollmentId])
    }),
    when(ChallengeSubmitted, async (tx, ports, { userId, points }) => {
      if (points === 0 || (await ports.isGone(tx, user.User, userId))) return
      await tx.query(
        `insert into score (user_id, solved, points) values ($1, 1, $2)
         on conflict (user_id) do update set solved = score.solved + 1, points = score.points + excluded.points`,
        [userId, points],
      )
    }),
    when(user.UserDeleted, async (tx, _ports, { userId }) => {
      for (const table of ['progress', 'score', 'path_choice', 'learning_path'])
        await tx.query(`delete from ${table} where user_id = $1`, [userId])
    }),
    when(CourseRetired, async (tx, _ports, { courseId }) => {
      await tx.query('delete from progress where course_id = $1', [courseId])
    }),
  ]
}

/** The progress service, reading the user service by the given contract. */
export function progressService(user: UserContract): AcademyService {
  const path = pathAtProgress(user)
  return {
    contract: progress,
    tables: progressTables,
    copies: [learnerCopy(user), courseCopy],
    facts: [path],
    reactions: reactions(user),
    api: (run) => {
      const app = new Hono()
      app.get('/progress/:id', row(run, 'select * from progress where enrollment_id = $1'))
      app.put('/progress/:enrollmentId', command(run, recording, recordProgress))
      app.put('/progress/:enrollmentId/completion', command(run, completing, completeCourse))
      app.put(
        '/learners/:userId/path',
        command(run, choosing, (tx, ports, input) => choosePath(tx, ports, path, input)),
      )
      return app
    },
  }
}
