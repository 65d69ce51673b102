/**
 * Builds the tables of work C where they are missing: `node check/build.ts [postgres] [mariadb]`, both by default.
 *
 * MariaDB is filled with what PostgreSQL prints of the owner's table, so that the two hold the same rows.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { mariadb, type Server } from '../lib/mariadb.ts'
import { port } from '../lib/server.ts'
import { copyOf, differences, lostParents, owner, parents, rows, run } from './work.ts'

/** The owner and its copies in PostgreSQL. */
export async function buildPostgres(): Promise<void> {
  const { rows: found } = await run('postgres', 'select datname from pg_database')
  const names = new Set(found.map((row: { datname: string }) => row.datname))
  if (!names.has(owner)) {
    await run('postgres', `create database ${owner}`)
    await run(owner, ...ownerTables)
  }
  for (const differing of differences) {
    const copy = copyOf(differing)
    if (names.has(copy)) continue
    await run('postgres', `create database ${copy} template ${owner}`)
    if (differing === 0) continue
    await run(copy, spoiling(differing), `delete from parent where id <= ${lostParents(differing)}`, 'vacuum analyze')
  }
  await run('postgres', 'checkpoint')
}

const ownerTables = [
  `create table t(id bigint primary key, email text not null, name text not null, updated_at timestamptz not null, balance numeric(12,2) not null, attrs jsonb not null)`,
  `insert into t select i, 'user' || i || '@example.org', 'Learner ' || md5(i::text), timestamptz '2026-01-01 00:00:00Z' + (i * interval '17 seconds'),
     (i::bigint * 37 % 1000000) / 100.0, jsonb_build_object('plan', (array['free', 'pro', 'team'])[1 + i % 3], 'score', i % 997, 'tags', jsonb_build_array('a' || i % 7, 'b' || i % 11))
   from generate_series(1, ${rows}) i`,
  'create table parent(id bigint primary key, name text not null)',
  `insert into parent select i, 'parent ' || i from generate_series(1, ${parents}) i`,
  'create table child(id bigint primary key, parent_id bigint not null, note text not null)',
  `insert into child select i, i::bigint * 7919 % ${parents} + 1, 'child ' || i from generate_series(1, ${rows}) i`,
  'vacuum (analyze, freeze)',
]

/** Scattered differences, as in the reference's `C-diff/setup.sh`. */
const spoiling = (differing: number): string => `
  with s as (select k, (k::bigint * ${rows / differing} - 7) as id from generate_series(1, ${differing}) k),
    u as (update t set email = 'changed' || t.email from s where s.id = t.id and k % 10 < 6),
    d as (delete from t using s where s.id = t.id and k % 10 in (6, 7))
  insert into t select ${rows} + k, 'extra' || k || '@example.org', 'Extra', timestamptz '2026-01-01Z', 1, '{}' from s where k % 10 in (8, 9)`

/** The same in MariaDB: the owner on the first server, the copies on the second. */
export function buildMariadb(): void {
  const missing = [
    { server: 'owner' as Server, name: owner, differing: 0 },
    ...differences.map((differing) => ({ server: 'copy' as Server, name: copyOf(differing), differing })),
  ].filter(({ server, name }) => !mariadb(server, 'show databases').split('\n').includes(name))
  if (missing.length === 0) return
  const folder = mkdtempSync(join(tmpdir(), 'selvedge-bench-rows-'))
  const file = join(folder, 'rows')
  const list = `id, email, name, to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), balance, attrs`
  const psql = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-d', owner, '-q']
  execFileSync('psql', [...psql, '-c', `\\copy (select ${list} from t order by id) to '${file}'`])
  for (const { server, name, differing } of missing) {
    mariadb(
      server,
      `create database ${name}; use ${name};
       create table t(id bigint primary key, email varchar(100) not null, name varchar(100) not null, updated_at datetime(6) not null, balance decimal(12,2) not null, attrs text not null) engine=innodb;
       set unique_checks = 0, time_zone = '+00:00';
       load data local infile '${file}' into table t character set utf8mb4;
       ${differing === 0 ? '' : spoilingMariadb(differing)}
       analyze table t`,
    )
  }
  rmSync(folder, { recursive: true })
}

const spoilingMariadb = (differing: number): string => {
  const spoiled = `t join seq_1_to_${differing} s on t.id = s.seq * ${rows / differing} - 7`
  return `
    update ${spoiled} set email = concat('changed', email) where s.seq mod 10 < 6;
    delete t from ${spoiled} where s.seq mod 10 in (6, 7);
    insert into t select ${rows} + seq, concat('extra', seq, '@example.org'), 'Extra', '2026-01-01', 1, '{}' from seq_1_to_${differing} where seq mod 10 in (8, 9);`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const asked = process.argv.slice(2)
  if (asked.length === 0 || asked.includes('postgres')) await buildPostgres()
  if (asked.length === 0 || asked.includes('mariadb')) buildMariadb()
}
