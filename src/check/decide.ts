/**
 * Double reads: what may be said of a key that differs, where no log tells positions.
 *
 *     unseen --differs--> witnessed --differs, owner as witnessed, deadline passed--> diverged
 *                         witnessed --differs, owner as witnessed, within deadline--> witnessed
 *                         witnessed --differs, owner changed--> witnessed anew, at most `witnessesMax` times
 *     any    --equal----> holds            and then --> inconclusive
 *
 * The owner may have changed a moment ago, so one read proves nothing. When the same owner image was there for longer
 * than the deadline and the copy still differs, the copy is not merely late. Where nobody owns (agree), no side may
 * have changed. A key that changes at each look stays inconclusive: that is no finding.
 */
import { formsOf, type KeyState, type Shape, sameImage, holds as stateHolds } from './compare.ts'

/** A key that was seen to differ. */
export interface Witness {
  readonly state: KeyState
  /** When the read that saw it had ended, on the check's clock. */
  readonly atMs: number
  /** How often the owner was seen with another image, this one included. */
  readonly count: number
}

/** When a read began and ended: time passes during it, and the doubt must never favor a finding. */
export interface ReadTimes {
  readonly beganMs: number
  readonly endedMs: number
}

/** What a look at a key says. */
export type Decision =
  | { readonly kind: 'holds' }
  | { readonly kind: 'diverged' }
  | { readonly kind: 'inconclusive' }
  | { readonly kind: 'witnessed'; readonly witness: Witness; readonly againInMs: number }

/** Three deadlines are waited for a key that keeps changing; more would hold up the whole check for one hot key. */
const witnessesMax = 3

/** Decides about one key from its witness, if any, and what was just read. */
export function decide(
  shape: Shape,
  deadlineMs: number,
  before: Witness | undefined,
  state: KeyState,
  times: ReadTimes,
): Decision {
  if (stateHolds(shape, state)) return { kind: 'holds' }
  if (before === undefined) return witnessed(state, times.endedMs, 1, deadlineMs)
  if (!isSteady(shape, before.state, state)) {
    if (before.count >= witnessesMax) return { kind: 'inconclusive' }
    return witnessed(state, times.endedMs, before.count + 1, deadlineMs)
  }
  const seenForMs = times.beganMs - before.atMs
  if (seenForMs >= deadlineMs) return { kind: 'diverged' }
  return { kind: 'witnessed', witness: before, againInMs: deadlineMs - seenForMs }
}

/** Whether those who must not have changed between two reads did not: the owner, or where nobody owns, everybody. */
function isSteady(shape: Shape, before: KeyState, now: KeyState): boolean {
  const sides = shape.relation.kind === 'replicaOf' ? [0] : now.images.map((_, s) => s)
  return sides.every(
    (s) => before.stamps[s] === now.stamps[s] && sameImage(formsOf(shape), before.images[s] ?? [], now.images[s] ?? []),
  )
}

function witnessed(state: KeyState, atMs: number, count: number, againInMs: number): Decision {
  return { kind: 'witnessed', witness: { state, atMs, count }, againInMs }
}
