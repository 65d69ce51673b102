/** How version 1 of the user service writes and tells a profile: one name. */
import { z } from 'zod'
import { action } from '../http.ts'
import { userContractV1 as contract } from './contract-v1.ts'
import type { ProfileWriter } from './service.ts'

export const profileV1: ProfileWriter<{ name: string }> = {
  contract,
  input: z.object({ id: z.string(), name: z.string(), email: z.email(), picture: z.string(), action }),
  columns: ({ name }) => ({ name }),
  publish: async (tx, ports, row, updatedFields) => {
    const state = { userId: row.user_id, name: row.name, email: row.email, profilePictureUrl: row.picture }
    if (updatedFields) await ports.publish(tx, contract.UserProfileUpdated, { ...state, updatedFields })
    else await ports.publish(tx, contract.UserRegistered, state)
  },
}
