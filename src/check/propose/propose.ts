/**
 * Proposes what must agree between databases, from what they hold: keys, names, and values above all.
 *
 *     survey each database -> candidates by kind and name -> values looked up on the other side -> decided, with the evidence
 *
 * Everything is read-only and bounded: samples, one query for each pair that is worth it, a limit on each statement.
 */
import { columnFacts } from './column-facts.ts'
import { type Candidate, candidatesOf } from './decide-candidates.ts'
import { compositeCandidatesOf, decideComposites } from './decide-composites.ts'
import { decideReferences, type Probed, type ProposedReference } from './decide-references.ts'
import {
  comparableColumns,
  decideOverlap,
  decideTwin,
  type KeyedTable,
  type LookedUp,
  type ProposedTwin,
  type TwinCandidate,
  twinPairs,
} from './decide-replicas.ts'
import { probe, spread } from './probe.ts'
import { commonRowsMax, type Surveyed, type SurveyTable } from './survey.ts'

/** Keys of a table that are looked up in another one at most, where it was not read whole. */
const lookedUpMax = 500

/** What is proposed. */
export interface Proposals {
  readonly references: readonly ProposedReference[]
  readonly twins: readonly ProposedTwin[]
}

/** How tables of several sources are asked for values; `Surveyed` of each source is one. */
export type Reader = Pick<Surveyed, 'present' | 'rowsOf'>

/**
 * What must agree between the sources, best first.
 *
 * @throws whatever a source throws when it cannot be asked.
 * @example
 * const surveys = [await surveyPostgres('users', url), await surveyMysql('billing', other)]
 * const { references } = await propose(surveys.flatMap(({ tables }) => tables), readerOf(surveys))
 */
export async function propose(
  tables: readonly SurveyTable[],
  reader: Reader,
  onProgress: (line: string) => void = () => undefined,
): Promise<Proposals> {
  const twins: ProposedTwin[] = []
  const pairs = twinPairs(tables)
  onProgress(`looking for copies in ${pairs.length} pairs of tables`)
  for (const pair of pairs) {
    const candidate = decideOverlap(
      pair,
      await lookUp(pair.first, pair.second, reader),
      await lookUp(pair.second, pair.first, reader),
    )
    const twin = candidate === undefined ? undefined : await compareRows(candidate, reader)
    if (twin !== undefined) twins.push(twin)
  }
  const best = withoutRepeats(twins)
  const copies = new Set(best.flatMap(({ kind, second }) => (kind === 'replicaOf' ? [second.table] : [])))
  const alike = new Set(best.flatMap(({ first, second }) => [first.table, second.table]))
  const candidates = { singles: candidatesOf(tables), composites: compositeCandidatesOf(tables) }
  const count = candidates.singles.length + candidates.composites.length
  onProgress(`looking up the values of ${count} pairs of columns`)
  const probed = await probeAll(candidates.singles, reader)
  const composites = (await probeAll(candidates.composites, reader)).filter(({ parent }) => !copies.has(parent.table))
  const singles = decideReferences(probed, { copies, alike })
  const references = decideComposites(composites, { singles, probed }).filter((one) => !isSaidBy(best, one))
  const isDoubtful = ({ confidence }: ProposedReference) => Number(confidence === 'doubtful')
  return { references: references.sort((a, b) => isDoubtful(a) - isDoubtful(b)), twins: best }
}

async function probeAll(candidates: readonly Candidate[], { present }: Reader): Promise<Probed[]> {
  const probed: Probed[] = []
  for (const candidate of candidates) probed.push(await probe(candidate, present))
  return probed
}

/** Questions about a table go to its source. */
export function readerOf(surveys: readonly Surveyed[]): Reader {
  const of = ({ source }: SurveyTable) => surveys.find((one) => one.source === source)!
  return {
    present: (table, columns, values) => of(table).present(table, columns, values),
    rowsOf: (question) => of(question.table).rowsOf(question),
  }
}

/** Where all keys are in memory nobody is asked. */
async function lookUp(from: KeyedTable, at: KeyedTable, { present }: Reader): Promise<LookedUp> {
  const [keys, known] = [from, at].map(({ table, key }) => columnFacts(table, key).counts)
  const asked = at.table.isWhole ? [...keys!.keys()] : spread([...keys!.keys()], lookedUpMax)
  const unknown = at.table.isWhole ? [] : asked.filter((value) => !known!.has(value))
  const there = unknown.length === 0 ? new Set<string>() : await present(at.table, [at.key], unknown)
  return { asked, found: new Set(asked.filter((value) => known!.has(value) || there.has(value))) }
}

async function compareRows(candidate: TwinCandidate, { rowsOf }: Reader): Promise<ProposedTwin | undefined> {
  const { first, second, common } = candidate
  const values = spread(common, commonRowsMax)
  const ask = (side: typeof first) =>
    rowsOf({ table: side.table, key: side.key, values, columns: comparableColumns(side) })
  return decideTwin({ ...candidate, common: values }, await ask(first), await ask(second))
}

/** Each table is a copy of one other: of that with which it shares most columns. */
function withoutRepeats(twins: readonly ProposedTwin[]): ProposedTwin[] {
  const taken = new Set<string>()
  const nameOf = (twin: ProposedTwin, side: 'first' | 'second', other: 'first' | 'second') =>
    `${twin[side].table.source}.${twin[side].table.name} ${twin[other].table.source}`
  return [...twins]
    .sort((a, b) => b.columns.length - a.columns.length)
    .filter((twin) => {
      const names = [nameOf(twin, 'first', 'second'), nameOf(twin, 'second', 'first')]
      if (names.some((name) => taken.has(name))) return false
      for (const name of names) taken.add(name)
      return true
    })
}

function isAlone(columns: readonly string[], key: string): boolean {
  return columns.length === 1 && columns[0] === key
}

/** A copy's key refers to its owner's by being a copy. */
function isSaidBy(twins: readonly ProposedTwin[], { table, columns, parent }: ProposedReference): boolean {
  return twins.some(({ first, second }) =>
    [
      [first, second],
      [second, first],
    ].some(
      ([a, b]) =>
        a!.table === table && isAlone(columns, a!.key) && b!.table === parent.table && isAlone(parent.columns, b!.key),
    ),
  )
}
