/** The notification service's own database: its own rows first, then the copies it keeps. */
export const notificationTables = `
create table message (
  user_id text not null,
  kind text not null,
  about text not null,
  primary key (user_id, kind, about)
);

-- A row without a value is of a learner about whom nothing was decided yet.
create table communication_preference (
  user_id text primary key,
  value text,
  changed_by text,
  changed_action integer
);

create table learner (user_id text primary key, full_name text, email text, picture text);

create table course (course_id text primary key, title text);
`
