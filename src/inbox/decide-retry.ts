/** What becomes of a stream whose event failed. Pure: the shell supplies the count. */

export type RetryDecision = { readonly state: 'retrying'; readonly afterMs: number } | { readonly state: 'parked' }

/** Short first, because most failures are a neighbour restarting; five tries reach about a minute, after which a person is faster. */
const retryMs = [100, 1_000, 5_000, 15_000, 40_000]

/** Errors that another try cannot cure (the contract is at fault, not the moment) or that must not be tried again unasked. */
const hopeless = /^contract\/|^inbox\/killed-process$/

/** Decides after `attempts` failed tries of one event. */
export function decideRetry(attempts: number, code: string | undefined): RetryDecision {
  const afterMs = retryMs[attempts - 1]
  if (afterMs === undefined || (code !== undefined && hopeless.test(code))) return { state: 'parked' }
  return { state: 'retrying', afterMs }
}
