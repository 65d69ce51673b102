/** The user service's promises as they were first: a learner has one name. Kept beside version 2 while consumers still read it. */
import { service } from 'selvedge/contract'
import { z } from 'zod'

export const userV1 = service('user', { team: 'accounts' })

const profile = { userId: z.string(), name: z.string(), email: z.string(), profilePictureUrl: z.string() }

const User = userV1.entity('User', { key: 'userId', schema: z.object(profile) })

const UserRegistered = userV1.event('UserRegistered', {
  schemaVersion: 1,
  about: User,
  kind: 'state',
  schema: z.object(profile),
})

const UserProfileUpdated = userV1.event('UserProfileUpdated', {
  schemaVersion: 1,
  about: User,
  kind: 'state',
  schema: z.object({ ...profile, updatedFields: z.array(z.string()) }),
})

const UserDeleted = userV1.event('UserDeleted', {
  schemaVersion: 1,
  about: User,
  kind: 'tombstone',
  schema: z.object({ userId: z.string() }),
})

/** Which of the two channels a learner wants to be written to, as decided on the settings page. */
const CommunicationPreferencesChanged = userV1.event('CommunicationPreferencesChanged', {
  schemaVersion: 1,
  about: User,
  schema: z.object({
    userId: z.string(),
    value: z.string(),
    changedBy: z.string(),
    changedAction: z.int(),
  }),
})

/** The contract of the user service before names were split. `fullName` is the field that copies keep. */
export const userContractV1 = {
  schemaVersion: 1,
  service: userV1,
  User,
  UserRegistered,
  UserProfileUpdated,
  UserDeleted,
  CommunicationPreferencesChanged,
  fullName: 'name',
} as const
