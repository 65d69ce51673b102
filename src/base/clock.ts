/**
 * The clock as a dependency. Wall time (`now`) may jump and may be wrong by minutes, so it is only ever shown or
 * stored; waiting and measuring use `monotonicMs`. Positions, not clocks, decide what is late.
 */

/** Where time comes from. The simulator supplies one that moves by actions and may be skewed for each service. */
export interface Clock {
  /** The wall time. May jump in both directions. */
  now(): Date
  /** Milliseconds since an arbitrary start, with fractions; never goes back. */
  monotonicMs(): number
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
}
