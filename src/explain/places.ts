/** Where rows of an entity are to be found, derived from what is declared about it: its owner, its copies, what refers to it. */
import type { Config, Expression, Invariant, Side } from '../invariant/invariant.ts'

/** One place to look: the rows of a side whose `by` is the entity's key. */
export interface Place {
  readonly source: string
  readonly side: Side
  readonly by: readonly Expression[]
  readonly role: 'owner' | 'copy' | 'reference'
  /** The invariants by which it should hold a row where the others do. */
  readonly expectedBy: readonly string[]
}

/** The places of an entity in the order of the sources, owner first; the conditions of the declarations are left out, so that a filtered row is seen too. */
export function placesOf(config: Config, entity: string): readonly Place[] {
  const found = new Map<string, Place>()
  for (const place of config.invariants.flatMap((invariant) => placesIn(invariant, entity))) {
    const key = JSON.stringify([place.source, place.side.rows, place.by])
    const known = found.get(key)
    const expectedBy = [...(known?.expectedBy ?? []), ...place.expectedBy]
    found.set(key, { ...(known !== undefined && rank[known.role] <= rank[place.role] ? known : place), expectedBy })
  }
  const sources = Object.keys(config.sources)
  return [...found.values()].sort(
    (a, b) => rank[a.role] - rank[b.role] || sources.indexOf(a.source) - sources.indexOf(b.source),
  )
}

const rank = { owner: 0, copy: 1, reference: 2 } as const

function placesIn({ name, relation, entity: about }: Invariant, entity: string): Place[] {
  if (relation.kind === 'references') {
    const [child, parent] = relation.sides
    return [
      ...(parent.entity === entity ? [placeOf(parent, 'owner')] : []),
      ...(parent.entity === entity ? [placeOf(child, 'reference', { by: relation.by })] : []),
      ...(about === entity ? [placeOf(child, child.entity === entity ? 'owner' : 'copy')] : []),
    ]
  }
  if (about !== entity) return []
  // In a correspondence a row may rightly stand alone; where sides must agree, one that lacks the row is wrong.
  const expectedBy = relation.kind === 'correspondsTo' ? [] : [name]
  return relation.sides.map((side, i) => {
    const isOwner = side.entity === entity || (relation.kind === 'replicaOf' && i === 0)
    return placeOf(side, isOwner ? 'owner' : 'copy', { expectedBy })
  })
}

function placeOf(
  side: Side,
  role: Place['role'],
  {
    by = side.key,
    expectedBy = [],
  }: { readonly by?: readonly Expression[]; readonly expectedBy?: readonly string[] } = {},
): Place {
  return { source: side.source, side: { ...side, where: undefined, columns: {} }, by, role, expectedBy }
}

/** Every entity that the declarations name, sorted. */
export function entitiesOf(config: Config): readonly string[] {
  const names = config.invariants.flatMap(({ entity, relation }) => [entity, ...relation.sides.map((s) => s.entity)])
  return [...new Set(names.filter((name) => name !== undefined))].sort()
}

/** The streams in which events about a key are logged. */
export function streamsOf(config: Config, entity: string, key: string): readonly string[] {
  const linked = config.invariants.flatMap((invariant) =>
    invariant.entity === entity && invariant.link !== undefined ? [invariant.link.streamOf(key)] : [],
  )
  return [...new Set([`${entity}/${key}`, ...linked])]
}
