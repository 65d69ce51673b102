/** The challenge service's own database. */
export const challengeTables = `
create table submission (
  user_id text not null,
  challenge_id text not null,
  attempts integer not null,
  solved boolean not null,
  points integer not null,
  primary key (user_id, challenge_id)
);

create table score (
  user_id text primary key,
  solved integer not null,
  points integer not null
);
`
