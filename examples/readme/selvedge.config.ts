import { seconds } from 'selvedge'
import { agree, defineConfig, references } from 'selvedge/invariant'

const enrollments = { source: 'enrollment', table: 'enrollment', key: ['user_id', 'course_id'] }
const courses = { source: 'progress', table: 'course_progress', key: ['user_id', 'course_id'] }
const sameCourses = agree('Enrollment and progress know the same courses of every learner', enrollments, courses)

export default defineConfig({
  sources: {
    user: { url: process.env.USER_URL ?? '' },
    enrollment: { url: process.env.ENROLLMENT_URL ?? '' },
    progress: { url: process.env.PROGRESS_URL ?? '' },
  },
  invariants: [
    sameCourses.within(seconds(30)),
    references('Every enrollment is of a user', {
      child: { ...enrollments, by: 'user_id' },
      parent: { source: 'user', table: 'users', key: 'id' },
    }),
  ],
  watch: { every: '*/5 * * * *' },
})
