/** A log and a reader with nothing to do, on a server of their own, so that every transaction id and byte of WAL is theirs. */
import { systemScheduler } from '../../src/base/scheduler.ts'
import { upkeepLog } from '../../src/log/log.ts'
import { publish } from '../../src/outbox/outbox.ts'
import type { Database } from '../../src/store/database.ts'
import { startEmbedded } from '../../src/store/embedded.ts'
import { findEmbeddedPackage, findOnPath } from '../../src/store/embedded-package.ts'
import { openDatabase } from '../../src/store/postgres.ts'
import { databaseUrl } from '../../src/store/server.ts'
import { waitFor } from '../support/wait-for.ts'
import { countInCopy, countingConsumer, ItemMoved, startOwner, startReader } from './shop.ts'

/** No vacuum and no checkpoint of its own accord: what is written then is written by us. */
const settings = { autovacuum: 'off', checkpoint_timeout: '1h', max_wal_size: '4GB' }
/** Longer than any test: the first beat is the only one. */
const neverMs = 86_400_000

/** What an idle stretch cost. */
export interface Cost {
  readonly transactionIds: number
  readonly walBytes: number
  readonly beats: number
}

/** What was measured. */
export interface Idle {
  readonly withoutBeats: Cost
  readonly withBeats: Cost
  /** Milliseconds from commit to effect of the first event after a pause, published in the ticking process. */
  readonly firstMs: readonly number[]
  /** The same, published by a process that does not tick. */
  readonly fromElsewhereMs: readonly number[]
  readonly pollMs: number
}

interface Books {
  readonly xid: number
  readonly lsn: number
}

/** How often a reader looks of its own accord while what it costs is measured: it prunes the pages that it looks at. */
const pollMsWhileIdle = 250

/** How long to idle, and how often the reader of the first events looks of its own accord. */
export interface Asked {
  readonly forMs: number
  readonly pollMs?: number
}

/** Idles for `forMs` without beats and half as long with them, then publishes after each of some pauses. */
export async function idle({ forMs, pollMs = pollMsWhileIdle }: Asked): Promise<Idle> {
  const server = await startEmbedded((findEmbeddedPackage() ?? findOnPath())!, { settings })
  const databases: Database[] = []
  const open = (name: string, max = 4): Database => {
    const database = openDatabase(databaseUrl(server.url, name), { max })
    databases.push(database)
    return database
  }
  try {
    const admin = open('postgres', 1)
    for (const name of ['owner', 'reader']) await admin.query(`create database ${name}`)
    return await measured({ forMs, pollMs, admin, db: open('owner'), elsewhere: open('owner'), own: open('reader') })
  } finally {
    await Promise.all(databases.map((database) => database.close()))
    await server.stop()
  }
}

interface Parts {
  readonly forMs: number
  readonly pollMs: number
  readonly admin: Database
  readonly db: Database
  readonly elsewhere: Database
  readonly own: Database
}

async function measured({ forMs, pollMs, admin, db, elsewhere, own }: Parts): Promise<Idle> {
  const owner = await startOwner(db)
  owner.scheduler.task('upkeep', () => upkeepLog(db))
  await own.query(
    'create table copy(stream text primary key, n bigint not null, last bigint not null, disorder bigint not null default 0)',
  )
  const appliedAt: number[] = []
  const counting = countingConsumer('copy', (tx, event) => {
    tx.afterCommit(() => appliedAt.push(performance.now()))
    return countInCopy(tx, event)
  })
  const read = (beatMs: number, every = pollMsWhileIdle) =>
    startReader({ source: db, own }, counting, { ticks: owner.ticker.ticked, pollMs: every, beatMs })
  const quiet = await read(neverMs)
  const first = async (from: Database): Promise<number> => {
    // Past the looks that follow a tick, so that the ticker is at its slowest.
    await systemScheduler().sleep(700)
    const [before, done] = [appliedAt.length, from.transaction((tx) => publish(tx, ItemMoved, { item: 'one' }))]
    await done
    const committedAt = performance.now()
    return (await waitFor(() => appliedAt[before], { within: 20_000, every: 1, what: 'the event' })) - committedAt
  }
  await first(db)
  const withoutBeats = await costOf({ admin, db }, () => 0, forMs)
  const times = async (from: Database): Promise<number[]> => {
    const all: number[] = []
    for (let i = 0; i < 5; i++) all.push(await first(from))
    return all.sort((a, b) => a - b)
  }
  await quiet.stop()
  const awaiting = await read(neverMs, pollMs)
  const firstMs = await times(db)
  const fromElsewhereMs = await times(elsewhere)
  await awaiting.stop()
  const beating = await read(1_000)
  await first(db)
  const withBeats = await costOf({ admin, db }, () => beating.members.beats, forMs / 2)
  await beating.stop()
  await owner.stop()
  return { withoutBeats, withBeats, firstMs, fromElsewhereMs, pollMs }
}

async function costOf({ admin, db }: Pick<Parts, 'admin' | 'db'>, beats: () => number, forMs: number): Promise<Cost> {
  // Positions and acknowledgements of what came before are stored within a second, or later on a busy machine.
  await waitFor(() => isAcknowledged(db), { within: 20_000, every: 50, what: 'what came before to be stored' })
  // Who looks at the changed rows first prunes their pages, which is written down without a transaction: all look once a second.
  await systemScheduler().sleep(2_000)
  await admin.query('checkpoint')
  const before = await afterBeat(beats, () => booksOf(admin))
  const beatsBefore = beats()
  await systemScheduler().sleep(forMs)
  const after = await afterBeat(beats, () => booksOf(admin))
  return { transactionIds: after.xid - before.xid, walBytes: after.lsn - before.lsn, beats: beats() - beatsBefore }
}

async function isAcknowledged(db: Database): Promise<boolean> {
  const { rows } = await db.query<{ done: boolean }>(
    'select bool_and(c.tick = (select max(id) from selvedge.tick)) as done from selvedge.consumer c',
  )
  return rows[0]?.done === true
}

/** Looks right after a beat, when the next is a second away: one under way would be in the books and not yet counted, or the reverse. */
async function afterBeat<T>(beats: () => number, look: () => Promise<T>): Promise<T> {
  const known = beats()
  if (known > 0) await waitFor(() => beats() > known, { within: 20_000, what: 'a beat' })
  return look()
}

async function booksOf(admin: Database): Promise<Books> {
  const { rows } = await admin.query<{ xid: string; lsn: string }>(
    `select pg_snapshot_xmax(pg_current_snapshot())::text as xid, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as lsn`,
  )
  return { xid: Number(rows[0]?.xid), lsn: Number(rows[0]?.lsn) }
}
