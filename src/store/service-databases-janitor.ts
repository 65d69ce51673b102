/**
 * A program of its own: sweeps what dead runs left on a given server, holds this run's lock, and drops this run's
 * databases and roles when its stdin ends, which it does however the parent ends.
 */
import { createInterface } from 'node:readline'
import { retry } from '../base/retry.ts'
import type { Database } from './database.ts'
import { quoteIdentifier, quoteLiteral } from './identifier.ts'
import { openDatabase } from './postgres.ts'
import type { JanitorOrder } from './service-databases.ts'

/** The first half of our advisory lock; the second is the run. Any number that others do not use: "selv" in ASCII. */
const lockSpace = 0x73656c76

/** Four at a time: dropping waits for a checkpoint, which several share, and a server's connections are not ours to use up. */
const dropsAtOnce = 4

/** A server that restarts answers again within a second or two; one that is gone for longer is left to the next run. */
const attempts = 5

const lines = createInterface({ input: process.stdin })
const end = new Promise<void>((resolve) => lines.once('close', resolve))
const order = await new Promise<JanitorOrder>((resolve) => lines.once('line', (line) => resolve(JSON.parse(line))))

/** One session of its own, never closed while idle: the lock lives as long as it does. */
const guard = openDatabase(order.url, { max: 1, applicationName: `${order.prefix}_${order.run}_janitor` })
try {
  await guard.query(`select pg_advisory_lock(${lockSpace}, ${lockNumber(order.run)})`)
  // What a run under another user left may not be ours to drop: that is no reason not to start.
  for (const run of await deadRuns(guard, order.prefix))
    await dropRun(order.url, `${order.prefix}_${run}`).catch(() => undefined)
  console.log('ready')
  await end
  await retry(() => dropRun(order.url, `${order.prefix}_${order.run}`), { attempts })
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
} finally {
  // A pipe that is still open would keep a janitor alive that has nothing left to wait for.
  process.stdin.destroy()
  await guard.close()
}

/** Runs of whom something is left, and whose lock and sessions are gone. */
async function deadRuns(db: Database, prefix: string): Promise<string[]> {
  const { rows } = await db.query<{ run: string }>(
    `select distinct run from (
       select substring(name from $1) as run from (select datname::text from pg_database union select rolname::text from pg_roles) as left_behind(name)
     ) as found
     where run is not null and not exists (
       select from pg_stat_activity where starts_with(datname, $2 || run || '_') or starts_with(usename, $2 || run || '_')
     )`,
    [`^${prefix}_([0-9a-f]{8})_`, `${prefix}_`],
  )
  const held = await db.query<{ number: string }>(
    "select objid::text as number from pg_locks where locktype = 'advisory' and objsubid = 2 and classid = $1::bigint::oid and granted",
    [lockSpace],
  )
  const alive = new Set(held.rows.map((row) => row.number))
  return rows.map((row) => row.run).filter((run) => !alive.has(String(Number.parseInt(run, 16))))
}

/**
 * First the sessions that create: a killed parent's CREATE DATABASE would go on and leave what nobody lists any more.
 * Then databases, then roles: a role cannot go while a database still grants it something.
 */
async function dropRun(url: string, name: string): Promise<void> {
  const db = openDatabase(url, { max: dropsAtOnce })
  try {
    const left = async (table: string, column: string) => {
      const { rows } = await db.query<{ name: string }>(
        `select ${column} as name from ${table} where starts_with(${column}, ${quoteLiteral(`${name}_`)})`,
      )
      return rows.map((row) => quoteIdentifier(row.name))
    }
    await db.query('select pg_terminate_backend(pid, 1000) from pg_stat_activity where application_name = $1', [name])
    await Promise.all(
      (await left('pg_database', 'datname')).map((database) =>
        db.query(`drop database if exists ${database} with (force)`),
      ),
    )
    await Promise.all((await left('pg_roles', 'rolname')).map((role) => db.query(`drop role if exists ${role}`)))
  } finally {
    await db.close()
  }
}

/** Advisory locks take signed numbers of 32 bits, and pg_locks shows them unsigned. */
function lockNumber(run: string): number {
  return Number.parseInt(run, 16) | 0
}
