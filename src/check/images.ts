/** What sides hold of given keys, read by key. */
import { rowText } from '../digest/digest.ts'
import type { Image, KeyState, Row } from './compare.ts'

/** Keys as the canonical texts of their parts. */
export type Keys = readonly (readonly string[])[]

/** What one side holds of a key. */
export interface Held {
  readonly image: Image
  /** Which transactions wrote it; empty for a query, which cannot say. */
  readonly stamp: string
}

const nothing: Held = { image: [], stamp: '' }

/** Puts together what each side holds; a key that a side does not have is an empty image there. */
export function statesOf(keys: Keys, sides: readonly ReadonlyMap<string, Held>[]): ReadonlyMap<string, KeyState> {
  return new Map(
    keys.map((key) => {
      const held = sides.map((found) => found.get(rowText(key)) ?? nothing)
      return [rowText(key), { key, images: held.map(({ image }) => image), stamps: held.map(({ stamp }) => stamp) }]
    }),
  )
}

/** A row of a key, and which transaction wrote it where that is known. */
export interface StampedRow {
  readonly key: readonly (string | null)[]
  readonly values: Row
  readonly stamp?: string
}

/** What a side holds of each key, by `rowText` of the key; rows of one key are sorted, so that their order says nothing. */
export function heldOf(rows: Iterable<StampedRow>): Map<string, Held> {
  const found = new Map<string, { image: Row[]; stamps: string[] }>()
  for (const { key, values, stamp } of rows) {
    const text = rowText(key)
    const entry = found.get(text) ?? { image: [], stamps: [] }
    entry.image.push(values)
    if (stamp) entry.stamps.push(stamp)
    found.set(text, entry)
  }
  return new Map(
    [...found].map(([text, { image, stamps }]) => [
      text,
      { image: image.sort(byRowText), stamp: stamps.sort().join() },
    ]),
  )
}

/** Keys of several lists, each once, sorted. */
export function distinctKeys(lists: readonly Keys[]): Keys {
  return [...new Map(lists.flat().map((key) => [rowText(key), key])).values()].sort(byRowText)
}

/** Orders rows and keys by their texts. */
export function byRowText(a: Row, b: Row): number {
  return rowText(a) < rowText(b) ? -1 : 1
}
