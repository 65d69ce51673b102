/** The owner's own functions: partitions ahead, lanes, and ticking. */

import { quoteLiteral } from '../../store/identifier.ts'
import { consumerFunctionsSql } from './consumer-functions.ts'

/** `s` is the quoted schema; `q` the same as a string literal, for names that are put together at run time. */
export function ownerFunctionsSql(s: string): string {
  const q = quoteLiteral(s)
  return [
    extendLogSql(s, q),
    laneOfSql(s),
    conflictSql(s),
    tickSql(s, q),
    hasNewsSql(s),
    consumerFunctionsSql(s, q),
  ].join('')
}

const extendLogSql = (s: string, q: string): string => `
-- Makes partitions until two whole ones lie ahead. ATTACH takes a lock that does not block readers or writers.
create function ${s}.extend_log() returns void language plpgsql as $$
declare rows_each bigint := ${s}.partition_rows(); wanted bigint; n bigint; name text;
begin
  perform pg_advisory_xact_lock(7265002, hashtext(${q}));
  select case when is_called then last_value else 0 end / rows_each + 2 into wanted from ${s}.log_seq;
  for n in greatest(0, wanted - 2) .. wanted loop
    name := format('log_%s', n);
    if to_regclass(format('%s.%I', ${q}, name)) is null then
      execute format('create table %1$s.%2$I (like %1$s.log including defaults)', ${q}, name);
      execute format('alter table %1$s.log attach partition %1$s.%2$I for values from (%3$s) to (%4$s)', ${q}, name, n * rows_each, (n + 1) * rows_each);
    end if;
  end loop;
end $$;
select ${s}.extend_log();
`

const laneOfSql = (s: string): string => `
create function ${s}.lane_of(stream text) returns smallint language sql immutable parallel safe as
  $$ select ((hashtextextended(stream, 0) & 9223372036854775807) % ${s}.lanes())::smallint $$;
`

const conflictSql = (s: string): string => `
create function ${s}.conflict(stream text, expected bigint) returns bigint language plpgsql as $$
declare have bigint;
begin
  select h.version into have from ${s}.head h where h.stream = conflict.stream;
  raise exception 'stream % is at version %, not at %', stream, coalesce(have, 0), expected using errcode = 'SV002';
end $$;
`

const tickSql = (s: string, q: string): string => `
-- Cuts the log. Autocommitted and READ COMMITTED, so that each step sees a snapshot of its own. The lock makes snapshots
-- monotone in id and takes no xid, so that seq_lo is still read before one is drawn: floor_seq depends on that order.
create function ${s}.tick(notify boolean default false, out id bigint, out snapshot pg_snapshot, out seq_hi bigint, out floor_seq bigint) language plpgsql as $$
#variable_conflict use_variable
declare lo bigint; me xid8;
begin
  perform pg_advisory_xact_lock(7265003, hashtext(${q}));
  select case when is_called then last_value else 0 end into lo from ${s}.log_seq;
  -- A commit that is not yet durable must not be delivered: this one waits for the write-ahead log, and with it for all before it.
  if current_setting('synchronous_commit') = 'off' then perform set_config('synchronous_commit', 'on', true); end if;
  me := pg_current_xact_id();
  select pg_current_snapshot() into snapshot;
  select case when is_called then last_value else 0 end into seq_hi from ${s}.log_seq;
  select coalesce((select t.seq_lo from ${s}.tick t where t.xid < pg_snapshot_xmin(snapshot) order by t.xid desc limit 1), 0) into floor_seq;
  -- What lies below a floor stays below it, also when the tick that proved it has been thinned out.
  select coalesce(max(t.id), -1) + 1, greatest(floor_seq, max(t.floor_seq)) into id, floor_seq from (select * from ${s}.tick order by 1 desc limit 1) t;
  insert into ${s}.tick(id, xid, seq_lo, seq_hi, floor_seq, snapshot) values (id, me, lo, seq_hi, floor_seq, snapshot);
  if notify then perform pg_notify('selvedge ' || ${q}, id::text); end if;
end $$;
select ${s}.tick();
`

const hasNewsSql = (s: string): string => `
-- Is anything committed that the newest tick does not show? Two index probes; takes no transaction id.
create function ${s}.has_news() returns boolean language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare last ${s}.tick%rowtype;
begin
  select * into last from ${s}.tick t order by t.id desc limit 1;
  return exists (select from ${s}.log l where l.xid >= pg_snapshot_xmax(last.snapshot) and l.seq > last.floor_seq)
      or exists (select from ${s}.log l where l.xid = any(array(select pg_snapshot_xip(last.snapshot))) and l.seq > last.floor_seq);
end $$;
`
