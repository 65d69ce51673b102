/** The progress service's own database: its own rows first, then the copies it keeps. */
export const progressTables = `
create table progress (
  enrollment_id text primary key,
  user_id text not null,
  course_id text not null,
  percent integer not null
);
create index on progress (user_id);
create index on progress (course_id);

create table score (
  user_id text primary key,
  solved integer not null,
  points integer not null
);

-- What the learner asked for, as asked: kept apart, so that nothing that happens to learning_path can hide it.
create table path_choice (
  user_id text primary key,
  value text not null,
  changed_action integer not null
);

-- A row without a value is of a learner about whom nothing was decided yet.
create table learning_path (
  user_id text primary key,
  value text,
  changed_by text,
  changed_action integer
);

create table learner (user_id text primary key, full_name text, email text, picture text);

create table course (course_id text primary key, title text);
`
