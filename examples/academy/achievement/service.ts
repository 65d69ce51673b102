/** The achievement service: badges for what was solved, certificates for what was completed. */
import { Hono } from 'hono'
import type { Transaction } from 'selvedge/store'
import { ChallengeSubmitted } from '../challenge/contract.ts'
import { Course, CourseRetired } from '../course/contract.ts'
import { type AcademyService, type Ports, type Reaction, when } from '../domain.ts'
import { row } from '../http.ts'
import { CourseCompleted } from '../progress/contract.ts'
import type { UserContract } from '../user/contract.ts'
import { AchievementEarned, achievement } from './contract.ts'
import { achievementTables } from './tables.ts'

/** A badge is earned with every third challenge that is solved. */
const challengesPerBadge = 3

/** Counts a solved challenge, and gives a badge when it is due. */
async function countSolved(tx: Transaction, ports: Ports, userId: string, points: number) {
  const { rows } = await tx.query<{ solved: number }>(
    `insert into score (user_id, solved, points) values ($1, 1, $2)
     on conflict (user_id) do update set solved = score.solved + 1, points = score.points + excluded.points returning solved`,
    [userId, points],
  )
  const solved = rows[0]?.solved ?? 0
  if (solved % challengesPerBadge !== 0) return
  const name = `solved-${solved}`
  const { rowCount } = await tx.query('insert into badge (user_id, name) values ($1, $2) on conflict do nothing', [
    userId,
    name,
  ])
  if (rowCount > 0)
    await ports.publish(tx, AchievementEarned, { achievementId: `${userId}:${name}`, userId, title: name })
}

function reactions(user: UserContract): readonly Reaction[] {
  return [
    when(ChallengeSubmitted, async (tx, ports, { userId, points }) => {
      if (points === 0 || (await ports.isGone(tx, user.User, userId))) return
      await countSolved(tx, ports, userId, points)
    }),
    when(CourseCompleted, async (tx, ports, { enrollmentId, userId, courseId }) => {
      if (await ports.isGone(tx, user.User, userId)) return
      const courseIsGone = await ports.isGone(tx, Course, courseId)
      const { rowCount } = await tx.query(
        'insert into certificate (enrollment_id, user_id, course_id) values ($1, $2, $3) on conflict do nothing',
        [enrollmentId, userId, courseIsGone ? null : courseId],
      )
      if (rowCount > 0)
        await ports.publish(tx, AchievementEarned, { achievementId: enrollmentId, userId, title: 'certificate' })
    }),
    when(user.UserDeleted, async (tx, _ports, { userId }) => {
      for (const table of ['score', 'badge', 'certificate'])
        await tx.query(`delete from ${table} where user_id = $1`, [userId])
    }),
    when(CourseRetired, async (tx, _ports, { courseId }) => {
      await tx.query('update certificate set course_id = null where course_id = $1', [courseId])
    }),
  ]
}

/** The achievement service, reading the user service by the given contract. */
export function achievementService(user: UserContract): AcademyService {
  return {
    contract: achievement,
    tables: achievementTables,
    copies: [],
    facts: [],
    reactions: reactions(user),
    api: (run) => {
      const app = new Hono()
      app.get('/certificates/:id', row(run, 'select * from certificate where enrollment_id = $1'))
      return app
    },
  }
}
