/** The two copies that several services keep: who a learner is, and what a course is called. */
import { Course, CoursePublished, CourseRenamed, CourseRetired } from './course/contract.ts'
import { type Copy, copyOf } from './domain.ts'
import type { UserContract } from './user/contract.ts'

/** `learner (user_id, full_name, email, picture)`, read by the contract that this consumer has learnt. */
export function learnerCopy(user: UserContract): Copy {
  return copyOf({
    of: user.User,
    table: 'learner',
    key: 'user_id',
    columns: { full_name: user.fullName, email: 'email', picture: 'profilePictureUrl' },
    from: [user.UserRegistered, user.UserProfileUpdated],
    ended: user.UserDeleted,
  })
}

/** `course (course_id, title)`. */
export const courseCopy: Copy = copyOf({
  of: Course,
  table: 'course',
  key: 'course_id',
  columns: { title: 'title' },
  from: [CoursePublished, CourseRenamed],
  ended: CourseRetired,
})
