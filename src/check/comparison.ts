/** One invariant made ready to be read: its sides opened, and its keys read whenever the verdict needs them. */
import type { Kind } from '../digest/digest.ts'
import type { Invariant } from '../invariant/invariant.ts'
import type { KeyState, Shape } from './compare.ts'
import { imagesOf, type Keys, statesOf } from './images.ts'
import { openReference, type ReferenceReaders, readReferences, scanReferences } from './reference.ts'
import { candidatesMax, type Scan, scan } from './scan.ts'
import { columnKinds, openSide, type SideReader } from './side-reader.ts'
import type { Source } from './sources/postgres.ts'

/** Keys asked for in one statement. */
const keysPerRead = 2_000

/** An invariant whose sides are known to be readable. */
export interface Comparison {
  readonly invariant: Invariant
  readonly shape: Shape
  readonly readers: readonly SideReader[]
  /** Finds the keys to look at. */
  scan(): Promise<Scan>
  /** What each side holds of the keys, by `rowText` of the key. */
  read(keys: readonly (readonly string[])[]): Promise<ReadonlyMap<string, KeyState>>
}

/** Opens the sides of an invariant; rejects when one cannot be read. */
export async function openComparison(invariant: Invariant, source: (name: string) => Source): Promise<Comparison> {
  const { relation } = invariant
  if (relation.kind === 'references') return referenceComparison(invariant, await openReference(relation, source))
  const readers = await Promise.all(relation.sides.map((side) => openSide(source(side.source), side)))
  const shape = shapeOf(invariant, readers, columnKinds(readers[0]!))
  return {
    invariant,
    shape,
    readers,
    scan: () => scan(shape, readers),
    read: (keys) => inParts(keys, (part) => readSides(readers, part)),
  }
}

function referenceComparison(invariant: Invariant, reference: ReferenceReaders): Comparison {
  const readers = [reference.child, reference.parent]
  const shape = shapeOf(invariant, readers, columnKinds(reference.child))
  return {
    invariant,
    shape,
    readers,
    scan: () => scanReferences(reference, candidatesMax),
    read: (keys) => inParts(keys, (part) => readReferences(reference, part)),
  }
}

function shapeOf(invariant: Invariant, readers: readonly SideReader[], kinds: readonly Kind[]): Shape {
  const names = readers.map((reader) => reader.name)
  // Two sides over the same table, or two queries of one source, still need a name each.
  const sideNames = names.map((name, i) => (names.indexOf(name) === i ? name : `${name} (${i + 1})`))
  return { relation: invariant.relation, sideNames, columnNames: readers[0]?.columnNames ?? [], kinds }
}

async function inParts(
  keys: Keys,
  read: (part: Keys) => Promise<ReadonlyMap<string, KeyState>>,
): Promise<ReadonlyMap<string, KeyState>> {
  const all = new Map<string, KeyState>()
  for (let from = 0; from < keys.length; from += keysPerRead) {
    for (const [text, state] of await read(keys.slice(from, from + keysPerRead))) all.set(text, state)
  }
  return all
}

async function readSides(readers: readonly SideReader[], keys: Keys): Promise<ReadonlyMap<string, KeyState>> {
  const images = await Promise.all(
    readers.map((reader) => reader.source.read((snapshot) => imagesOf(snapshot, reader, keys))),
  )
  return statesOf(keys, images)
}
