/** Decides which candidates are proposed, which are doubtful, and which are dropped, by what was found of their values. */

import { groupedBy } from '../../base/grouped-by.ts'
import type { Candidate } from './decide-candidates.ts'
import { nameScore } from './decide-name-match.ts'

/** A candidate and what became of its values at the parent. */
export interface Probed extends Candidate {
  /** Distinct values that were asked for. */
  readonly asked: number
  /** Distinct values that the parent has. */
  readonly found: number
  /** Sampled rows whose values were asked for, and those whose value the parent has. */
  readonly rowsAsked: number
  readonly rowsFound: number
  /** Of `asked`, those that the parent lacks; a few, for the reader. */
  readonly examples: readonly string[]
}

/** How sure a proposal is. */
export type Confidence = 'sure' | 'doubtful'

/** A reference that is proposed. */
export interface ProposedReference extends Probed {
  readonly kind: 'references'
  readonly confidence: Confidence
  /** Why it is doubtful. */
  readonly doubt?: string
}

/** Most values must be there, or nothing is proposed as sure: what is missing is what a check would then find. */
const shareSure = 0.9
/** Below this even equal names do not mean the same thing. */
const shareDoubtful = 0.3
/** Accidental inclusion must be less likely than this where names say nothing. */
const chanceMax = 1e-6
/** Parents whose scores differ by less could be meant as well. */
const tieMargin = 0.04

/**
 * The best parent of each column. Proposed only across sources; a better parent beside the column settles it.
 * `isCopy` tells tables that only hold copies of others: what refers to them refers to their owner.
 */
export function decideReferences(
  probed: readonly Probed[],
  isCopy: (table: Probed['table']) => boolean = () => false,
): ProposedReference[] {
  const byColumn = groupedBy(probed, ({ table, column }) => `${table.source}\u0000${table.name}\u0000${column}`)
  return [...byColumn.values()].flatMap((options) => {
    const ranked = options
      .filter((option) => !isCopy(option.parent.table))
      .map((option) => ({ option, score: scoreOf(option) }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score)
    const [best, next] = ranked
    if (best === undefined || best.option.parent.table.source === best.option.table.source) return []
    return decided(best.option, next !== undefined && best.score - next.score < tieMargin ? next.option : undefined)
  })
}

/** How good a parent is for its column: names first, then values; 0 when the values speak against it. */
export function scoreOf(probed: Probed): number {
  const { name, parent, asked } = probed
  const share = shareOf(probed)
  if (asked > 0 && share < shareDoubtful) return 0
  const coverage = Math.min(1, probed.found / Math.max(1, parent.table.rows))
  const values = asked === 0 ? 0.5 : share
  return name * 0.6 + values * 0.25 + coverage * 0.1 + (parent.isPrimary ? 0.05 : 0)
}

/** The better of the shares of values and of rows: a few wrong values may have many rows, and the other way round. */
export function shareOf({ asked, found, rowsAsked, rowsFound }: Probed): number {
  if (asked === 0) return 0
  return Math.max(found / asked, rowsFound / rowsAsked)
}

function decided(best: Probed, rival: Probed | undefined): ProposedReference[] {
  const doubtful = (doubt: string): ProposedReference[] => [
    { ...best, kind: 'references', confidence: 'doubtful', doubt },
  ]
  if (best.asked === 0) {
    if (best.name < nameScore.short) return []
    return doubtful(`no row has a value in ${best.column}: only the names say it`)
  }
  const share = shareOf(best)
  if (best.parent.table.rows === 0) return []
  if (best.name < nameScore.role) return byValuesAlone(best, doubtful)
  if (share < shareSure) return best.name < nameScore.ending ? [] : doubtful('many values are missing')
  if (rival !== undefined && best.name < nameScore.sameKey)
    return doubtful(`${rival.parent.table.name} could be meant as well`)
  if (best.name < nameScore.short && share < 0.95) return doubtful('the names are only alike')
  return [{ ...best, kind: 'references', confidence: 'sure' }]
}

function byValuesAlone(best: Probed, doubtful: (doubt: string) => ProposedReference[]): ProposedReference[] {
  if (shareOf(best) < 0.95 || best.asked < 3) return []
  const chance = best.density ** best.found
  if (chance > chanceMax) return []
  const isRandom = best.parent.facts.kind === 'uuid' || best.parent.facts.isUuid
  if (isRandom) return [{ ...best, kind: 'references', confidence: 'sure' }]
  return doubtful('the values are there, but the names have nothing in common')
}
