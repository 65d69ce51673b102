/** What the challenge service promises: what was submitted, and what it was worth. */
import { service } from 'selvedge/contract'
import { z } from 'zod'

export const challenge = service('challenge', { team: 'practice' })

export const Score = challenge.entity('Score', {
  key: 'userId',
  schema: z.object({ userId: z.string(), solved: z.int(), points: z.int() }),
})

/** An attempt was judged. `points` is above 0 exactly once for a learner and a challenge: when it is solved first. */
export const ChallengeSubmitted = challenge.event('ChallengeSubmitted', {
  schemaVersion: 1,
  about: Score,
  schema: z.object({ userId: z.string(), challengeId: z.string(), solved: z.boolean(), points: z.int() }),
})
