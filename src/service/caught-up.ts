/** Tells a consumer when it has caught up, so that what it feeds can say how fresh it is while an idle owner writes nothing. */
import type { Clock } from '../base/clock.ts'
import type { OwnerLog } from '../log/reader.ts'

/**
 * The same log; when the owner answers that there is nothing newer, `caughtUp` is told the moment at which it was asked.
 *
 * An answer of one group of lanes speaks for all: groups that are apart are busy, and are together again within moments.
 */
export function tellingCaughtUp(log: OwnerLog, clock: Clock, caughtUp: (at: Date) => void): OwnerLog {
  return {
    source: log.source,
    woken: log.woken,
    register: (consumer, service, start) => log.register(consumer, service, start),
    batch: async (consumer, position, lanes, most) => {
      const askedAt = clock.now()
      const reading = await log.batch(consumer, position, lanes, most)
      if (reading === undefined) caughtUp(askedAt)
      return reading
    },
    gap: (consumer, stream, version, most) => log.gap(consumer, stream, version, most),
    backfill: (consumer, entity, afterKey, most) => log.backfill(consumer, entity, afterKey, most),
    acknowledge: (consumer, position) => log.acknowledge(consumer, position),
    start: () => log.start(),
    stop: () => log.stop(),
  }
}
