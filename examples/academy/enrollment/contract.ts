/** What the enrollment service promises: who takes part in which course. */
import { service } from 'selvedge/contract'
import { z } from 'zod'

export const enrollment = service('enrollment', { team: 'learning' })

const state = { enrollmentId: z.string(), userId: z.string(), courseId: z.string() }

export const Enrollment = enrollment.entity('Enrollment', { key: 'enrollmentId', schema: z.object(state) })

export const EnrollmentCreated = enrollment.event('EnrollmentCreated', {
  schemaVersion: 1,
  about: Enrollment,
  schema: z.object(state),
})

export const EnrollmentCancelled = enrollment.event('EnrollmentCancelled', {
  schemaVersion: 1,
  about: Enrollment,
  schema: z.object({ ...state, reason: z.enum(['asked', 'learner-gone', 'course-retired']) }),
})
