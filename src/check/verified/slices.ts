/**
 * Slices of a table by ranges of its key, and when each was last verified: found to hold on all sides. Pure.
 *
 *     place:   0 ........ width ........ 2 * width ........ 3 * width
 *     slice:       0              1                  2
 *
 * A slice is known by its number, so that it stays the same while rows come and go; new keys make new slices. A side that
 * cannot be cut is one slice.
 */
import { type KeyBounds, type KeyRange, rowsPerBucket } from '../../digest/digest.ts'

/** When slices were verified, in milliseconds since 1970; one that never was is not in it. */
export type Ages = ReadonlyMap<string, number>

/** The one slice of an invariant that cannot be cut. */
export const whole = 'all'

/** A slice of fewer rows costs more in round trips than it spares the servers. */
const rowsPerSliceLeast = 50_000
/** So many slices spread over a day are one every five minutes. */
const slicesWanted = 256
/** Above, keys have run far ahead of what the slices were cut for: they are cut anew. */
const slicesMax = 4_096

/** The width of slices, a multiple of a bucket's, for about `rows` rows between these keys. */
export function widthFor({ least, greatest }: KeyBounds, rows: number): bigint {
  const wanted = BigInt(Math.max(1, Math.min(slicesWanted, Math.ceil(rows / rowsPerSliceLeast))))
  let width = BigInt(rowsPerBucket)
  while (greatest / width - least / width > wanted) width *= 2n
  return width
}

/** The slice of a key. */
export function sliceOf(width: bigint, key: bigint): bigint {
  const quotient = key / width
  return key % width < 0n ? quotient - 1n : quotient
}

/** All slices between two keys, in order; `undefined` when they are so many that they have to be cut anew. */
export function slicesOf(width: bigint, { least, greatest }: KeyBounds): readonly string[] | undefined {
  const [first, last] = [sliceOf(width, least), sliceOf(width, greatest)]
  if (last - first >= BigInt(slicesMax)) return undefined
  const slices: string[] = []
  for (let slice = first; slice <= last; slice += 1n) slices.push(String(slice))
  return slices
}

/** What decides which slices are due. */
export interface DueFacts {
  readonly slices: readonly string[]
  readonly ages: Ages
  readonly nowMs: number
  /** Within so many milliseconds everything is to be verified again. */
  readonly withinMs: number
  /** About when the next run comes: what would be too old by then is due now. */
  readonly nextMs: number
}

/**
 * The slices to verify now, in their order: those that never were, and so many of the oldest that slices verified at one
 * moment are due again evenly over the time that is given, and not all at its end.
 *
 * Of N slices the one that is next but r may be `within * (N - r) / N` old: as if they were done one after the other.
 */
export function decideDue({ slices, ages, nowMs, withinMs, nextMs }: DueFacts): readonly string[] {
  // A clock that was set back makes a time of the future: nothing is known of it.
  const atOf = (slice: string) => {
    const atMs = ages.get(slice)
    return atMs === undefined || atMs > nowMs ? undefined : atMs
  }
  const known = slices
    .flatMap((slice) => atOf(slice) ?? [])
    .sort((a, b) => a - b)
    .map((atMs) => Math.max(nextMs, nowMs) - atMs)
  const all = known.length
  // When the first `least` are done, each of the rest is young enough for its place.
  const needs = known.map((ageMs, i) => Math.ceil((ageMs * all) / withinMs) - all + i)
  let least = all
  for (let i = all - 1, most = -Infinity; i >= 0; i -= 1) {
    most = Math.max(most, needs[i]!)
    if (i >= most) least = i
  }
  const oldest = [...slices].filter((slice) => atOf(slice) !== undefined).sort((a, b) => atOf(a)! - atOf(b)!)
  const due = new Set(oldest.slice(0, least))
  return slices.filter((slice) => atOf(slice) === undefined || due.has(slice))
}

/** A range of keys that is read at once, and the slices that it covers. */
export interface SliceRange extends KeyRange {
  readonly slices: readonly string[]
}

/** Puts due neighbors together, at most `most` of them: one statement costs less than many. */
export function rangesOf(width: bigint, due: readonly string[], most: number): readonly SliceRange[] {
  const ranges: SliceRange[] = []
  for (const slice of due) {
    const from = BigInt(slice) * width
    const to = from + width - 1n
    const last = ranges.at(-1)
    if (last !== undefined && last.to + 1n === from && last.slices.length < most)
      ranges[ranges.length - 1] = { from: last.from, to, slices: [...last.slices, slice] }
    else ranges.push({ from, to, slices: [slice] })
  }
  return ranges
}

/** How far an invariant is verified. */
export interface Verified {
  readonly slices: number
  /** Slices that were found to hold on all sides, and of which nothing was found since. */
  readonly verified: number
  /** When the one that was verified first of them was; undefined while any slice never was. */
  readonly oldestMs: number | undefined
}

/** How far slices are verified. */
export function verifiedOf(slices: readonly string[], ages: Ages): Verified {
  const times = slices.flatMap((slice) => ages.get(slice) ?? [])
  const oldestMs = times.length < slices.length ? undefined : Math.min(...times, Infinity)
  return { slices: slices.length, verified: times.length, oldestMs: oldestMs === Infinity ? undefined : oldestMs }
}
