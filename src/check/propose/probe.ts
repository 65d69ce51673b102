/** Asks parents for the values of candidates: in memory where the parent was read whole, by one query elsewhere. */
import { seededRandom } from '../../base/random.ts'
import type { Candidate } from './decide-candidates.ts'
import type { Probed } from './decide-references.ts'
import { probeValuesMax, type Surveyed } from './survey.ts'

/** Those of the values that are in a table's columns. */
export type Present = Surveyed['present']

/** Missing values that are named to the reader. */
const examplesMax = 3

/** Looks for a candidate's values at its parent. */
export async function probe(candidate: Candidate, present: Present): Promise<Probed> {
  const { facts, parent } = candidate
  const asked = spread([...facts.counts.keys()], probeValuesMax)
  const found = asked.length === 0 ? new Set<string>() : await foundOf(parent, asked, present)
  const rowsOf = (values: readonly string[]) => values.reduce((sum, value) => sum + (facts.counts.get(value) ?? 0), 0)
  const there = asked.filter((value) => found.has(value))
  return {
    ...candidate,
    asked: asked.length,
    found: there.length,
    rowsAsked: rowsOf(asked),
    rowsFound: rowsOf(there),
    examples: asked.filter((value) => !found.has(value)).slice(0, examplesMax),
  }
}

async function foundOf(
  parent: Candidate['parent'],
  asked: readonly string[],
  present: Present,
): Promise<ReadonlySet<string>> {
  const { table, columns, facts } = parent
  if (table.isWhole) return new Set(asked.filter((value) => facts.counts.has(value)))
  const known = asked.filter((value) => facts.counts.has(value))
  const rest = asked.filter((value) => !facts.counts.has(value))
  if (rest.length === 0) return new Set(known)
  return new Set([...known, ...(await present(table, columns, rest))])
}

/** From all over the list, by chance that replays: a step of equal length would miss what recurs in that step. */
export function spread(values: readonly string[], most: number): readonly string[] {
  return values.length <= most ? values : seededRandom('probe').shuffle(values).slice(0, most)
}
