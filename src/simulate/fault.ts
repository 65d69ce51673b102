/**
 * What can go wrong in a simulated world. A fault is plain data, drawn before the run; the channel and the runner carry
 * it out.
 *
 * A message fault is tied to a moment and not to a message, because two variants of a system send different messages:
 * from action `at` on it counts the deliveries that carry a change (of the kind `about`, when one is named), lets
 * `ordinal` of them pass and hits the next.
 */

/**
 * The kinds of faults, in the order of reports.
 *
 * - `lost`: a delivery never arrives, nor does the next punctuation on its way; with `tail`, neither does anything later of
 *   its stream, so that no gap shows.
 * - `duplicated`: it arrives twice, the copy at once or `afterActions` later.
 * - `reordered`: it waits until the next message of its stream has overtaken it, at most `afterActions`.
 * - `delayed`: it waits longer than the largest bound; without `afterActions`, until the faults end.
 * - `stopped`: a service is down; actions and messages for it are refused.
 * - `partitioned`: a service is cut off from the others, both ways; its own database and its users still reach it.
 * - `crashed`: the process of a service dies when it wants to send: the change is committed, the message is not out.
 * - `version-skew`: one consumer stays at the old schema version while the owner writes the new one.
 */
export const faultKinds = [
  'lost',
  'duplicated',
  'reordered',
  'delayed',
  'stopped',
  'partitioned',
  'crashed',
  'version-skew',
] as const

export type FaultKind = (typeof faultKinds)[number]

/** A fault that hits one delivery. */
export interface MessageFault {
  readonly kind: 'lost' | 'duplicated' | 'reordered' | 'delayed'
  /** The action from which on it waits for its delivery. */
  readonly at: number
  /** Only deliveries of this kind count; undefined: every one that carries a change. */
  readonly about?: string
  /** How many such deliveries pass unharmed before it hits. */
  readonly ordinal: number
  /** Of a loss: everything later of the same stream to the same receiver is lost too, until the faults end. */
  readonly tail?: true
  /** How long the delivery, or the copy of a duplicated one, is held. Undefined: until the faults end. */
  readonly afterActions?: number
}

/** A fault that lasts from action `at` to just before action `until`. */
export interface WindowFault {
  readonly kind: 'stopped' | 'partitioned'
  readonly service: string
  readonly at: number
  readonly until: number
}

/** The process of `service` dies at its first change-carrying send from action `at` on. */
export interface CrashFault {
  readonly kind: 'crashed'
  readonly service: string
  readonly at: number
}

/** `service` does not understand `schemaVersion` from `at` to just before `until`, although it is being written. */
export interface VersionSkewFault {
  readonly kind: 'version-skew'
  readonly service: string
  readonly schemaVersion: number
  readonly at: number
  readonly until: number
}

export type Fault = MessageFault | WindowFault | CrashFault | VersionSkewFault

/** Whether a fault waits for one delivery. */
export function isMessageFault(fault: Fault): fault is MessageFault {
  return ['lost', 'duplicated', 'reordered', 'delayed'].includes(fault.kind)
}
