/** What owner and copy say of some streams, as plain data. Each side's part is read in the snapshot of its rows. */
import { isVisible, type Snapshot } from './snapshot.ts'

/** One event of a stream, as the owner's log has it. */
export interface EventFact {
  readonly version: number
  readonly seq: bigint
  readonly xid: bigint
  readonly lane: number
  /** `e`vent, state `u`pdate, tombstone `d`, erasure `x`. */
  readonly op: string
  readonly type: string
  readonly schemaVersion: number
  readonly atMs: number
  readonly data: unknown
}

/** A stream in the owner's log: its last version and its newest events, newest first. */
export interface StreamFact {
  readonly version: number
  readonly events: readonly EventFact[]
}

/** What the owner's database says. */
export interface OwnerEvidence {
  /** The owner's time, as its SQL tells it. */
  readonly nowMs: number
  readonly epoch: number
  /** The newest stored tick that was visible together with the rows. */
  readonly tick: { readonly id: number; readonly atMs: number; readonly snapshot: Snapshot } | undefined
  readonly streams: ReadonlyMap<string, StreamFact>
}

/** How far one consumer is in one lane. */
export interface PositionFact {
  readonly consumer: string
  readonly lane: number
  readonly epoch: number
  /** Everything visible here is done. */
  readonly previous: Snapshot
  /** While inside a tick: of what is visible here, everything up to `seq` is done too. */
  readonly inside: { readonly snapshot: Snapshot; readonly seq: bigint } | undefined
  /** How many transactions ago the position was written. */
  readonly age: number
}

/** A stream that waits at the copy. */
export interface ParkedFact {
  readonly consumer: string
  readonly state: 'retrying' | 'parked'
  readonly code: string
  readonly message: string
  readonly version: number | undefined
  readonly sinceMs: number
}

/** An event that a person left out. */
export interface SkippedFact {
  readonly consumer: string
  readonly version: number
  readonly by: string
  readonly reason: string
}

/** What the copy's database says. */
export interface CopyEvidence {
  readonly nowMs: number
  readonly positions: readonly PositionFact[]
  readonly parked: ReadonlyMap<string, ParkedFact>
  readonly skipped: ReadonlyMap<string, SkippedFact>
  /** The version that each stream reached, where messages come by hints; undefined where the position alone decides. */
  readonly applied: ReadonlyMap<string, { readonly version: number; readonly age: number }> | undefined
  /** How many transactions ago a replica last kept book of each row, by key text: in the transaction that writes the row. */
  readonly bookAges: ReadonlyMap<string, number>
  /** How many transactions ago each of the copy's rows was written, by `rowText` of its key; empty for a query. */
  readonly rowAges: ReadonlyMap<string, number>
}

/** Whether a position is past an event. */
export function covers(position: PositionFact, event: Pick<EventFact, 'xid' | 'seq'>): boolean {
  const { previous, inside } = position
  if (isVisible(event.xid, previous)) return true
  return inside !== undefined && event.seq <= inside.seq && isVisible(event.xid, inside.snapshot)
}
