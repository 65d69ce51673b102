/** The enrollment service's own database: its own rows first, then the copies it keeps. */
export const enrollmentTables = `
create table enrollment (
  enrollment_id text primary key,
  user_id text not null,
  course_id text not null,
  status text not null check (status in ('active', 'completed', 'cancelled')),
  percent integer not null default 0,
  paid boolean not null default false
);
create index on enrollment (user_id);
create index on enrollment (course_id);

create table learner (user_id text primary key, full_name text, email text, picture text);

create table course (course_id text primary key, title text);
`
