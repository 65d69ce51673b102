/** The owner's tables: what a service writes when it publishes, and how its log is cut into ticks. */

/** Lanes are fixed when the log is made: 8 keeps position rows few, and one process can own them all. */
const lanesDefault = 8

/** Rows of one partition. Retention drops whole partitions: a million rows is about a gigabyte at a kilobyte each. */
const partitionRows = 1_000_000

export const ownerTablesSql = (s: string): string => `
create sequence ${s}.log_seq cache 1; -- a cache would let sequence order and stream order part

create function ${s}.lanes() returns int language sql immutable parallel safe as $$ select ${lanesDefault} $$;
create function ${s}.partition_rows() returns bigint language sql immutable parallel safe as $$ select ${partitionRows}::bigint $$;

-- One row per stream: its lock, its dense version, and its lane for life (whatever the hash function becomes).
create table ${s}.head(
  stream text collate "C" primary key, version bigint not null, lane smallint not null) with (fillfactor = 70);

create table ${s}.log(
  seq bigint not null, xid xid8 not null, version bigint not null, at timestamptz not null default ${s}.now(), id uuid not null,
  schema_version int not null, lane smallint not null, op "char" not null default 'e', stream text collate "C" not null, type text not null,
  traceparent text, correlation uuid, causation uuid, subject text, headers json, data json not null,
  primary key (seq)) partition by range (seq);
create index log_xid on ${s}.log(xid);
create index log_stream on ${s}.log(stream, version);

-- A tick is a consistent cut: what is visible in \`snapshot\`. seq_lo was read before its xid was drawn, seq_hi after its snapshot.
create table ${s}.tick(
  id bigint primary key, xid xid8 not null, seq_lo bigint not null, seq_hi bigint not null, floor_seq bigint not null,
  at timestamptz not null default ${s}.now(), snapshot pg_snapshot not null);
create index tick_xid on ${s}.tick(xid) include (seq_lo);
create index tick_seq on ${s}.tick(seq_hi, id);

create table ${s}.epoch(
  epoch int primary key, system_identifier text, sealed_seq bigint not null default 0, reason text not null, at timestamptz not null default ${s}.now());
insert into ${s}.epoch(epoch, system_identifier, reason) values (1, null, 'created');

-- From its row here on, a consumer gets every event once, or is visibly parked or in need of a snapshot.
create table ${s}.consumer(
  name text primary key, service text not null, state text not null default 'live' check (state in ('live', 'needs_snapshot')),
  epoch int not null, tick bigint not null, seq_hi bigint not null, floor_seq bigint not null, snapshot pg_snapshot not null,
  registered_at timestamptz not null default ${s}.now(), acknowledged_at timestamptz not null default ${s}.now()) with (fillfactor = 50);

-- The digest of each schema that was ever used for writing: a changed schema under an old number is refused at start.
create table ${s}.contract(
  type text not null, schema_version int not null, digest text not null, at timestamptz not null default ${s}.now(), primary key (type, schema_version));

-- What retention has dropped: a position below it can only go on from a snapshot.
create table ${s}.retained(one boolean primary key default true check (one), from_seq bigint not null);
insert into ${s}.retained(from_seq) values (1);

-- How an owner tells its state to those who start late: a query per entity with columns key and data.
create table ${s}.backfill_source(entity text primary key, query text not null);
`
