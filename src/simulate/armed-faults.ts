/**
 * Chooses the fault that hits a delivery. Holds the message faults of a plan in plan order; a fault is armed from its
 * action on, lets its `ordinal` of matching deliveries pass and is spent on the next. Each delivery is hit by one fault
 * at most; every armed fault counts it.
 */
import { isMessageFault, type MessageFault } from './fault.ts'
import type { Plan } from './plan.ts'

/** A fault and its place in the plan. */
export interface PlannedFault {
  readonly fault: MessageFault
  readonly place: number
}

interface Waiting extends PlannedFault {
  toPass: number
}

/** The message faults that have not hit yet. */
export class ArmedFaults {
  /** Sorted by the action they start at, so that only the armed ones are looked at. */
  #waiting: Waiting[]

  constructor(plan: Plan) {
    this.#waiting = plan.faults
      .flatMap((fault, place) => (isMessageFault(fault) ? [{ fault, place, toPass: fault.ordinal }] : []))
      .sort((a, b) => a.fault.at - b.fault.at || a.place - b.place)
  }

  /** The fault that this change-carrying delivery of kind `about` meets during `action`; undefined when it passes. */
  take(action: number, about: string): PlannedFault | undefined {
    let chosen: Waiting | undefined
    for (const waiting of this.#waiting) {
      if (waiting.fault.at > action) break
      if (waiting.fault.about !== undefined && waiting.fault.about !== about) continue
      if (waiting.toPass > 0) waiting.toPass -= 1
      else chosen ??= waiting
    }
    if (chosen === undefined) return undefined
    this.#waiting = this.#waiting.filter((waiting) => waiting !== chosen)
    return { fault: chosen.fault, place: chosen.place }
  }

  /** Disarms all that is left. */
  clear(): void {
    this.#waiting = []
  }
}
