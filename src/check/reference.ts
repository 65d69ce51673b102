/**
 * References across databases: which children name a parent that is not there. The distinct references of the child
 * are streamed; the parent's database answers for each batch which it does not know, so only broken ones travel back,
 * and memory is bounded by one batch.
 */
import { rowText } from '../digest/digest.ts'
import type { KeyState } from './compare.ts'
import { type Held, statesOf } from './images.ts'
import type { Scan, ScanOptions } from './scan.ts'
import type { Keys, ReferenceBatch, SideReader } from './sources/source.ts'

/** The two sides of a reference; the child's columns are its reference. */
export interface ReferenceReaders {
  readonly child: SideReader
  readonly parent: SideReader
}

/** The keys of children whose parent is not there, at most `most` of them. */
export async function scanReferences(
  { child, parent }: ReferenceReaders,
  most: number,
  { onProgress }: ScanOptions = {},
): Promise<Scan> {
  const missing: (readonly string[])[] = []
  let rows = 0
  // While the parent answers for one batch, the child already makes the next.
  let asked: Promise<readonly (readonly string[])[]> = Promise.resolve([])
  for await (const batch of child.references()) {
    missing.push(...(await asked))
    rows += batch.rows
    onProgress?.({ rows, of: child.rowsAbout })
    if (missing.length > most) break
    asked = withoutParent(parent, batch)
    // Its failure is thrown by awaiting it above or below; until then it must not count as unhandled.
    asked.catch(() => {})
  }
  missing.push(...(await asked))
  const keys = missing.length === 0 ? [] : await child.keysOf(missing.slice(0, most), most + 1)
  return {
    keys: keys.slice(0, most),
    rows,
    rowsWithoutKey: [],
    stopped: missing.length > most || keys.length > most,
    nearlyAll: false,
  }
}

async function withoutParent(
  parent: SideReader,
  { references }: ReferenceBatch,
): Promise<readonly (readonly string[])[]> {
  const gone = await parent.missing(references)
  return gone.size === 0 ? [] : references.filter((parts) => gone.has(rowText(parts)))
}

/** What the child says, and whether the parent it names is there. */
export async function readReferences(
  { child, parent }: ReferenceReaders,
  keys: Keys,
): Promise<ReadonlyMap<string, KeyState>> {
  const children = await child.rows(keys)
  const named = [...children.values()].flatMap(({ image }) =>
    image.filter((row): row is readonly string[] => !row.includes(null)),
  )
  const gone = named.length === 0 ? new Set<string>() : await parent.missing(named)
  const parents = new Map<string, Held>()
  for (const [key, { image }] of children) {
    // The parent counts as there only when each reference of this key has one.
    if (image.every((row) => row.includes(null) || !gone.has(rowText(row))))
      parents.set(key, { image: [[]], stamp: '' })
  }
  return statesOf(keys, [children, parents])
}
