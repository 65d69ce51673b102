/**
 * The popular reader that we do not use: rows below the oldest running transaction, ordered by transaction id. It is here to
 * show that the race can be lost: a transaction that wrote early and published late has a lower id for a later version.
 */
import type { Scheduler } from '../../src/base/scheduler.ts'
import type { Database } from '../../src/store/database.ts'

export interface XminReader {
  /** Events that came before an earlier version of their stream. */
  readonly inversions: number
  stop(): Promise<void>
}

/** Polls every few milliseconds with a cursor of (xid, seq) until stopped. */
export function xminReader(db: Database, scheduler: Scheduler): XminReader {
  const reached = new Map<string, number>()
  const seen = { inversions: 0, xid: '0', seq: '0' }
  const task = scheduler.task('xmin reader', async () => {
    const { rows } = await db.query<{ xid: string; seq: string; stream: string; version: string }>(
      `select xid::text, seq, stream, version from selvedge.log
       where xid < pg_snapshot_xmin(pg_current_snapshot()) and (xid, seq) > ($1::xid8, $2::bigint) order by log.xid, seq limit 1000`,
      [seen.xid, seen.seq],
    )
    for (const row of rows) {
      const version = Number(row.version)
      if (version < (reached.get(row.stream) ?? 0)) seen.inversions += 1
      reached.set(row.stream, Math.max(version, reached.get(row.stream) ?? 0))
    }
    const last = rows.at(-1)
    if (last) [seen.xid, seen.seq] = [last.xid, last.seq]
    return 5
  })
  return {
    get inversions() {
      return seen.inversions
    },
    stop: () => task.stop(),
  }
}
