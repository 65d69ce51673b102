/** Between which keys the rows of all sides lie. */
import { isOrdinalKey, type KeyBounds } from '../digest/digest.ts'
import type { SideReader } from './sources/source.ts'

/** The bounds of all sides together; undefined where one cannot be cut by its key, keys are of two kinds, or all are empty. */
export async function boundsOfAll(readers: readonly SideReader[]): Promise<KeyBounds | undefined> {
  const kinds = new Set(readers.map(({ key }) => (isOrdinalKey(key) ? key[0]?.kind : undefined)))
  if (kinds.size > 1 || kinds.has(undefined)) return undefined
  const asked = readers.map(({ bounds }) => bounds)
  if (asked.includes(undefined)) return undefined
  const found = (await Promise.all(asked.map((ask) => ask?.()))).filter((bounds) => bounds !== undefined)
  const ends = found.flatMap(({ least, greatest }) => [least, greatest]).sort((a, b) => (a < b ? -1 : 1))
  const [least, greatest] = [ends[0], ends.at(-1)]
  return least === undefined || greatest === undefined ? undefined : { least, greatest }
}
