/** The notification service: what a learner was told, and the other place where a learner says how to be written to. */
import { Hono } from 'hono'
import type { Transaction } from 'selvedge/store'
import { z } from 'zod'
import { AchievementEarned } from '../achievement/contract.ts'
import { courseCopy, learnerCopy } from '../copies.ts'
import { type AcademyService, type Ports, type Reaction, when } from '../domain.ts'
import { EnrollmentCreated } from '../enrollment/contract.ts'
import { preferencesAtNotification } from '../facts.ts'
import { action, command, row } from '../http.ts'
import { CourseCompleted } from '../progress/contract.ts'
import type { UserContract } from '../user/contract.ts'
import { notification } from './contract.ts'
import { notificationTables } from './tables.ts'

const subscribing = z.object({ userId: z.string(), value: z.enum(['mail', 'push', 'none']), action })

/** Tells a learner of something, once for each thing. */
async function tell(tx: Transaction, ports: Ports, user: UserContract, userId: string, kind: string, about: string) {
  if (await ports.isGone(tx, user.User, userId)) return
  await tx.query('insert into message (user_id, kind, about) values ($1, $2, $3) on conflict do nothing', [
    userId,
    kind,
    about,
  ])
}

function reactions(user: UserContract): readonly Reaction[] {
  return [
    when(EnrollmentCreated, (tx, ports, { userId, enrollmentId }) =>
      tell(tx, ports, user, userId, 'welcome', enrollmentId),
    ),
    when(CourseCompleted, (tx, ports, { userId, enrollmentId }) =>
      tell(tx, ports, user, userId, 'well-done', enrollmentId),
    ),
    when(AchievementEarned, (tx, ports, { userId, achievementId }) =>
      tell(tx, ports, user, userId, 'earned', achievementId),
    ),
    when(user.UserDeleted, async (tx, _ports, { userId }) => {
      for (const table of ['message', 'communication_preference'])
        await tx.query(`delete from ${table} where user_id = $1`, [userId])
    }),
  ]
}

/** The notification service, reading the user service by the given contract. */
export function notificationService(user: UserContract): AcademyService {
  const preferences = preferencesAtNotification(user)
  return {
    contract: notification,
    tables: notificationTables,
    copies: [learnerCopy(user), courseCopy],
    facts: [preferences],
    reactions: reactions(user),
    api: (run) => {
      const app = new Hono()
      app.get('/learners/:id/preferences', row(run, 'select * from communication_preference where user_id = $1'))
      app.put(
        '/learners/:userId/preferences',
        command(run, subscribing, async (tx, ports, input) => {
          await ports.decide(tx, preferences, {
            userId: input.userId,
            value: input.value,
            changedBy: 'mail-link',
            changedAction: input.action,
          })
        }),
      )
      return app
    },
  }
}
