-- Stale data: a copy differs from the owner's value, which was committed longer ago than the bound.
-- $1 is the moment of the question, $2 the bound in milliseconds; observer.action says when each request was performed.
with settled as (
  select number from observer.action where performed_at < $1::timestamptz - $2::integer * interval '1 millisecond'
),
email as (
  select holder, c.user_id as key, c.email as copied from (
    select 'progress' as holder, * from progress.learner
    union all select 'enrollment', * from enrollment.learner
    union all select 'notification', * from notification.learner
    union all select 'payment', * from payment.learner
  ) c
),
title as (
  select holder, c.course_id as key, c.title as copied from (
    select 'progress' as holder, * from progress.course
    union all select 'enrollment', * from enrollment.course
    union all select 'notification', * from notification.course
  ) c
)
-- The owner has a value and the copy has another one or none.
select 'The e-mail address in ' || h.holder || ' is that of the user service' as invariant, a.user_id as key
from "user".account a
cross join (values ('progress'), ('enrollment'), ('notification'), ('payment')) h (holder)
left join email c on c.holder = h.holder and c.key = a.user_id
where c.copied is distinct from a.email and a.changed_action in (select number from settled)

union all
-- The owner has closed the account, or never had it, and the copy is still there.
select 'The e-mail address in ' || c.holder || ' is that of the user service', c.key
from email c
left join "user".closed_account closed on closed.user_id = c.key
where not exists (select from "user".account a where a.user_id = c.key)
  and (closed.user_id is null or closed.changed_action in (select number from settled))

union all
select 'The course title in ' || h.holder || ' is that of the course service', o.course_id
from course.course o
cross join (values ('progress'), ('enrollment'), ('notification')) h (holder)
left join title c on c.holder = h.holder and c.key = o.course_id
where c.copied is distinct from o.title and o.changed_action in (select number from settled)

union all
select 'The course title in ' || c.holder || ' is that of the course service', c.key
from title c
left join course.retired_course retired on retired.course_id = c.key
where not exists (select from course.course o where o.course_id = c.key)
  and (retired.course_id is null or retired.changed_action in (select number from settled))
