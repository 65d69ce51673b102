/**
 * Which checks run now, and until when to wait.
 *
 * Invariants of one schedule form a lane. All lanes that are due run as one check: the databases are in production, so
 * there is never a second run beside it. A lane whose time came while another check ran is due at once after it, one
 * time, however many occurrences went by; the same rule catches up after a machine slept.
 */

/** Invariants that share a schedule. */
export interface Lane {
  readonly schedule: string
  readonly invariants: readonly string[]
  /** When it is due next, in milliseconds since 1970. */
  readonly dueMs: number
}

/** A lane that runs now. */
export interface DueLane extends Lane {
  /** How late it starts: above a moment it had to wait for another run, or the process was away. */
  readonly delayMs: number
  /** When it is due after this run. */
  readonly nextDueMs: number
}

/** What to do at a moment. */
export interface RunDecision {
  /** All lanes as they stand after this decision. */
  readonly lanes: readonly Lane[]
  readonly due: readonly DueLane[]
  /** Milliseconds until the first lane is due; 0 when one is due now. */
  readonly waitMs: number
}

/** What answers for the schedules: the first occurrence of a lane's schedule after a moment. */
export type NextMs = (lane: Pick<Lane, 'schedule'>, afterMs: number) => number

/** A timer counts the time that the machine is awake, and clocks are set: so the clock is looked at once a minute. */
const waitMsMax = 60_000

/**
 * Decides for all lanes at once.
 *
 * A lane that is due later than its schedule's next occurrence from now is brought forward: the clock was set back.
 */
export function decideRun(lanes: readonly Lane[], nowMs: number, nextMs: NextMs): RunDecision {
  const due = lanes.flatMap((lane): DueLane[] => {
    if (lane.dueMs > nowMs) return []
    const following = nextMs(lane, lane.dueMs)
    return [{ ...lane, delayMs: nowMs - lane.dueMs, nextDueMs: following > nowMs ? following : nextMs(lane, nowMs) }]
  })
  const after = lanes.map((lane): Lane => {
    const running = due.find(({ schedule }) => schedule === lane.schedule)
    return { ...lane, dueMs: running?.nextDueMs ?? Math.min(lane.dueMs, nextMs(lane, nowMs)) }
  })
  const firstMs = after.reduce((soonest, lane) => Math.min(soonest, lane.dueMs), Infinity)
  return { lanes: after, due, waitMs: due.length > 0 ? 0 : Math.min(waitMsMax, firstMs - nowMs) }
}

/**
 * When a lane is due first. Without a run before it is due at once; else at its next occurrence after that run, which
 * may have passed while the watcher was away: then it is due at once, one time.
 */
export function firstDue(
  lane: Omit<Lane, 'dueMs'>,
  facts: { readonly nowMs: number; readonly lastStartedMs: number | undefined },
  nextMs: NextMs,
): Lane {
  const { nowMs, lastStartedMs } = facts
  // A run that lies in the future of this clock says nothing about when the next is due.
  if (lastStartedMs === undefined || lastStartedMs > nowMs) return { ...lane, dueMs: nowMs }
  return { ...lane, dueMs: nextMs(lane, lastStartedMs) }
}
