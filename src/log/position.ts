/**
 * How far a reader is in an owner's log: everything visible in `previous` is done and, while `inside` a tick, of what is new in
 * that tick everything up to `inside.seq`. A tick that is only partly read stays pinned: read against a later one, the same
 * sequence number would skip events that became visible with smaller ones.
 */

/** A tick as readers need it: a consistent cut of the log. */
export interface Cut {
  readonly tick: number
  readonly snapshot: string
  readonly seqHi: number
  readonly floorSeq: number
}

export interface Position {
  readonly epoch: number
  readonly previous: Cut
  readonly inside?: Cut & { readonly seq: number }
}

/** Where a reader stands after `lastSeq` of `cut`; `complete` says that the cut held no more. */
export function positionAfter(
  position: Position,
  cut: Cut,
  read: { readonly complete: boolean; readonly lastSeq: number },
): Position {
  if (read.complete) return { epoch: position.epoch, previous: cut }
  return { epoch: position.epoch, previous: position.previous, inside: { ...cut, seq: read.lastSeq } }
}

/** Two lanes at the same position are read together; this is what makes positions equal. */
export function positionKey(position: Position): string {
  return `${position.epoch}/${position.previous.tick}/${position.inside ? `${position.inside.tick}/${position.inside.seq}` : ''}`
}

/** A row of `position` as the driver gives it. */
export interface PositionRow {
  readonly lane: number
  readonly n: string
  readonly epoch: number
  readonly tick: string
  readonly previous: string
  readonly seq_hi: string
  readonly floor_seq: string
  readonly current: string | null
  readonly current_tick: string | null
  readonly current_seq_hi: string | null
  readonly current_floor_seq: string | null
  readonly seq: string | null
}

/** The position of a row. */
export function positionOf(row: PositionRow): Position {
  const previous = {
    tick: Number(row.tick),
    snapshot: row.previous,
    seqHi: Number(row.seq_hi),
    floorSeq: Number(row.floor_seq),
  }
  if (row.current === null) return { epoch: row.epoch, previous }
  const inside = {
    tick: Number(row.current_tick),
    snapshot: row.current,
    seqHi: Number(row.current_seq_hi),
    floorSeq: Number(row.current_floor_seq),
    seq: Number(row.seq),
  }
  return { epoch: row.epoch, previous, inside }
}

/** The arguments of `advance` after the lanes: epoch to seq. */
export function positionValues(position: Position): unknown[] {
  const { previous, inside } = position
  return [
    position.epoch,
    previous.tick,
    previous.snapshot,
    previous.seqHi,
    previous.floorSeq,
    inside?.snapshot ?? null,
    inside?.tick ?? null,
    inside?.seqHi ?? null,
    inside?.floorSeq ?? null,
    inside?.seq ?? null,
  ]
}
