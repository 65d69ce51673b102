/** How version 2 of the user service writes and tells a profile: first and last name, and the full name that the database makes of them. */
import { z } from 'zod'
import { action } from '../http.ts'
import { userContract as contract } from './contract.ts'
import type { ProfileWriter } from './service.ts'

export const profileV2: ProfileWriter<{ firstName: string; lastName: string }> = {
  contract,
  input: z.object({
    id: z.string(),
    firstName: z.string(),
    lastName: z.string(),
    email: z.email(),
    picture: z.string(),
    action,
  }),
  columns: ({ firstName, lastName }) => ({ first_name: firstName, last_name: lastName }),
  publish: async (tx, ports, row, updatedFields) => {
    const state = {
      userId: row.user_id,
      firstName: row.first_name,
      lastName: row.last_name,
      fullName: row.full_name,
      email: row.email,
      profilePictureUrl: row.picture,
    }
    if (updatedFields) await ports.publish(tx, contract.UserProfileUpdated, { ...state, updatedFields })
    else await ports.publish(tx, contract.UserRegistered, state)
  },
}
