/** PostgreSQL's snapshots as text (`xmin:xmax:xip,…`), so that what a position covers can be decided without a server. */

/** Transactions below `low` are done, those from `high` on are not, and in between those in `open` are not. */
export interface Snapshot {
  readonly low: bigint
  readonly high: bigint
  readonly open: ReadonlySet<bigint>
}

/** Reads the text of a `pg_snapshot`. */
export function parseSnapshot(text: string): Snapshot {
  const [low = '0', high = '0', open = ''] = text.split(':')
  return { low: BigInt(low), high: BigInt(high), open: new Set(open === '' ? [] : open.split(',').map(BigInt)) }
}

/** What `pg_visible_in_snapshot` says. */
export function isVisible(xid: bigint, snapshot: Snapshot): boolean {
  return xid < snapshot.low || (xid < snapshot.high && !snapshot.open.has(xid))
}
