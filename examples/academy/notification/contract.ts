/** What the notification service promises: what a learner decided by the link in a mail. */
import { service } from 'selvedge/contract'
import { z } from 'zod'

export const notification = service('notification', { team: 'messaging' })

export const Subscription = notification.entity('Subscription', {
  key: 'userId',
  schema: z.object({ userId: z.string(), value: z.string() }),
})

/** The same fact as the user service's CommunicationPreferencesChanged, decided by the link at the foot of a mail. */
export const SubscriptionChanged = notification.event('SubscriptionChanged', {
  schemaVersion: 1,
  about: Subscription,
  schema: z.object({ userId: z.string(), value: z.string(), changedBy: z.string(), changedAction: z.int() }),
})
