/** Turns something that gives its items away, one after the other, into something that is asked for them. */

class Stopped extends Error {}

/**
 * The items that `produce` gives, as an iterable. `give` resolves when the item was taken and the next is wanted, so
 * only one item is held; when the reader stops early, `give` rejects and whatever `produce` holds open is let go.
 *
 * @example
 * for await (const page of handOver<string>(async (give) => { await give('a'); await give('b') })) console.log(page)
 */
export async function* handOver<T>(produce: (give: (item: T) => Promise<void>) => Promise<void>): AsyncGenerator<T> {
  let offered: Offer<T> | undefined
  let hasEnded = false
  let wake = (): void => {}
  const give = (item: T): Promise<void> =>
    new Promise((taken, refuse) => {
      offered = { item, taken, refuse }
      wake()
    })
  const running = produce(give)
    .catch((error: unknown) => {
      if (!(error instanceof Stopped)) throw error
    })
    .finally(() => {
      hasEnded = true
      wake()
    })
  // Its failure is thrown below, by awaiting it; until then it must not count as unhandled.
  running.catch(() => {})
  const changed = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve
      if (offered !== undefined || hasEnded) resolve()
    })
  try {
    for (;;) {
      await changed()
      const offer = offered as Offer<T> | undefined
      if (offer === undefined) break
      yield offer.item
      offered = undefined
      offer.taken()
    }
    await running
  } finally {
    // The reader stopped at this item, or all is over and this does nothing.
    ;(offered as Offer<T> | undefined)?.refuse(new Stopped('the reader wants no more'))
    await running.catch(() => {})
  }
}

interface Offer<T> {
  readonly item: T
  readonly taken: () => void
  readonly refuse: (error: Error) => void
}
