/** Whether others are at work on a server, told from what its counters say between two questions. */

/** Counters that only grow, and the server's own time in seconds. */
export interface Counted {
  /** Counters that are known at once. */
  readonly prompt: readonly number[]
  /** Counters to which sessions add what they did a second late; none where all are prompt. */
  readonly late?: readonly number[]
  readonly seconds: number
}

/** Events a second from which on a server has users that would feel a scan. */
const perSecondBusy = 20
/** Fewer than these within a moment are no sign of anything. */
const eventsLeast = 5
/** What was done in one second may be added to a late counter in the next: it is read over more than that. */
const lateSecondsLeast = 3

/** A gauge over counters; its first answer is always false. It never rejects. */
export function gaugeOf(count: () => Promise<Counted>): () => Promise<boolean> {
  let before: Counted | undefined
  let beforeLate: Counted | undefined
  let isLateBusy = false
  return async () => {
    const now = await count().catch(() => undefined)
    if (now === undefined) return isLateBusy
    const isBusy = before !== undefined && isFast(before.prompt, now.prompt, now.seconds - before.seconds)
    before = now
    beforeLate ??= now
    const seconds = now.seconds - beforeLate.seconds
    if (seconds >= lateSecondsLeast) {
      isLateBusy = isFast(beforeLate.late ?? [], now.late ?? [], seconds)
      beforeLate = now
    }
    return isBusy || isLateBusy
  }
}

function isFast(before: readonly number[], now: readonly number[], seconds: number): boolean {
  if (seconds <= 0) return false
  return now.some((value, i) => {
    const grown = value - (before[i] ?? value)
    return grown >= eventsLeast && grown / seconds > perSecondBusy
  })
}
