/** Turns something that gives its items away, one after the other, into something that is asked for them. */

/** Offers an item; resolves with whether more are wanted. */
export type Give<T> = (item: T) => Promise<boolean>

/**
 * The items that `produce` gives, as an iterable. `give` resolves with true when the item was taken and the next is wanted, so
 * only one item is held, and with false when the reader stopped early: then `produce` is to end and let go of what it holds open.
 *
 * @example
 * const pages = handOver<string>(async (give) => { if (await give('a')) await give('b') })
 * for await (const page of pages) console.log(page)
 */
export async function* handOver<T>(produce: (give: Give<T>) => Promise<void>): AsyncGenerator<T> {
  let offered: Offer<T> | undefined
  let isWanted = true
  let hasEnded = false
  let wake = (): void => {}
  const give: Give<T> = (item) =>
    new Promise((taken) => {
      if (!isWanted) return taken(false)
      offered = { item, taken }
      wake()
    })
  const running = produce(give).finally(() => {
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
      offer.taken(true)
    }
    await running
  } finally {
    // The reader stopped at this item, or all is over and this does nothing.
    isWanted = false
    ;(offered as Offer<T> | undefined)?.taken(false)
    await running.catch(() => {})
  }
}

interface Offer<T> {
  readonly item: T
  readonly taken: (isMoreWanted: boolean) => void
}
