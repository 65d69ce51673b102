/** One invariant made ready to be read: its sides opened, and its keys read whenever the verdict needs them. */
import type { Spread } from '../digest/digest.ts'
import type { Invariant, Relation, Side } from '../invariant/invariant.ts'
import { type Bound, bindAlike } from './bind.ts'
import { holds, type KeyState, type Shape } from './compare.ts'
import { type Keys, statesOf } from './images.ts'
import { notPostgres, scanPublished } from './published.ts'
import { readReferences, scanReferences } from './reference.ts'
import { candidatesMax, type Scan, type ScanOptions, scan, spreadOf } from './scan.ts'
import { codeSource } from './sources/code-side.ts'
import { isPostgresReader } from './sources/postgres-side.ts'
import type { RowsAsked, SideReader, Source } from './sources/source.ts'

/** Keys asked for in one statement. */
const keysPerRead = 2_000

/** An invariant whose sides are known to be readable. */
export interface Comparison {
  readonly invariant: Invariant
  readonly shape: Shape
  readonly readers: readonly SideReader[]
  /** How its rows would be spread and hashed; undefined where references are looked up instead. */
  spread(): Promise<Spread | undefined>
  /** Finds the keys to look at. */
  scan(options?: ScanOptions): Promise<Scan>
  /** What each side holds of the keys, by `rowText` of the key. */
  read(keys: readonly (readonly string[])[]): Promise<ReadonlyMap<string, KeyState>>
  /** The same for a verdict: long values are only told apart. */
  look(keys: readonly (readonly string[])[]): Promise<ReadonlyMap<string, KeyState>>
}

/** Opens the sides of an invariant; rejects when one cannot be read. */
export async function openComparison(invariant: Invariant, source: (name: string) => Source): Promise<Comparison> {
  const { relation } = invariant
  if (relation.kind === 'references') return openReference(invariant, relation, source)
  if (relation.kind === 'publishes') return openPublished(invariant, relation.sides[0], source)
  const described = await Promise.all(relation.sides.map((side) => sourceOf(side, source).describe(side)))
  const bound = bindAlike(described)
  const { readers } = bound
  const shape = shapeOf(invariant, bound)
  return {
    invariant,
    shape,
    readers,
    spread: () => spreadOf({ readers, isSqlAlike: bound.isSqlAlike }),
    scan: (options) => scan({ shape, readers, isSqlAlike: bound.isSqlAlike }, options),
    read: (keys) => inParts(keys, (part) => readSides(readers, part)),
    look: (keys) => inParts(keys, (part) => readSides(readers, part, { isBrief: true })),
  }
}

/** Rows that code reads need no place in the configuration. */
function sourceOf(side: Side, source: (name: string) => Source): Source {
  return side.rows.kind === 'code' ? codeSource(side, side.rows.read) : source(side.source)
}

type ReferenceRelation = Extract<Relation, { kind: 'references' }>

/** The child is read with its references as its columns; they are written as the parent writes its key. */
async function openReference(
  invariant: Invariant,
  relation: ReferenceRelation,
  source: (name: string) => Source,
): Promise<Comparison> {
  const [childSide, parentSide] = relation.sides
  const [child, parent] = await Promise.all([
    sourceOf(childSide, source).describe(childSide, relation.by),
    sourceOf(parentSide, source).describe(parentSide, []),
  ])
  const named = bindAlike([
    { ...child, key: [], columns: child.columns },
    { ...parent, key: [], columns: parent.key },
  ])
  const [childColumns = [], parentKey = []] = named.forms.map(({ columns }) => columns)
  const own = bindAlike([child])
  const reference = {
    child: child.bind({ key: own.forms[0]?.key ?? [], columns: childColumns }),
    parent: parent.bind({ key: parentKey, columns: [] }),
  }
  const readers = [reference.child, reference.parent]
  const read = (keys: Keys) => inParts(keys, (part) => readReferences(reference, part))
  return {
    invariant,
    shape: shapeOf(invariant, { readers, forms: [{ key: [], columns: childColumns }], isSqlAlike: true }),
    readers,
    spread: async () => undefined,
    scan: (options) => scanReferences(reference, candidatesMax, options),
    read,
    look: read,
  }
}

async function openPublished(invariant: Invariant, side: Side, source: (name: string) => Source): Promise<Comparison> {
  const bound = bindAlike([await sourceOf(side, source).describe(side)])
  const [owner] = bound.readers
  if (owner === undefined || !isPostgresReader(owner)) throw notPostgres(side)
  return {
    invariant,
    shape: shapeOf(invariant, bound),
    readers: bound.readers,
    spread: async () => undefined,
    scan: () => scanPublished(owner, candidatesMax),
    read: (keys) => inParts(keys, (part) => readSides(bound.readers, part)),
    look: (keys) => inParts(keys, (part) => readSides(bound.readers, part, { isBrief: true })),
  }
}

function shapeOf(invariant: Invariant, { readers, forms }: Bound): Shape {
  const names = readers.map((reader) => reader.name)
  // Two sides over the same table, or two queries of one source, still need a name each.
  const sideNames = names.map((name, i) => (names.indexOf(name) === i ? name : `${name} (${i + 1})`))
  const columns = forms[0]?.columns ?? []
  return {
    relation: invariant.relation,
    sideNames,
    columnNames: readers[0]?.columnNames ?? [],
    kinds: columns.map(({ kind }) => kind),
    forms: columns,
  }
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

/** Those of the keys for which the invariant does not hold now. */
export async function keysThatDiffer({ look, shape }: Comparison, keys: Keys): Promise<Keys> {
  return [...(await look(keys)).values()].filter((state) => !holds(shape, state)).map(({ key }) => key)
}

async function readSides(
  readers: readonly SideReader[],
  keys: Keys,
  how?: RowsAsked,
): Promise<ReadonlyMap<string, KeyState>> {
  return statesOf(keys, await Promise.all(readers.map((reader) => reader.rows(keys, how))))
}
