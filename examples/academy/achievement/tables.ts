/** The achievement service's own database. */
export const achievementTables = `
create table score (
  user_id text primary key,
  solved integer not null,
  points integer not null
);

create table badge (
  user_id text not null,
  name text not null,
  primary key (user_id, name)
);

-- A certificate outlives its course: course_id becomes null when the course is retired.
create table certificate (
  enrollment_id text primary key,
  user_id text not null,
  course_id text
);
create index on certificate (user_id);
create index on certificate (course_id);
`
