/** What a consumer's role may execute at the owner: register, batch, gap, backfill, acknowledge. */

/** Ticks are merged up to this many sequence numbers, so that one read stays one short index scan. */
export const mergedSequencesMax = 4096

/** The five functions, and the end of everybody's right to execute anything else. */
export function consumerFunctionsSql(s: string, q: string): string {
  return [registerSql(s, q), batchSql(s), gapSql(s), backfillSql(s, q), acknowledgeSql(s), revokeSql(s, q)].join('')
}

/**
 * A consumer's name belongs to the role that registered it first: another role could otherwise restart it, or let retention drop
 * what it has not read. Reading takes nobody's place, so `batch` and `gap`, the hot path, do not ask.
 */
export function consumerRoleSql(s: string, q: string): string {
  return [
    `alter table ${s}.consumer add column role name;`,
    actsForSql(s),
    registerSql(s, q, withRole(s)),
    acknowledgeSql(s, withRole(s)),
    `revoke execute on function ${s}.acts_for(text, name) from public;`,
  ].join('\n')
}

const actsForSql = (s: string): string => `
-- True, or an error that names the role. The owner's own role may act for every consumer, and the members of a group for the group's.
create function ${s}.acts_for(consumer text, bound name) returns boolean language plpgsql stable as $$
begin
  if bound is null or bound = session_user or pg_has_role(session_user, current_user, 'member')
    or exists (select from pg_roles r where r.rolname = bound and pg_has_role(session_user, r.oid, 'member')) then
    return true;
  end if;
  raise exception 'consumer % belongs to the role %, not to %', consumer, bound, session_user using errcode = 'SV006';
end $$;
`

/** What a consumer's role adds to the functions; empty in the first form of them, which stays as it was to the letter. */
interface RoleParts {
  readonly create: string
  /** Refuses a stranger, and takes a name that was registered before roles were written down. */
  readonly atRegister: string
  readonly column: string
  readonly value: string
  readonly atAcknowledge: string
}

const withoutRole: RoleParts = { create: 'create', atRegister: '', column: '', value: '', atAcknowledge: '' }

const withRole = (s: string): RoleParts => ({
  create: 'create or replace',
  atRegister: `
  perform ${s}.acts_for(consumer, known.role);
  if known.name is not null and known.role is null then
    update ${s}.consumer c set role = session_user where c.name = register.consumer;
  end if;`,
  column: ', role',
  value: ', session_user',
  atAcknowledge: ` and (c.role = session_user or ${s}.acts_for(c.name, c.role))`,
})

const registerSql = (s: string, q: string, role = withoutRole): string => `
${role.create} function ${s}.register(consumer text, service text, start text default 'beginning',
  out state text, out epoch int, out tick bigint, out seq_hi bigint, out floor_seq bigint, out snapshot pg_snapshot, out lanes int)
language plpgsql security definer set search_path = ${s}, pg_temp as $$
#variable_conflict use_column
declare known ${s}.consumer%rowtype; t ${s}.tick%rowtype;
begin
  perform pg_advisory_xact_lock(7265004, hashtext(${q} || consumer));
  -- Retention locks against this: what is retained must not change between the look at it and the consumer's row.
  lock table ${s}.consumer in row exclusive mode;
  lanes := ${s}.lanes();
  select * into known from ${s}.consumer c where c.name = register.consumer;
  if known.service not in (service, 'self') then
    raise exception 'consumer % is one of service %', consumer, known.service using errcode = 'SV005';
  end if;${role.atRegister}
  -- A restart is over when the copy holds the owner's state as of the tick it was put at, and the log after that is still there.
  if start = 'restarted' and known.epoch = (select max(e.epoch) from ${s}.epoch e) and known.floor_seq + 1 >= (select from_seq from ${s}.retained) then
    update ${s}.consumer c set state = 'live', acknowledged_at = ${s}.now() where c.name = register.consumer;
    known.state := 'live';
  end if;
  if known.name is not null and start <> 'snapshot' then
    state := known.state; epoch := known.epoch; tick := known.tick; seq_hi := known.seq_hi; floor_seq := known.floor_seq; snapshot := known.snapshot;
    return;
  end if;
  epoch := (select max(e.epoch) from ${s}.epoch e);
  state := 'live';
  if start = 'beginning' then
    tick := -1; seq_hi := 0; floor_seq := 0; snapshot := '3:3:';
    if (select from_seq from ${s}.retained) > 1 then state := 'needs_snapshot'; end if;
  else
    -- With 'snapshot' nobody reads on before the copy is made, or one that failed half-way would pass over what it lacks.
    if start = 'snapshot' then state := 'needs_snapshot'; end if;
    select * into t from ${s}.tick x order by x.id desc limit 1;
    tick := t.id; seq_hi := t.seq_hi; floor_seq := t.floor_seq; snapshot := t.snapshot;
  end if;
  insert into ${s}.consumer(name, service, state, epoch, tick, seq_hi, floor_seq, snapshot${role.column})
  values (consumer, service, state, epoch, tick, seq_hi, floor_seq, snapshot${role.value})
  on conflict (name) do update set state = excluded.state, epoch = excluded.epoch, tick = excluded.tick, seq_hi = excluded.seq_hi,
    floor_seq = excluded.floor_seq, snapshot = excluded.snapshot, acknowledged_at = ${s}.now();
end $$;
`

const batchSql = (s: string): string => `
-- Reads what is visible in \`current\` and not in \`previous\`, in sequence order. With no \`current\` it takes the newest tick within the
-- merge cap (at least the next one) and says which in a first row without seq. \`after_seq\` beyond the floor means: inside a tick.
create function ${s}.batch(consumer text, lanes smallint[], after_tick bigint, previous pg_snapshot, previous_seq_hi bigint, floor_seq bigint,
  current pg_snapshot, seq_hi bigint, after_seq bigint, most int)
returns table(seq bigint, lane smallint, stream text, version bigint, id uuid, type text, schema_version int, op "char", at timestamptz,
  traceparent text, correlation uuid, causation uuid, subject text, headers json, data json)
language plpgsql stable security definer set search_path = ${s}, pg_temp set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare t ${s}.tick%rowtype; cur pg_snapshot := batch.current; hi bigint := batch.seq_hi; low bigint := greatest(batch.floor_seq, batch.after_seq);
begin
  if not exists (select from ${s}.consumer c where c.name = batch.consumer and c.state = 'live') then
    raise exception 'consumer % is not live: it needs a snapshot', consumer using errcode = 'SV004';
  end if;
  if cur is null then
    select * into t from ${s}.tick x where x.seq_hi <= batch.previous_seq_hi + ${mergedSequencesMax} and x.id > batch.after_tick order by x.seq_hi desc, x.id desc limit 1;
    if not found then select * into t from ${s}.tick x where x.id > batch.after_tick order by x.id limit 1; end if;
    if not found then return; end if;
    cur := t.snapshot; hi := t.seq_hi;
    return query select null::bigint, null::smallint, cur::text, t.id, null::uuid, null::text, null::int, null::"char", t.at, null::text, null::uuid, null::uuid, null::text, null::json,
      json_build_object('seq_hi', t.seq_hi, 'floor_seq', t.floor_seq);
  end if;
  if batch.after_seq > batch.floor_seq or hi - low <= ${mergedSequencesMax} then
    return query select l.seq, l.lane, l.stream, l.version, l.id, l.type, l.schema_version, l.op, l.at, l.traceparent, l.correlation, l.causation, l.subject, l.headers, l.data
      from ${s}.log l where l.seq > low and l.seq <= hi and pg_visible_in_snapshot(l.xid, cur) and not pg_visible_in_snapshot(l.xid, batch.previous)
        and (batch.lanes is null or l.lane = any(batch.lanes)) order by l.seq limit most;
  else
    return query select l.seq, l.lane, l.stream, l.version, l.id, l.type, l.schema_version, l.op, l.at, l.traceparent, l.correlation, l.causation, l.subject, l.headers, l.data
      from ${s}.log l where l.xid >= pg_snapshot_xmax(batch.previous) and l.xid < pg_snapshot_xmax(cur) and pg_visible_in_snapshot(l.xid, cur)
        and l.seq > low and l.seq <= hi and (batch.lanes is null or l.lane = any(batch.lanes))
      union all
      select l.seq, l.lane, l.stream, l.version, l.id, l.type, l.schema_version, l.op, l.at, l.traceparent, l.correlation, l.causation, l.subject, l.headers, l.data
      from ${s}.log l where l.xid = any(array(select x from pg_snapshot_xip(batch.previous) x where pg_visible_in_snapshot(x, cur)))
        and l.seq > low and l.seq <= hi and (batch.lanes is null or l.lane = any(batch.lanes))
      order by 1 limit most;
  end if;
end $$;
`

const gapSql = (s: string): string => `
create function ${s}.gap(consumer text, of_stream text, after_version bigint, most int)
returns table(seq bigint, lane smallint, stream text, version bigint, id uuid, type text, schema_version int, op "char", at timestamptz,
  traceparent text, correlation uuid, causation uuid, subject text, headers json, data json)
language plpgsql stable security definer set search_path = ${s}, pg_temp as $$
#variable_conflict use_column
begin
  return query select l.seq, l.lane, l.stream, l.version, l.id, l.type, l.schema_version, l.op, l.at, l.traceparent, l.correlation, l.causation, l.subject, l.headers, l.data
    from ${s}.log l where l.stream = gap.of_stream collate "C" and l.version > gap.after_version order by l.version limit most;
end $$;
`

const backfillSql = (s: string, q: string): string => `
-- The owner's state in key order, each row with the version of its stream at the same instant: version compare makes it commute with the log.
create function ${s}.backfill(consumer text, entity text, after_key text, most int)
returns table(key text, version bigint, data json) language plpgsql stable security definer set search_path = public, ${s}, pg_temp as $$
declare source text;
begin
  select b.query into source from ${s}.backfill_source b where b.entity = backfill.entity;
  if source is null then raise exception 'the owner offers no backfill of %', entity using errcode = 'SV004'; end if;
  return query execute format('select q.key::text, coalesce(h.version, 0), q.data::json from (%s) q
    left join %s.head h on h.stream = ($1 || ''/'' || q.key) collate "C" where $2 is null or q.key::text collate "C" > $2 order by q.key::text collate "C" limit $3', source, ${q})
    using entity, after_key, most;
end $$;
`

const acknowledgeSql = (s: string, role = withoutRole): string => `
-- What a consumer has done with: retention's low watermark, never a matter of correctness.
${role.create} function ${s}.acknowledge(consumer text, epoch int, tick bigint, seq_hi bigint, floor_seq bigint, snapshot pg_snapshot) returns void
language sql security definer set search_path = ${s}, pg_temp as $$
  update ${s}.consumer c set epoch = $2, tick = $3, seq_hi = $4, floor_seq = $5, snapshot = $6, acknowledged_at = ${s}.now()
  where c.name = $1 and c.state = 'live' and (c.epoch, c.tick) < ($2, $3)${role.atAcknowledge} $$;
`

const revokeSql = (s: string, q: string): string => `
do $$ declare f text; begin
  for f in select p.oid::regprocedure::text from pg_proc p where p.pronamespace = ${q}::regnamespace loop
    execute format('revoke execute on function %s from public', f);
  end loop;
end $$;
grant execute on function ${s}.now() to public;
`
