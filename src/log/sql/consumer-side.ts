/** The reader's tables, in the reader's own database: who holds which lane, and how far it is. */

export const consumerSql = (s: string): string => `
create table ${s}.instance(id uuid primary key, beat timestamptz not null, name text not null) with (fillfactor = 50);

-- Which process runs which consumer: after a rolling deployment not every process knows every consumer, and a lane must not wait
-- for one that does not.
create table ${s}.member(
  consumer text not null, source text not null, instance uuid not null references ${s}.instance on delete cascade,
  primary key (consumer, source, instance));

-- The fence only stops a displaced owner early; safety is the unique key of \`position\`.
create table ${s}.lane(
  consumer text not null, source text not null, lane smallint not null, owner uuid, fence bigint not null default 0,
  primary key (consumer, source, lane)) with (fillfactor = 50);

-- Appended, never updated: n + 1 is the compare-and-set, and a held snapshot cannot make the row's chain grow under our feet.
-- A row means: all that is visible in \`previous\` is done and, while \`current\` is set, of what is new in \`current\` all up to \`seq\`.
create table ${s}.position(
  consumer text not null, source text not null, lane smallint not null, n bigint not null,
  epoch int not null, tick bigint not null, previous pg_snapshot not null, seq_hi bigint not null, floor_seq bigint not null,
  current pg_snapshot, current_tick bigint, current_seq_hi bigint, current_floor_seq bigint, seq bigint, fence bigint not null, at timestamptz not null default ${s}.now(),
  primary key (consumer, source, lane, n));

-- Sent with COMMIT, in the handler's own transaction: it raises when a lane was lost, so that a blind COMMIT becomes ROLLBACK.
create function ${s}.advance(consumer text, source text, lanes smallint[], ns bigint[], fences bigint[], epoch int, tick bigint, previous pg_snapshot,
  seq_hi bigint, floor_seq bigint, current pg_snapshot, current_tick bigint, current_seq_hi bigint, current_floor_seq bigint, seq bigint)
returns void language plpgsql as $$
declare held int;
begin
  select count(*) into held from ${s}.lane l join unnest(lanes, fences) x(lane, fence) on l.lane = x.lane and l.fence = x.fence
    where l.consumer = advance.consumer and l.source = advance.source;
  if held <> cardinality(lanes) then
    raise exception '% of % lanes of % are still held', held, cardinality(lanes), advance.consumer using errcode = 'SV001';
  end if;
  insert into ${s}.position(consumer, source, lane, n, epoch, tick, previous, seq_hi, floor_seq, current, current_tick, current_seq_hi, current_floor_seq, seq, fence)
  select advance.consumer, advance.source, x.lane, x.n + 1, advance.epoch, advance.tick, advance.previous, advance.seq_hi, advance.floor_seq,
    advance.current, advance.current_tick, advance.current_seq_hi, advance.current_floor_seq, advance.seq, x.fence
  from unnest(lanes, ns, fences) x(lane, n, fence);
end $$;
`
