/** Ends a wait by a signal that carries an exit code. */

/** What `work` resolves with, or the exit code that the signal was aborted with. */
export function untilAborted(signal: AbortSignal, work: Promise<number>): Promise<number> {
  return new Promise((resolve, reject) => {
    const end = () => resolve(Number(signal.reason))
    if (signal.aborted) return end()
    signal.addEventListener('abort', end, { once: true })
    work.then(resolve, reject)
  })
}
