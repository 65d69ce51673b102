/**
 * The bookkeeping of copies, in the copying service's database. The user's own table holds what the user keeps and
 * nothing of ours; README.md says what that costs.
 */
import type { MigrationSet } from '../store/migrate.ts'

const tables = (s: string): string => `
create table ${s}.replica(
  name text primary key, service text not null, entity text not null, table_name text not null, key_column text not null,
  columns json not null, -- field to column, for those who compare or explain the copy
  fields text[] not null, -- every field ever kept, in the order in which replica_row.versions counts them: appended to, never reordered
  is_owner_only boolean not null, on_delete text not null, consumer text not null, at timestamptz not null default ${s}.now());

-- One row per copied row. A deleted row keeps it, or else a late message would bring the row back.
-- It exists at the owner while alive > deleted.
create table ${s}.replica_row(
  replica text collate "C" not null, key text collate "C" not null,
  alive bigint not null default -1, deleted bigint not null default -1, erased bigint not null default -1,
  deleted_counter bigint not null default -1, erased_counter bigint not null default -1,
  counter bigint not null default 0, -- the largest seen: the next local change goes above it
  removed bigint not null default -1, resolved bigint not null default -1, -- which deletion a person resolved, and whether by removing the row
  resolved_by text, resolved_reason text,
  cut bigint not null default 0, seen bigint not null default 0, -- epoch and tick of its newest change; the number of the last refresh that told it
  changed_at timestamptz, versions bigint[] not null default '{}',
  primary key (replica, key)) with (fillfactor = 75);
-- Only columns that deletions change: a predicate on the version would keep every update from being heap-only.
create index replica_row_deleted on ${s}.replica_row(replica, key) where deleted >= 0;

-- Only for replicas that several may write: the newest that each source said of each field.
create table ${s}.replica_candidate(
  replica text collate "C" not null, key text collate "C" not null, field text collate "C" not null, source text collate "C" not null,
  service text not null, writer text, from_owner boolean not null, version bigint not null, counter bigint not null,
  is_stamped boolean not null, is_withdrawn boolean not null, id text not null, value jsonb,
  primary key (replica, key, field, source)) with (fillfactor = 75);
create index replica_candidate_source on ${s}.replica_candidate(replica, source);

-- Values that lost: what a person asks for who says "but I changed it".
create table ${s}.replica_conflict(
  replica text collate "C" not null, key text collate "C" not null, field text collate "C" not null, source text collate "C" not null,
  version bigint not null, counter bigint not null, value jsonb, id text not null, writer text,
  policy text not null, won_by text, won_value jsonb, at timestamptz not null default ${s}.now(),
  primary key (replica, key, field, source, version));
create index replica_conflict_at on ${s}.replica_conflict(replica, at);
`

export const replicaMigrations: MigrationSet = {
  folder: 'replica',
  migrations: [{ number: 1, name: 'tables', sql: tables }],
}
