/** The numbers of the academy's simulated world. */
import type { ServiceName } from './services.ts'

/**
 * How long a copy may lag: the deadline of every invariant. Twelve minutes is more than the longest outage of the world
 * (60 actions) and the largest error of a clock (five minutes) together, so that a service which merely waits is not called wrong.
 */
export const bound = { milliseconds: 12 * 60_000 } as const

/** Simulated time from one action to the next: an outage of 60 actions lasts five minutes. */
export const actionMs = 5_000

/** The consumer that stays at version 1 of the user contract for so many actions after version 2 is first written. */
export const lateConsumer = { service: 'payment' satisfies ServiceName, schemaVersion: 2, actions: 200 } as const

/** The services that publish often enough to be met by a crash while they send. */
export const crashing: readonly ServiceName[] = ['user', 'course', 'challenge', 'progress', 'enrollment', 'payment']

/**
 * The messages that faults are aimed at, so that every problem of the article gets its share. To be told twice hurts only who counts,
 * therefore the one that is counted stands here four times.
 */
export const aimedAt = [
  'ChallengeSubmitted',
  'ChallengeSubmitted',
  'ChallengeSubmitted',
  'ChallengeSubmitted',
  'UserProfileUpdated',
  'UserDeleted',
  'CourseRenamed',
  'EnrollmentCreated',
  'LearningPathChosen',
  'CommunicationPreferencesChanged',
] as const
