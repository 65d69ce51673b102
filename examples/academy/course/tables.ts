/** The course service's own database. */
export const courseTables = `
create table course (
  course_id text primary key,
  title text not null,
  price_cents integer not null,
  changed_action integer not null
);

-- An id is never given twice, and when a course was retired can still be told.
create table retired_course (course_id text primary key, changed_action integer not null);

-- A row without a value is of a learner about whom nothing was decided yet.
create table learning_path (
  user_id text primary key,
  value text,
  changed_by text,
  changed_action integer
);
`
