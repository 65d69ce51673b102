/** What sides hold of given keys, read by key. */
import { rowText } from '../digest/digest.ts'
import type { Image, KeyState } from './compare.ts'

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
