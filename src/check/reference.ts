/**
 * References across databases: which children name a parent that is not there. The distinct references of the child
 * are streamed through a cursor; the parent's database answers for each batch which it does not know, so only broken
 * ones travel back, and memory is bounded by one batch.
 */
import { canonicalSql, rowText } from '../digest/digest.ts'
import type { Relation } from '../invariant/invariant.ts'
import type { KeyState } from './compare.ts'
import { type Held, imagesOf, type Keys, statesOf } from './images.ts'
import { keyCondition } from './key-condition.ts'
import type { Scan } from './scan.ts'
import { expressionSql, keyColumns, openSide, type SideReader, select, typesOf } from './side-reader.ts'
import type { Source } from './sources/postgres.ts'

/** References asked about at a time: a few megabytes of text, a fraction of a second for the parent. */
const referencesPerBatch = 50_000

/** The two sides of a reference; the child's columns are its reference. */
export interface ReferenceReaders {
  readonly child: SideReader
  readonly parent: SideReader
}

type ReferenceRelation = Extract<Relation, { kind: 'references' }>

/** Opens both sides; the child is read with `by` as its columns. */
export async function openReference(
  relation: ReferenceRelation,
  source: (name: string) => Source,
): Promise<ReferenceReaders> {
  const [childSide, parentSide] = relation.sides
  const plain = await openSide(source(childSide.source), { ...childSide, columns: {} })
  const by = relation.by.map(expressionSql)
  const types = await plain.source.read((snapshot) => typesOf(snapshot, childSide, by))
  const columns = by.map((sql, i) => ({ sql, type: types[i] ?? { name: 'text', form: 'b', category: 'S' } }))
  const columnNames = relation.by.map((expression) =>
    typeof expression === 'string' ? expression : 'column' in expression ? expression.column : expression.sql,
  )
  const parent = await openSide(source(parentSide.source), { ...parentSide, columns: {} })
  return { child: { ...plain, columns, columnNames }, parent }
}

/** The keys of children whose parent is not there, at most `most` of them. */
export async function scanReferences(reference: ReferenceReaders, most: number): Promise<Scan> {
  const { child, parent } = reference
  const list = child.columns.map((cell, i) => `${canonicalSql(cell.type, cell.sql)} as c${i}`).join(', ')
  const missing: string[][] = []
  let rows = 0
  await child.source.read(async (snapshot) => {
    await snapshot.query(
      `declare selvedge_references no scroll cursor for ${select(child.side, `${list}, count(*)::text as n`, notNull(child))} group by ${child.columns.map((_, i) => i + 1).join(', ')}`,
    )
    for (;;) {
      const batch = await snapshot.query<Record<string, string>>(`fetch ${referencesPerBatch} from selvedge_references`)
      if (batch.rows.length === 0 || missing.length > most) return
      for (const row of batch.rows) rows += Number(row.n)
      const references = batch.rows.map((row) => child.columns.map((_, i) => row[`c${i}`] ?? ''))
      const gone = await missingParents(parent, references)
      missing.push(...references.filter((parts) => gone.has(rowText(parts))))
    }
  })
  const keys = await childrenOf(child, missing.slice(0, most), most)
  return {
    keys: keys.slice(0, most),
    rows,
    rowsWithoutKey: [],
    stopped: missing.length > most || keys.length > most,
    nearlyAll: false,
  }
}

/** What the child says, and whether the parent it names is there. */
export async function readReferences(
  reference: ReferenceReaders,
  keys: readonly (readonly string[])[],
): Promise<ReadonlyMap<string, KeyState>> {
  const { child, parent } = reference
  const children = await child.source.read((snapshot) => imagesOf(snapshot, child, keys))
  const named = [...children.values()].flatMap(({ image }) =>
    image.filter((row): row is readonly string[] => !row.includes(null)),
  )
  const gone = await missingParents(parent, named)
  const parents = new Map<string, Held>()
  for (const [key, { image }] of children) {
    // The parent counts as there only when each reference of this key has one.
    if (image.every((row) => row.includes(null) || !gone.has(rowText(row))))
      parents.set(key, { image: [[]], stamp: '' })
  }
  return statesOf(keys, [children, parents])
}

/** Those of the references that the parent has not, as `rowText`; only they travel back. */
async function missingParents(parent: SideReader, references: Keys): Promise<ReadonlySet<string>> {
  const condition = keyCondition(parent.key, references)
  if (condition === undefined) return new Set(references.map(rowText))
  const names = parent.key.map((_, i) => `k${i}`)
  const lists = names.map((_, i) => `$${condition.values.length + i + 1}::text[]`).join(', ')
  const asked = `select ${names.join(', ')} from unnest(${lists}) as asked(${names.join(', ')})`
  const values = [...condition.values, ...names.map((_, i) => references.map((parts) => parts[i]))]
  const { rows } = await parent.source.read((snapshot) =>
    snapshot.query<Record<string, string>>(
      `${asked} except ${select(parent.side, keyColumns(parent), condition.sql)}`,
      values,
    ),
  )
  return new Set(rows.map((row) => rowText(names.map((name) => row[name] ?? null))))
}

async function childrenOf(
  child: SideReader,
  references: readonly (readonly string[])[],
  most: number,
): Promise<string[][]> {
  const condition = keyCondition(child.columns, references)
  if (condition === undefined) return []
  const { rows } = await child.source.read((snapshot) =>
    snapshot.query<Record<string, string | null>>(
      `${select(child.side, keyColumns(child), condition.sql)} order by ${child.key.map((_, i) => i + 1).join(', ')} limit ${most + 1}`,
      condition.values,
    ),
  )
  return rows.map((row) => child.key.map((_, i) => row[`k${i}`] ?? ''))
}

function notNull(child: SideReader): string {
  return child.columns.map((cell) => `${cell.sql} is not null`).join(' and ')
}
