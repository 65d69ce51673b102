/** What the achievement service promises: badges and certificates, once earned. */
import { service } from 'selvedge/contract'
import { z } from 'zod'

export const achievement = service('achievement', { team: 'practice' })

export const Achievement = achievement.entity('Achievement', {
  key: 'achievementId',
  schema: z.object({ achievementId: z.string(), userId: z.string(), title: z.string() }),
})

export const AchievementEarned = achievement.event('AchievementEarned', {
  schemaVersion: 1,
  about: Achievement,
  schema: z.object({ achievementId: z.string(), userId: z.string(), title: z.string() }),
})
