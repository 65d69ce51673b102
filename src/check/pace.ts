/**
 * How fast a check may read. A scan is cut into parts of about half a second; while others are at work on a server, the
 * check rests after each part, so that of its time it works only a share.
 */
import type { Clock } from '../base/clock.ts'
import type { Scheduler } from '../base/scheduler.ts'
import type { Source } from './sources/source.ts'

/** `auto` works at full speed where nobody else does and keeps to `shareBusy` elsewhere; a number is a share of the time. */
export type Budget = 'auto' | 'full' | number

/**
 * The share of its time that a check works on a server where others do. Two sides on one server of two cores then want a
 * tenth of it by calculation; `npm run pace` in `bench` is there to measure it, and has not been run.
 */
export const shareBusy = 0.1

/** Lets the parts of a scan through. */
export interface Pace {
  /** Whether it depends on what others do. */
  readonly isAuto: boolean
  /** Whether the scan of this source has to be cut into parts. */
  isHeldBack(source: Source): Promise<boolean>
  /** Runs one part, and rests afterwards as long as the budget demands. */
  take<T>(source: Source, part: () => Promise<T>): Promise<T>
}

/** The pace of a budget. */
export function paceOf(budget: Budget, clock: Clock, scheduler: Scheduler): Pace {
  const shareOf = async (source: Source): Promise<number> => {
    if (budget === 'full') return 1
    if (budget !== 'auto') return Math.min(1, Math.max(0.01, budget))
    return (await source.isBusy()) ? shareBusy : 1
  }
  return {
    isAuto: budget === 'auto',
    isHeldBack: async (source) => (await shareOf(source)) < 1,
    async take(source, part) {
      const beganMs = clock.monotonicMs()
      const result = await part()
      const workedMs = clock.monotonicMs() - beganMs
      const share = await shareOf(source)
      if (share < 1) await scheduler.sleep(workedMs * (1 / share - 1))
      return result
    },
  }
}
