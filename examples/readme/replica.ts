import { defineService, openDatabase, publish, seconds, service } from 'selvedge'
import { ownerWins, replica } from 'selvedge/replica'
import { z } from 'zod'

export const user = service('user')
const profile = { name: z.string(), email: z.email() }
export const User = user.entity('User', { key: 'id', schema: z.object({ id: z.string(), ...profile }) })
export const UserProfileUpdated = user.event('UserProfileUpdated', {
  schemaVersion: 1,
  about: User,
  schema: z.object({ userId: z.string(), ...profile }),
})

export const userCopy = replica(User, {
  keep: ['name', 'email'],
  conflict: { name: ownerWins, email: ownerWins },
  from: [UserProfileUpdated],
  freshWithin: seconds(5),
  table: 'user_copy',
})

const [userUrl = '', progressUrl = ''] = [process.env.USER_URL, process.env.PROGRESS_URL]
const users = openDatabase(userUrl)
const progressDb = openDatabase(progressUrl)
const owner = defineService({ contract: user, database: users })
const progress = defineService({
  contract: service('progress'),
  database: progressDb,
  replicas: [userCopy],
  sources: { user: { database: users } },
})
await owner.start()
await progress.start()

await users.transaction(async (tx) => {
  await tx.query(`insert into users (id, name, email) values ('42', 'learner-042', 'learner-042@example.com')`)
  await publish(tx, UserProfileUpdated, { userId: '42', name: 'learner-042', email: 'learner-042@example.com' })
})

export const showLearner = async () => {
  const copy = await userCopy.get(progressDb, '42')
  return copy && { name: copy.name, behindMs: copy.freshness.behind.milliseconds }
}
export const stop = async () => {
  for (const one of [progress, owner]) await one.stop()
  for (const one of [progressDb, users]) await one.close()
}
