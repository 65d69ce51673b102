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

/** The version that a stream has reached at a consumer that takes messages. */
export interface AppliedFact {
  readonly version: number
  /** How many transactions ago it was stored: in the transaction of the handler. */
  readonly age: number
}

/** What a replica's book says of one row. */
export interface BookFact {
  /** How many transactions ago it was kept: in the transaction that writes the row, and outside of any savepoint. */
  readonly age: number
  /** The newest version that was taken: told, deleted or erased; 0 where only a refresh told it. */
  readonly version: number
  /** Whether the book says that the row is in the table. */
  readonly hasRow: boolean
}

/** The book of the replica whose table the copy is. */
export interface Book {
  /** Whether the owner's word alone counts: only then is the replica bound to hold what the owner's log says. */
  readonly isOwnerOnly: boolean
  /** By key text. */
  readonly rows: ReadonlyMap<string, BookFact>
}

/** What the copy's database says. */
export interface CopyEvidence {
  readonly nowMs: number
  readonly positions: readonly PositionFact[]
  /** By stream: several consumers may have set it aside. */
  readonly parked: ReadonlyMap<string, readonly ParkedFact[]>
  /** By stream, newest version first. */
  readonly skipped: ReadonlyMap<string, readonly SkippedFact[]>
  /** What each stream has reached, by consumer, of those that take messages; where there are none the positions alone decide. */
  readonly applied: ReadonlyMap<string, ReadonlyMap<string, AppliedFact>>
  /** Undefined where the copy is no replica, or its book cannot be read. */
  readonly book: Book | undefined
  /** How many transactions ago each of the copy's rows was written, by `rowText` of its key; empty for a query. */
  readonly rowAges: ReadonlyMap<string, number>
}

/** Whether a position is past an event. */
export function covers(position: PositionFact, event: Pick<EventFact, 'xid' | 'seq'>): boolean {
  const { previous, inside } = position
  if (isVisible(event.xid, previous)) return true
  return inside !== undefined && event.seq <= inside.seq && isVisible(event.xid, inside.snapshot)
}
