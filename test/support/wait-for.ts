/** Waits for what must become true, so that no test sleeps for a time that somebody guessed. */

/** How long and how often. */
export interface WaitOptions {
  /** The milliseconds after which the wait is a failure. */
  readonly within: number
  /** Milliseconds between two looks; 10 unless looking is expensive. */
  readonly every?: number
  /** What is waited for, as the end of "waited … for": it makes the failure readable. */
  readonly what?: string
}

/**
 * Looks until `condition` gives something truthy and returns that. An error of the condition counts as "not yet" and is
 * shown if the time runs out.
 *
 * @example
 * await waitFor(async () => (await parked()).length === 1, { within: 2_000, what: 'the parked stream' })
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { within, every = 10, what = 'a condition' }: WaitOptions,
): Promise<NonNullable<T>> {
  const until = performance.now() + within
  for (;;) {
    const seen = await look(condition)
    if (seen.value) return seen.value as NonNullable<T>
    if (performance.now() >= until) throw new Error(`Waited ${within} ms for ${what}, in vain.`, { cause: seen.error })
    await new Promise((resolve) => setTimeout(resolve, every))
  }
}

async function look<T>(condition: () => T | Promise<T>): Promise<{ value?: T; error?: unknown }> {
  try {
    return { value: await condition() }
  } catch (error) {
    return { error }
  }
}
