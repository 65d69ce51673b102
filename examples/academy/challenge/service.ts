/** The challenge service: judges what learners submit and counts what they have solved. */
import { Hono } from 'hono'
import type { Transaction } from 'selvedge/store'
import { z } from 'zod'
import { type AcademyService, type Ports, Refusal, when } from '../domain.ts'
import { action, command, row } from '../http.ts'
import type { UserContract } from '../user/contract.ts'
import { ChallengeSubmitted, challenge } from './contract.ts'
import { challengeTables } from './tables.ts'

const submitting = z.object({
  userId: z.string(),
  challengeId: z.string(),
  correct: z.boolean(),
  points: z.int().positive(),
  action,
})

/** Judges one attempt. A challenge is solved once; what is solved already cannot be submitted again. */
async function submit(tx: Transaction, ports: Ports, input: z.infer<typeof submitting>) {
  const { userId, challengeId, correct } = input
  const points = correct ? input.points : 0
  const { rowCount } = await tx.query(
    `insert into submission (user_id, challenge_id, attempts, solved, points) values ($1, $2, 1, $3, $4)
     on conflict (user_id, challenge_id) do update
       set attempts = submission.attempts + 1, solved = excluded.solved, points = excluded.points
       where not submission.solved`,
    [userId, challengeId, correct, points],
  )
  if (rowCount === 0) throw new Refusal('challenge/already-solved', `${userId} has solved ${challengeId} already.`)
  if (correct)
    await tx.query(
      `insert into score (user_id, solved, points) values ($1, 1, $2)
       on conflict (user_id) do update set solved = score.solved + 1, points = score.points + excluded.points`,
      [userId, points],
    )
  await ports.publish(tx, ChallengeSubmitted, { userId, challengeId, solved: correct, points })
}

/** The challenge service, reading the user service by the given contract. */
export function challengeService(user: UserContract): AcademyService {
  return {
    contract: challenge,
    tables: challengeTables,
    copies: [],
    facts: [],
    reactions: [
      when(user.UserDeleted, async (tx, _ports, { userId }) => {
        await tx.query('delete from submission where user_id = $1', [userId])
        await tx.query('delete from score where user_id = $1', [userId])
      }),
    ],
    api: (run) => {
      const app = new Hono()
      app.get('/learners/:id/score', row(run, 'select user_id, solved, points from score where user_id = $1'))
      app.post('/learners/:userId/submissions/:challengeId', command(run, submitting, submit))
      return app
    },
  }
}
