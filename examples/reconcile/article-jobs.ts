/**
 * The two reconciliation jobs of the article, as declarations. The job that copies users becomes a replica whose owner is
 * the user service; the one that creates what is missing on either side becomes a replica, too, because enrolling is the
 * enrollment service's business: progress without an enrollment is no reason to enroll somebody.
 */
import { replicaOf } from 'selvedge/invariant'

const columns = ['name', 'email', 'version']
const key = ['user_id', 'course_id']

/** `reconcileUserData` */
export const usersAreCopied = replicaOf('Progress knows every user as the user service does', {
  owner: { source: 'user', table: 'users', key: 'id', columns },
  copy: { source: 'progress', table: 'local_users', key: 'id', columns },
}).repairedBy({ kind: 'sql', automatic: true })

/** `reconcileUserEnrollment` */
export const enrollmentsHaveProgress = replicaOf('Every enrollment has its progress, and nothing else does', {
  owner: { source: 'enrollment', table: 'enrollments', key },
  copy: { source: 'progress', table: 'progress', key },
}).repairedBy({ kind: 'sql', insert: { percent: '0' } })
