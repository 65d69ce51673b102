/** The inbox's tables, in the consumer's database: streams that wait, their events in order, and who skipped what. */
import type { MigrationSet } from '../store/migrate.ts'

const parkingSql = (s: string): string => `
create table ${s}.parked_stream(
  consumer text not null, source text not null, stream text collate "C" not null, lane smallint not null,
  state text not null check (state in ('retrying', 'parked')), attempts int not null, next_try timestamptz not null, error jsonb not null,
  at timestamptz not null default ${s}.now(), primary key (consumer, source, stream));
create table ${s}.parked_event(
  consumer text not null, source text not null, stream text collate "C" not null, version bigint not null, event json not null,
  at timestamptz not null default ${s}.now(), primary key (consumer, source, stream, version),
  foreign key (consumer, source, stream) references ${s}.parked_stream);
create table ${s}.skipped_event(
  consumer text not null, source text not null, stream text collate "C" not null, version bigint not null, event json not null,
  by text not null, reason text not null, at timestamptz not null default ${s}.now(), primary key (consumer, source, stream, version));

-- For transports that may lose, double or reorder: the version that each stream has reached. Dense versions make it complete.
create table ${s}.applied(
  consumer text not null, source text not null, stream text collate "C" not null, lane smallint not null, version bigint not null,
  tick bigint not null, at timestamptz not null default ${s}.now(), primary key (consumer, source, stream)) with (fillfactor = 70);
`

const startedSql = (s: string): string => `
-- What was begun and not finished, by the first event of a batch: a handler that ends its process leaves nothing else.
create table ${s}.started(
  consumer text not null, source text not null, stream text collate "C" not null, version bigint not null, starts int not null,
  at timestamptz not null default ${s}.now(), primary key (consumer, source, stream));
`

export const inboxMigrations: MigrationSet = {
  folder: 'inbox',
  migrations: [
    { number: 1, name: 'parking', sql: parkingSql },
    { number: 2, name: 'started', sql: startedSql },
  ],
}
