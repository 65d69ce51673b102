-- Broken references: a child whose parent is gone. A child without a parent by intent has NULL there.

with child as (
  select 'Every enrollment is of a learner who is there' as invariant, enrollment_id as key, user_id, null as course_id
  from enrollment.enrollment
  union all select 'Every enrollment is in a course that is there', enrollment_id, null, course_id from enrollment.enrollment
  union all select 'All progress is of a learner who is there', enrollment_id, user_id, null from progress.progress
  union all select 'All progress is in a course that is there', enrollment_id, null, course_id from progress.progress
  union all select 'Every payment is of a learner who is there', payment_id, user_id, null from payment.payment
  union all select 'Every certificate is of a learner who is there', enrollment_id, user_id, null from achievement.certificate
  union all select 'Every certificate is of a course that is there', enrollment_id, null, course_id from achievement.certificate
  union all select 'Every badge is of a learner who is there', user_id || '/' || name, user_id, null from achievement.badge
  union all select 'Every submission is of a learner who is there', user_id || '/' || challenge_id, user_id, null
            from challenge.submission
  union all select 'Every message is to a learner who is there', user_id || '/' || kind || '/' || about, user_id, null
            from notification.message
)
select invariant, key from child
where user_id is not null and not exists (select from "user".account a where a.user_id = child.user_id)
   or course_id is not null and not exists (select from course.course c where c.course_id = child.course_id)
