/** What a check would read and about how long it would take, before it reads it. */
import { type Config, defineConfig } from '../invariant/invariant.ts'
import { isByState } from './compare.ts'
import { openComparison } from './comparison.ts'
import type { Budget } from './pace.ts'
import { uncheckedBy } from './prepare.ts'
import { openSource } from './sources/open-source.ts'
import type { Source } from './sources/source.ts'

/** How an invariant would be checked. */
export type Way = 'record' | 'portable' | 'travel' | 'references' | 'states'

/** What one invariant would cost. */
export interface PlannedCheck {
  readonly name: string
  /** Undefined where it cannot be read; then `why` says the reason, and `help` what to do about it. */
  readonly way?: Way
  readonly why?: string
  readonly help?: string
  /** About how many rows its largest side has. */
  readonly rows: number
  /** About how long its scan would take at full speed. A difference adds the deadline, where only reading twice proves it. */
  readonly seconds: number
  /** About how many bytes would come from the databases when nothing differs. */
  readonly bytes: number
}

/**
 * Microseconds of a row, all sides at once on two cores, and bytes that travel for a row. Record, portable and references are
 * rounded up from what `docs/decisions/0006` and its profile measured; rows that travel took 11 s of Node's time for a
 * million, keys with their states 4.5 s and 51 bytes a row. A table that is not cached is read more slowly than this.
 */
const costs: Record<Way, { readonly us: number; readonly bytes: number }> = {
  record: { us: 0.9, bytes: 0 },
  portable: { us: 3.2, bytes: 0 },
  travel: { us: 12, bytes: 400 },
  references: { us: 1.5, bytes: 4 },
  states: { us: 5, bytes: 55 },
}
/** Ways that read every row here, and have no use for digests. */
const isWhole = (way: Way) => way === 'travel' || way === 'states'
/** A bucket's number and digest as they travel, for two sides. */
const bytesPerBucket = 140

/**
 * What a check of this configuration would read. It asks catalogs only; no table is scanned.
 *
 * @throws refused `invariant/bad-config` when the configuration is wrong.
 * @example
 * for (const { name, way, rows, seconds } of await planCheck(config)) console.log(name, way, rows, seconds)
 */
export async function planCheck(config: Config, budget: Budget = 'auto'): Promise<readonly PlannedCheck[]> {
  defineConfig(config)
  const sources = new Map<string, Source>()
  const sourceOf = (name: string): Source => {
    const known = sources.get(name) ?? openSource(name, config.sources[name]!, undefined)
    sources.set(name, known)
    return known
  }
  const share = typeof budget === 'number' ? budget : 1
  try {
    const planned: PlannedCheck[] = []
    for (const invariant of config.invariants) {
      try {
        const comparison = await openComparison(invariant, sourceOf)
        const spread = await comparison.spread()
        const rows = Math.round(Math.max(...comparison.readers.map((reader) => reader.rowsAbout)))
        const way = isByState(invariant.relation) ? 'states' : (spread?.lane ?? 'references')
        const seconds = (rows * costs[way].us) / 1_000_000 / share
        const bytes = rows * costs[way].bytes + (isWhole(way) ? 0 : (spread?.buckets ?? 0) * bytesPerBucket)
        planned.push({ name: invariant.name, way, rows, seconds, bytes })
      } catch (error) {
        planned.push({ name: invariant.name, ...uncheckedBy(error), rows: 0, seconds: 0, bytes: 0 })
      }
    }
    return planned
  } finally {
    await Promise.all([...sources.values()].map((source) => source.close()))
  }
}
