/** What the progress service promises: how far a learner is in a course, and the path that the learner chose. */
import { service } from 'selvedge/contract'
import { z } from 'zod'

export const progress = service('progress', { team: 'learning' })

const state = { enrollmentId: z.string(), userId: z.string(), courseId: z.string(), percent: z.int() }

export const Progress = progress.entity('Progress', { key: 'enrollmentId', schema: z.object(state) })

export const ProgressUpdated = progress.event('ProgressUpdated', {
  schemaVersion: 1,
  about: Progress,
  schema: z.object(state),
})

export const CourseCompleted = progress.event('CourseCompleted', {
  schemaVersion: 1,
  about: Progress,
  schema: z.object({ enrollmentId: z.string(), userId: z.string(), courseId: z.string() }),
})

export const PathChoice = progress.entity('PathChoice', {
  key: 'userId',
  schema: z.object({ userId: z.string(), value: z.string() }),
})

/** The learner's own decision on what to follow next. */
export const LearningPathChosen = progress.event('LearningPathChosen', {
  schemaVersion: 1,
  about: PathChoice,
  schema: z.object({ userId: z.string(), value: z.string(), changedBy: z.string(), changedAction: z.int() }),
})
