/** What sides hold of given keys, read by key. */
import { rowText } from '../digest/digest.ts'
import type { Queryable } from '../store/store.ts'
import type { Image, KeyState, Row } from './compare.ts'
import { rowsByKeySql, type SideReader } from './side-reader.ts'

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

/** The rows that one side holds of some keys, in one snapshot. */
export async function imagesOf(snapshot: Queryable, reader: SideReader, keys: Keys): Promise<Map<string, Held>> {
  const statement = rowsByKeySql(reader, keys)
  if (statement === undefined) return new Map()
  const { rows } = await snapshot.query<Record<string, string | null>>(statement)
  const found = new Map<string, { image: Row[]; stamps: string[] }>()
  for (const row of rows) {
    const text = rowText(reader.key.map((_, i) => row[`k${i}`] ?? null))
    const entry = found.get(text) ?? { image: [], stamps: [] }
    entry.image.push(reader.columns.map((_, i) => row[`c${i}`] ?? null))
    entry.stamps.push(row.stamp ?? '')
    found.set(text, entry)
  }
  return new Map(
    [...found].map(([text, { image, stamps }]) => [text, { image: image.sort(byText), stamp: stamps.sort().join() }]),
  )
}

function byText(a: Row, b: Row): number {
  return rowText(a) < rowText(b) ? -1 : 1
}
