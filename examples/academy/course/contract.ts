/** What the course service promises: the catalogue, and the paths that it recommends. */
import { service } from 'selvedge/contract'
import { z } from 'zod'

export const course = service('course', { team: 'content' })

const state = { courseId: z.string(), title: z.string(), priceCents: z.int() }

export const Course = course.entity('Course', { key: 'courseId', schema: z.object(state) })

export const CoursePublished = course.event('CoursePublished', {
  schemaVersion: 1,
  about: Course,
  kind: 'state',
  schema: z.object(state),
})

export const CourseRenamed = course.event('CourseRenamed', {
  schemaVersion: 1,
  about: Course,
  kind: 'state',
  schema: z.object(state),
})

export const CourseRetired = course.event('CourseRetired', {
  schemaVersion: 1,
  about: Course,
  kind: 'tombstone',
  schema: z.object({ courseId: z.string() }),
})

export const Recommendation = course.entity('Recommendation', {
  key: 'userId',
  schema: z.object({ userId: z.string(), value: z.string() }),
})

/** The platform's own idea of what a learner should follow next. */
export const LearningPathRecommended = course.event('LearningPathRecommended', {
  schemaVersion: 1,
  about: Recommendation,
  schema: z.object({ userId: z.string(), value: z.string(), changedBy: z.string(), changedAction: z.int() }),
})
