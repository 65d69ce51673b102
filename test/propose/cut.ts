/** Cuts one database into several by a seed, and counts how many of the references across the cut are proposed. */

import { seededRandom } from '../../src/base/random.ts'
import { propose, type Reader } from '../../src/check/propose/propose.ts'
import type { SurveyTable } from '../../src/check/propose/survey.ts'
import type { TrueReference } from './generate.ts'

/** What was proposed of one cut. */
export interface Score {
  readonly parts: number
  readonly seed: number
  /** References that the cut goes through. */
  readonly wanted: number
  readonly proposed: number
  readonly right: number
  readonly wrong: readonly string[]
  readonly missed: readonly string[]
  /** Missed ones that stand in the file, commented out. */
  readonly doubtful: number
  /** Pairs of tables that were taken for copies. */
  readonly twins: readonly string[]
}

/** A database that can be cut. */
export interface Whole {
  readonly tables: readonly SurveyTable[]
  readonly references: readonly TrueReference[]
  readonly reader: Reader
}

/** Nothing is asked of a database whose samples are whole. */
export const wholeReader: Reader = {
  present: async () => new Set(),
  rowsOf: async ({ table, key, values, columns }) => {
    const keys = table.sample.get(key) ?? []
    const at = new Map(keys.map((value, i) => [value, i]))
    return new Map(
      values.map((value) => [value, columns.map((name) => table.sample.get(name)?.[at.get(value) ?? -1] ?? null)]),
    )
  },
}

/** Cuts and proposes. */
export async function scoreOf(
  whole: Whole,
  { parts, seed }: { readonly parts: number; readonly seed: number },
): Promise<Score> {
  const random = seededRandom(seed)
  const tables = whole.tables.map((table) => ({ ...table, foreignKeys: [], source: `part${random.int(parts)}` }))
  const sourceOf = new Map(tables.map(({ name, source }) => [name, source]))
  const wanted = new Set(
    whole.references
      .filter(({ table, parent }) => sourceOf.get(table) !== sourceOf.get(parent))
      .map(({ table, columns, parent }) => nameOf(table, columns, parent)),
  )
  const { references, twins } = await propose(tables, whole.reader)
  const named = (confidence: string) =>
    references
      .filter((one) => one.confidence === confidence)
      .map(({ table, columns, parent }) => nameOf(table.name, columns, parent.table.name))
  const [sure, doubtful] = [named('sure'), named('doubtful')]
  return {
    ...{ parts, seed, wanted: wanted.size, proposed: sure.length },
    right: sure.filter((name) => wanted.has(name)).length,
    wrong: sure.filter((name) => !wanted.has(name)),
    missed: [...wanted].filter((name) => !sure.includes(name)),
    doubtful: doubtful.filter((name) => wanted.has(name)).length,
    twins: twins.map(({ first, second }) => `${first.table.name} = ${second.table.name}`),
  }
}

function nameOf(table: string, columns: readonly string[], parent: string): string {
  return `${table}.${[...columns].sort().join('+')} -> ${parent}`
}

/** Precision and recall over several cuts, and what was wrong. */
export function summaryOf(scores: readonly Score[]) {
  const sum = (of: (score: Score) => number) => scores.reduce((total, score) => total + of(score), 0)
  const [right, proposed, wanted] = [sum((s) => s.right), sum((s) => s.proposed + s.twins.length), sum((s) => s.wanted)]
  return {
    precision: proposed === 0 ? 1 : right / proposed,
    recall: wanted === 0 ? 1 : right / wanted,
    /** With those that are commented out. */
    recallShown: wanted === 0 ? 1 : (right + sum((s) => s.doubtful)) / wanted,
    wrong: countsOf(scores.flatMap((s) => [...s.wrong, ...s.twins])),
    missed: countsOf(scores.flatMap((s) => s.missed)),
  }
}

/** Cuts of which too little was found, or too much that is not: a mean over many cuts hides them. */
export function poorCuts(
  scores: readonly Score[],
  { precision, recall }: { readonly precision: number; readonly recall: number },
): Score[] {
  return scores.filter(({ right, wanted, proposed, twins }) => {
    const said = proposed + twins.length
    return right < recall * wanted || right < precision * said
  })
}

function countsOf(names: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, count]) => `${name} (${count})`)
}

/** So many cuts into two, and so many into three. */
export function cutsOf(seeds: number) {
  return [2, 3].flatMap((parts) => Array.from({ length: seeds }, (_, i) => ({ parts, seed: i + 1 })))
}
