-- Conflicting updates: two services that write one fact hold different decisions, or the platform's recommendation stands although
-- the learner chose. path_choice is what the learner asked for, kept by the service that took it.

select 'User and notification agree on how a learner is written to' as invariant, coalesce(u.user_id, n.user_id) as key
from (select * from "user".communication_preference where value is not null) u
full join (select * from notification.communication_preference where value is not null) n on n.user_id = u.user_id
where u.user_id is null or n.user_id is null
   or row(u.value, u.changed_by, u.changed_action) is distinct from row(n.value, n.changed_by, n.changed_action)

union all
select 'Progress and course agree on the path of a learner', coalesce(p.user_id, c.user_id)
from (select * from progress.learning_path where value is not null) p
full join (select * from course.learning_path where value is not null) c on c.user_id = p.user_id
where p.user_id is null or c.user_id is null
   or row(p.value, p.changed_by, p.changed_action) is distinct from row(c.value, c.changed_by, c.changed_action)

union all
select 'In progress no recommendation stands over a choice', p.user_id
from progress.path_choice chosen
join progress.learning_path p on p.user_id = chosen.user_id
where p.changed_by = 'recommendation'

union all
select 'In course no recommendation stands over a choice', c.user_id
from progress.path_choice chosen
join course.learning_path c on c.user_id = chosen.user_id
where c.changed_by = 'recommendation'
