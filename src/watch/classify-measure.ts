/**
 * Whether a measure of a run is outside its own history. No model of the measure is assumed, and no unit:
 *
 *     band   the larger of: median + 5 scaled MADs (of counts: at least 5 times the noise of a count; of times and shares:
 *            on a logarithmic scale), and the 99th percentile of the history
 *     alarm  two of the last three runs are above the band; it ends when three runs in a row are within it again
 *
 * The percentile bounds false alarms whatever the distribution: a run of a stationary series is above it about one time in
 * a hundred, two of three runs three times in ten thousand. The MADs keep a quiet series with a small history from alarming
 * by its largest value yet. Only the upper side alarms: fewer findings or shorter runs are no trouble; a check that finds
 * nothing because it does not run is `check-silent`.
 *
 * Not modeled: hours of the day, and runs that depend on each other. A series with a daily peak learns the peak.
 */
import type { Measure } from './record.ts'

/** What is remembered of one measure of one subject. */
export interface MeasureHistory {
  /** Values of past runs, oldest first; without those of an alarm. */
  readonly values: readonly number[]
  /** Whether each of the last runs was above the band, oldest first. */
  readonly above: readonly boolean[]
  readonly isAlarm: boolean
  /** Values above the band that wait to be judged; of an alarm all since it began: what is usual now if it never ends. */
  readonly since: readonly number[]
}

/** How a value was judged. */
export interface MeasureVerdict {
  readonly history: MeasureHistory
  readonly change: 'none' | 'raised' | 'ended'
  /** The upper end of what is usual; undefined while there is too little history. */
  readonly usualMax: number | undefined
  readonly median: number | undefined
}

/** Nothing is known yet. */
export const noHistory: MeasureHistory = { values: [], above: [], isAlarm: false, since: [] }

/** Enough for a percentile, and at five minutes a run some seventeen hours. */
const valuesMax = 200

/** Below it a median and its deviation say little. */
const valuesMin = 30

/** An alarm that has lasted for so many runs is a new level: it stays an alarm, and what comes is judged by it. */
const newLevelAfter = 100

const madsMax = 5
/** Makes the MAD of a normal distribution its standard deviation. */
const madScale = 1.4826

/** Judges one more value. Pure: the same history and value give the same verdict. */
export function classifyMeasure(measure: Measure, history: MeasureHistory, value: number): MeasureVerdict {
  const isKnown = history.values.length >= valuesMin
  const median = isKnown ? quantile(sorted(history.values), 0.5) : undefined
  const usualMax = isKnown ? bandOf(measure, history.values) : undefined
  const isAbove = usualMax !== undefined && value > usualMax
  const above = [...history.above, isAbove].slice(-3)
  const twoOfThree = above.filter(Boolean).length >= 2
  const noneOfThree = above.length === 3 && !above.some(Boolean)
  if (!history.isAlarm && twoOfThree && isAbove) {
    const since = [...history.since, value]
    return { history: { ...history, above, isAlarm: true, since }, change: 'raised', usualMax, median }
  }
  if (!history.isAlarm)
    return {
      history: { ...quietAfter(history, value, above), above, isAlarm: false },
      change: 'none',
      usualMax,
      median,
    }
  const since = [...history.since, value]
  if (noneOfThree)
    return { history: { values: history.values, above, isAlarm: false, since: [] }, change: 'ended', usualMax, median }
  if (since.length >= newLevelAfter)
    return { history: { values: since, above: [], isAlarm: false, since: [] }, change: 'ended', usualMax, median }
  return { history: { ...history, above, since }, change: 'none', usualMax, median }
}

/**
 * A lone value above the band belongs to the distribution and teaches the percentile: but only once the runs after it
 * have said that it was alone, or the beginning of an alarm would hide its end.
 */
function quietAfter(
  { values, since }: MeasureHistory,
  value: number,
  above: readonly boolean[],
): Pick<MeasureHistory, 'values' | 'since'> {
  if (above.at(-1) === true) return { values, since: [...since, value] }
  if (above.some(Boolean)) return { values: [...values, value].slice(-valuesMax), since }
  return { values: [...values, ...since, value].slice(-valuesMax), since: [] }
}

/** The upper end of what is usual. */
export function bandOf(measure: Measure, values: readonly number[]): number {
  const isCount = measure === 'findings'
  const scale = isCount ? values : values.map((value) => Math.log(floorOf(measure) + value))
  const order = sorted(scale)
  const median = quantile(order, 0.5)
  const mad = quantile(sorted(scale.map((value) => Math.abs(value - median))), 0.5) * madScale
  // The noise of a count is its root; a tenth more time is nothing that anybody would look at.
  const noise = isCount ? Math.sqrt(Math.max(1, median)) * 0.6 : 0.1
  const high = Math.max(median + madsMax * Math.max(mad, noise), quantile(order, 0.99))
  return isCount ? high : Math.exp(high) - floorOf(measure)
}

/** Differences below it are noise: half a second of a run, half a second of lag, one key in two thousand. */
function floorOf(measure: Measure): number {
  return measure === 'inconclusive' ? 0.0005 : 0.5
}

function sorted(values: readonly number[]): Float64Array {
  return Float64Array.from(values).sort()
}

/** Between two values it takes the higher: a band that is too wide misses little, one too narrow cries wolf. */
function quantile(order: Float64Array, share: number): number {
  return order[Math.min(order.length - 1, Math.ceil(share * (order.length - 1)))] ?? 0
}
