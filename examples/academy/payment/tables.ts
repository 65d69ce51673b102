/** The payment service's own database. */
export const paymentTables = `
-- The books must stay: user_id becomes null when the learner is gone.
create table payment (
  payment_id text primary key,
  enrollment_id text not null unique,
  user_id text,
  cents integer not null,
  status text not null check (status in ('captured', 'refunded'))
);
create index on payment (user_id);

create table learner (user_id text primary key, full_name text, email text, picture text);
`
