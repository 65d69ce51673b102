/** What sides hold of given keys, read by key. */
import { rowText } from '../digest/digest.ts'
import type { Queryable } from '../store/store.ts'
import type { Image, KeyState, Row } from './compare.ts'
import { rowsByKeySql, type SideReader } from './side-reader.ts'

/** Keys as the canonical texts of their parts. */
export type Keys = readonly (readonly string[])[]

/** Puts together what each side holds; a key that a side does not have is an empty image there. */
export function statesOf(keys: Keys, images: readonly ReadonlyMap<string, Image>[]): ReadonlyMap<string, KeyState> {
  return new Map(
    keys.map((key) => [rowText(key), { key, images: images.map((found) => found.get(rowText(key)) ?? []) }]),
  )
}

/** The rows that one side holds of some keys, in one snapshot. */
export async function imagesOf(snapshot: Queryable, reader: SideReader, keys: Keys): Promise<Map<string, Image>> {
  const statement = rowsByKeySql(reader, keys)
  if (statement === undefined) return new Map()
  const { rows } = await snapshot.query<Record<string, string | null>>(statement)
  const found = new Map<string, Row[]>()
  for (const row of rows) {
    const text = rowText(reader.key.map((_, i) => row[`k${i}`] ?? null))
    const values = reader.columns.map((_, i) => row[`c${i}`] ?? null)
    found.set(text, [...(found.get(text) ?? []), values])
  }
  for (const image of found.values()) image.sort((a, b) => (rowText(a) < rowText(b) ? -1 : 1))
  return found
}
