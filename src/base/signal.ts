/**
 * A signal inside one process: something happened, whoever waits may look. A hint, never the truth: each listener
 * also polls, so that a lost signal costs time and nothing else.
 */

/** Tells listeners in this process that something happened. */
export interface Signal<T = void> {
  /** Calls every listener, in the order they subscribed, before it returns. */
  notify(value: T): void
  /** Adds a listener; the function it gives back removes it and may be called twice. */
  subscribe(listener: (value: T) => void): () => void
}

/**
 * A new signal without listeners.
 *
 * A listener that throws stops neither the others nor the notifier, whose work is done already; the error is shown as
 * a process warning.
 *
 * @example
 * const published = signal()
 * const leave = published.subscribe(() => task.wake())
 */
export function signal<T = void>(): Signal<T> {
  // Replaced on each change, so that a listener may come or go while the others are being told.
  let entries: readonly { readonly listener: (value: T) => void }[] = []
  return {
    notify(value) {
      for (const { listener } of entries) {
        try {
          listener(value)
        } catch (error) {
          process.emitWarning(error instanceof Error ? error : String(error))
        }
      }
    },
    subscribe(listener) {
      const entry = { listener }
      entries = [...entries, entry]
      return () => {
        entries = entries.filter((other) => other !== entry)
      }
    },
  }
}
