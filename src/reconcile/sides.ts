/** The sides of invariants, read as a check reads them: through the read-only role, each read in a snapshot of its own. */
import type { Clock } from '../base/clock.ts'
import { type Comparison, openComparison } from '../check/comparison.ts'
import { openSource } from '../check/sources/open-source.ts'
import type { Source } from '../check/sources/source.ts'
import type { Config, Invariant } from '../invariant/invariant.ts'

export { briefState, differingColumns, formsOf, holds, type Image, type KeyState, type Row } from '../check/compare.ts'
export type { Comparison } from '../check/comparison.ts'

/** Opened sides; a side is described once. */
export interface Sides {
  of(invariant: Invariant): Promise<Comparison>
  close(): Promise<void>
}

/** Nothing is connected before the first invariant is asked for. */
export function openSides(config: Config, clock: Clock | undefined): Sides {
  const sources = new Map<string, Source>()
  const comparisons = new Map<string, Promise<Comparison>>()
  const sourceOf = (name: string): Source => {
    const known = sources.get(name) ?? openSource(name, config.sources[name]!, clock)
    sources.set(name, known)
    return known
  }
  return {
    of: (invariant) => {
      const known = comparisons.get(invariant.name) ?? openComparison(invariant, sourceOf)
      comparisons.set(invariant.name, known)
      return known
    },
    close: async () => {
      await Promise.all([...sources.values()].map((source) => source.close()))
    },
  }
}
