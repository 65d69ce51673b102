/**
 * The two facts of the academy that two services write.
 *
 * Communication preferences: the settings page (user) and the link in a mail (notification); the newer decision stands.
 * Learning path: the learner's choice (progress) and the platform's recommendation (course); the learner's choice beats the
 * recommendation, whichever came first.
 */
import { LearningPathRecommended } from './course/contract.ts'
import type { Decision, SharedFact } from './domain.ts'
import { SubscriptionChanged } from './notification/contract.ts'
import { LearningPathChosen } from './progress/contract.ts'
import type { UserContract } from './user/contract.ts'

/** A learner's choice counts more than a recommendation. */
export const learnerOutranks = (one: Decision, other: Decision): boolean =>
  one.changedBy === 'learner' && other.changedBy === 'recommendation'

/** The preferences as the user service holds them. The table refers to the account, so a decision needs one. */
export const preferencesAtUser = (user: UserContract): SharedFact => ({
  name: 'preferences',
  table: 'communication_preference',
  mine: user.CommunicationPreferencesChanged,
  theirs: SubscriptionChanged,
  mayKeep: async (tx, _ports, userId) =>
    (await tx.query('select 1 from account where user_id = $1', [userId])).rowCount > 0,
})

/** The preferences as the notification service holds them. */
export const preferencesAtNotification = (user: UserContract): SharedFact => ({
  name: 'preferences',
  table: 'communication_preference',
  mine: SubscriptionChanged,
  theirs: user.CommunicationPreferencesChanged,
  mayKeep: async (tx, ports, userId) => !(await ports.isGone(tx, user.User, userId)),
})

/** The learning path as the progress service holds it: it takes the learner's choice. */
export const pathAtProgress = (user: UserContract): SharedFact => ({
  name: 'learning-path',
  table: 'learning_path',
  mine: LearningPathChosen,
  theirs: LearningPathRecommended,
  outranks: learnerOutranks,
  mayKeep: async (tx, ports, userId) => !(await ports.isGone(tx, user.User, userId)),
})

/** The learning path as the course service holds it: it recommends. */
export const pathAtCourse = (user: UserContract): SharedFact => ({
  name: 'learning-path',
  table: 'learning_path',
  mine: LearningPathRecommended,
  theirs: LearningPathChosen,
  outranks: learnerOutranks,
  mayKeep: async (tx, ports, userId) => !(await ports.isGone(tx, user.User, userId)),
})
