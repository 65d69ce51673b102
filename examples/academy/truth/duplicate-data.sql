-- Duplicate data: those who hold one fact disagree about it. A holder without the row disagrees with one that has it.

-- A learner's name and picture have five holders.
select 'Everyone who knows a learner knows the same name and picture' as invariant, user_id as key
from (
  select user_id, full_name, picture from "user".account
  union all select user_id, full_name, picture from progress.learner
  union all select user_id, full_name, picture from enrollment.learner
  union all select user_id, full_name, picture from notification.learner
  union all select user_id, full_name, picture from payment.learner
) holder
group by user_id
having count(*) <> 5 or count(distinct row(full_name, picture)) > 1

union all
-- A count has three holders, who each count by themselves.
select 'Solved challenges and points are counted the same by all who count', user_id
from (
  select user_id, solved, points from challenge.score
  union all select user_id, solved, points from progress.score
  union all select user_id, solved, points from achievement.score
) counter
group by user_id
having count(*) <> 3 or count(distinct row(solved, points)) > 1

union all
-- That a learner takes part in a course, and how far they are, has two.
select 'Enrollment and progress know the same courses of every learner', coalesce(e.enrollment_id, p.enrollment_id)
from (select * from enrollment.enrollment where status <> 'cancelled') e
full join progress.progress p on p.enrollment_id = e.enrollment_id
where e.enrollment_id is null or p.enrollment_id is null
   or row(e.user_id, e.course_id, e.percent) is distinct from row(p.user_id, p.course_id, p.percent)

union all
-- That an enrollment is paid has two.
select 'An enrollment is marked paid exactly while its payment stands', coalesce(e.enrollment_id, p.enrollment_id)
from (select * from enrollment.enrollment where paid) e
full join (select * from payment.payment where status = 'captured') p on p.enrollment_id = e.enrollment_id
where e.enrollment_id is null or p.enrollment_id is null
