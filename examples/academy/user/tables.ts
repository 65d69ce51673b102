/**
 * The user service's own database.
 *
 * The split of `name` was deployed in the usual three steps. This is the first: both forms of the name are there and a trigger keeps
 * them together, so that version 1 and version 2 of the service can write side by side. `full_name` is generated here, at the owner.
 */
export const userTables = `
create table account (
  user_id text primary key,
  name text not null,
  first_name text not null,
  last_name text not null,
  full_name text not null generated always as (first_name || ' ' || last_name) stored,
  email text not null,
  picture text not null,
  changed_action integer not null
);

create function keep_names_together() returns trigger language plpgsql as $$
begin
  if new.first_name is null or (tg_op = 'UPDATE' and new.name is distinct from old.name) then
    new.first_name := split_part(new.name, ' ', 1);
    new.last_name := substr(new.name, length(new.first_name) + 2);
  else
    new.name := new.first_name || ' ' || new.last_name;
  end if;
  return new;
end $$;

create trigger keep_names_together before insert or update on account
for each row execute function keep_names_together();

-- An id is never given twice, and when an account was closed can still be told.
create table closed_account (user_id text primary key, changed_action integer not null);

-- A row without a value is of a learner about whom nothing was decided yet.
create table communication_preference (
  user_id text primary key references account on delete cascade,
  value text,
  changed_by text,
  changed_action integer
);
`
