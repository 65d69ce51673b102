/** What the user service promises: a learner's profile, with first and last name apart since schema version 2. */
import { service } from 'selvedge/contract'
import { z } from 'zod'
import type { userContractV1 } from './contract-v1.ts'

export const user = service('user', { team: 'accounts' })

const profile = {
  userId: z.string(),
  firstName: z.string(),
  lastName: z.string(),
  fullName: z.string(),
  email: z.string(),
  profilePictureUrl: z.string(),
}

export const User = user.entity('User', { key: 'userId', schema: z.object(profile) })

/** Splits the one name of version 1 at its first space; joining the parts gives the name back. */
export function splitName(name: string): { firstName: string; lastName: string } {
  const [firstName = '', ...rest] = name.split(' ')
  return { firstName, lastName: rest.join(' ') }
}

const withNames = <P extends { name: string }>({ name, ...rest }: P) => ({
  ...rest,
  ...splitName(name),
  fullName: name,
})

type ProfileV1 = { userId: string; name: string; email: string; profilePictureUrl: string }

export const UserRegistered = user.event('UserRegistered', {
  schemaVersion: 2,
  about: User,
  kind: 'state',
  schema: z.object(profile),
  upcast: { 1: (older: ProfileV1) => withNames(older) },
})

export const UserProfileUpdated = user.event('UserProfileUpdated', {
  schemaVersion: 2,
  about: User,
  kind: 'state',
  schema: z.object({ ...profile, updatedFields: z.array(z.string()) }),
  upcast: { 1: (older: ProfileV1 & { updatedFields: string[] }) => withNames(older) },
})

export const UserDeleted = user.event('UserDeleted', {
  schemaVersion: 1,
  about: User,
  kind: 'tombstone',
  schema: z.object({ userId: z.string() }),
})

/** Which of the two channels a learner wants to be written to, as decided on the settings page. */
export const CommunicationPreferencesChanged = user.event('CommunicationPreferencesChanged', {
  schemaVersion: 1,
  about: User,
  schema: z.object({
    userId: z.string(),
    value: z.string(),
    changedBy: z.string(),
    changedAction: z.int(),
  }),
})

/** The contract of the user service as it is now. `fullName` is the field that copies keep. */
export const userContract = {
  schemaVersion: 2,
  service: user,
  User,
  UserRegistered,
  UserProfileUpdated,
  UserDeleted,
  CommunicationPreferencesChanged,
  fullName: 'fullName',
} as const

/** Either contract: a consumer is built with the one it has learnt. */
export type UserContract = typeof userContract | typeof userContractV1
