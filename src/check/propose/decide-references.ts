/** Decides which candidates are proposed, which are doubtful, and which are dropped, by what was found of their values. */

import { groupedBy } from '../../base/grouped-by.ts'
import { type Candidate, coincidenceMax, isSameName } from './decide-candidates.ts'
import { nameScore } from './decide-name-match.ts'
import type { SurveyTable } from './survey.ts'
import { wordsOf } from './words.ts'

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
/** And less likely than this where the values are counted and not drawn: gaps of one count may repeat in another. */
const certainChanceMax = 1e-9
/** Of 5,760 columns of numbers of many kinds that refer to nothing, one was taken for drawn keys by this, and four by 0.05. */
const drawnChanceMax = 0.02
/** Counts that begin higher are counts of their own, whose two ends nothing else has. */
const firstMax = 100n
/** So many values must be from all over a table that the column's name only begins with. */
const begunMin = 8
/** Parents whose scores differ by less could be meant as well. */
const tieMargin = 0.04
/** Of two tables of one key, the smaller is meant where all values would be in it by chance less often than this. */
const subsetChanceMax = 1e-3

/** Which tables hold what others hold. */
export interface Twins {
  /** What refers to a table that only holds copies refers to their owner. */
  readonly copies: ReadonlySet<SurveyTable>
  /** Tables that hold the same as one elsewhere, copies or not. */
  readonly alike: ReadonlySet<SurveyTable>
}

const noTwins: Twins = { copies: new Set(), alike: new Set() }

/** The best parent of each column. Proposed only across sources; a better parent beside the column settles it. */
export function decideReferences(probed: readonly Probed[], twins: Twins = noTwins): ProposedReference[] {
  const options = optionsByColumn(probed)
  const chosen = bestParents(probed, twins).map((choice) => ({
    ...choice,
    decided: decided(choice.best, choice.rival),
  }))
  const firm = chosen.filter(({ best, decided: [one] }) => best.asked > 0 && one?.confidence === 'sure')
  const meant = meantByName(firm.map(({ best }) => best))
  return chosen.flatMap(({ best, decided: proposed }) => {
    const parent = proposed[0]?.confidence === 'sure' ? undefined : meant.get(nameOf(best))
    const same = options.get(columnOf(best))?.find((option) => option.parent === parent)
    if (same !== undefined && isCalledSo(same))
      return isBeside(same) ? [] : [{ ...same, kind: 'references', confidence: 'sure' }]
    return isBeside(best) ? [] : proposed
  })
}

/** So many columns of one name must be found to refer to one table, before others are by their name. */
const namesakesMin = 2

/** What the columns of one name refer to, where all of them whose values tell agree: `changed_by` means users everywhere. */
function meantByName(firm: readonly Probed[]): Map<string, Probed['parent']> {
  return new Map(
    [...groupedBy(firm, nameOf)].flatMap(([name, same]) => {
      const { parent } = same[0]!
      const isOne = same.length >= namesakesMin && same.every((one) => one.parent === parent)
      return isOne ? [[name, parent] as const] : []
    }),
  )
}

/** Whether nothing but the want of values speaks against what a column's namesakes refer to. */
function isCalledSo(option: Probed): boolean {
  return option.name >= nameScore.role && (option.asked === 0 || shareOf(option) >= shareSure)
}

function nameOf({ columns, facts }: Probed): string {
  return `${facts.kind} ${wordsOf(columns[0]!).join(' ')}`
}

function columnOf({ table, columns }: Probed): string {
  return `${table.source}\u0000${table.name}\u0000${columns[0]}`
}

function optionsByColumn(probed: readonly Probed[]): ReadonlyMap<string, readonly Probed[]> {
  return groupedBy(probed, columnOf)
}

/** The best parent of each column, wherever it is, and another that could be meant as well. */
export function bestParents(
  probed: readonly Probed[],
  { copies, alike }: Twins = noTwins,
): { readonly best: Probed; readonly rival: Probed | undefined }[] {
  return [...optionsByColumn(probed).values()].flatMap((options) => {
    const ranked = options
      .filter((option) => !copies.has(option.parent.table))
      .map((option) => ({ option, score: scoreOf(option) }))
      .filter(({ score }) => score > 0)
      // Of two that hold the same, the one elsewhere, whichever was read first.
      .sort((a, b) => b.score - a.score || Number(isBeside(a.option)) - Number(isBeside(b.option)))
    const [first] = ranked
    if (first === undefined) return []
    const beside = ranked.find(({ option }) => isOwnOf(option, first.option) && !alike.has(option.parent.table))
    if (beside !== undefined) return [{ best: beside.option, rival: undefined }]
    const best = narrowest(
      first.option,
      ranked.map(({ option }) => option),
    )
    if (best !== first.option) return [{ best, rival: undefined }]
    const rival = ranked.slice(1).find(({ option }) => !isLess(option, first.option))
    return [{ best, rival: rival !== undefined && first.score - rival.score < tieMargin ? rival.option : undefined }]
  })
}

/**
 * A table whose key is another's, `concept_id` of concept_numeric, holds some of its rows and is not meant as well; nor
 * are persons, where users do what is done in a system.
 */
function isLess({ parent, name }: Probed, { parent: best, name: bestName }: Probed): boolean {
  const isExtension = parent.home < best.home && isSameName(parent.columns[0]!, best.columns[0]!)
  return isExtension || (bestName === nameScore.account && name <= nameScore.role)
}

function isBeside({ table, parent }: Probed): boolean {
  return parent.table.source === table.source
}

/** Of two tables of one name, each service refers to its own, unless both hold the same. */
function isOwnOf(option: Probed, first: Probed): boolean {
  const [own, other] = [option.parent.named[0]!, first.parent.named[0]!]
  const isOwn = isBeside(option) && !isBeside(first)
  const isSame = own.entity.join(' ') === other.entity.join(' ') && isSameName(own.column, other.column)
  return isOwn && isSame && option.asked > 0 && shareOf(option) >= shareSure
}

/**
 * Tables of one key, as persons and the employees among them, hold part of each other's rows. What refers to the part
 * has all its values there, which would be chance otherwise.
 */
function narrowest(first: Probed, options: readonly Probed[]): Probed {
  const key = first.parent.columns[0]!
  const others = options
    .filter(({ parent, asked, found }) => asked > 0 && found === asked && isSameName(parent.columns[0]!, key))
    // Of two that hold the same keys, the table that says more of them is the one that others refer to.
    .sort((a, b) => b.parent.table.rows - a.parent.table.rows || columnsOf(b) - columnsOf(a))
  let best = first
  for (const option of others) {
    const chance = subsetChance(option.found, { part: option.parent.table.rows, whole: best.parent.table.rows })
    if (option.name >= Math.min(first.name, nameScore.sameKey) && chance < subsetChanceMax) best = option
  }
  return best
}

function columnsOf({ parent }: Probed): number {
  return parent.table.columns.length
}

/** The chance that so many different values of the whole are all in the part. */
function subsetChance(values: number, { part, whole }: { readonly part: number; readonly whole: number }): number {
  if (part >= whole) return 1
  let chance = 1
  for (let i = 0; i < values && chance > 0; i += 1) chance *= Math.max(0, part - i) / (whole - i)
  return chance
}

/** How good a parent is for its column: names first, then values; 0 when the values speak against it. */
export function scoreOf(probed: Probed): number {
  const { name, parent, asked } = probed
  const share = shareOf(probed)
  if (asked > 0 && share < shareDoubtful) return 0
  const coverage = Math.min(1, probed.found / Math.max(1, parent.table.rows))
  const values = asked === 0 ? 0.5 : share
  return name * 0.6 + values * 0.25 + coverage * 0.1 + (parent.isPrimary ? 0.05 : 0) + parent.home * 0.05
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
    // `business_id` may be unique beside a primary key, and names its table; `rowguid` is unique everywhere.
    const isNamed = best.parent.home >= 0.75 && isSameName(best.columns[0]!, best.parent.columns[0]!)
    const isAccount = best.name === nameScore.account && rival === undefined && best.parent.home === 1
    if ((best.name < nameScore.short && !isAccount) || !(best.parent.isPrimary || isNamed)) return []
    const isClear = rival === undefined && isNamedWithoutDoubt(best)
    return isClear ? [{ ...best, kind: 'references', confidence: 'sure' }] : doubtful('only the names say it')
  }
  const share = shareOf(best)
  if (best.parent.table.rows === 0) return []
  if (best.name < nameScore.role) return byValuesAlone(best, { rival, doubtful })
  if (share < shareSure) return best.name < nameScore.ending ? [] : doubtful('many values are missing')
  if (rival !== undefined && best.name < nameScore.sameKey)
    return doubtful(`${rival.parent.table.name} could be meant as well`)
  // `capital` of a region is one of a department's capitals, and says nothing of departments.
  const [child, key] = [best.columns[0]!, best.parent.columns[0]!]
  if (isSameName(child, key) && !best.parent.isPrimary && !best.hasKeyWord && best.parent.home === 0)
    return doubtful(`${key} is not the primary key there`)
  if (best.name < nameScore.short && share < 0.95) return doubtful('the names are only alike')
  return [{ ...best, kind: 'references', confidence: 'sure' }]
}

/**
 * Whether name and type alone say it: the column says that it is a key, names one table, by its own key, and has the
 * very type of that key. Where no row is yet, a wrong one can be broken by none.
 */
function isNamedWithoutDoubt({ table, columns, parent, name, hasKeyWord }: Probed): boolean {
  const [child, key] = [columns[0]!, parent.columns[0]!]
  // `state_name` is the primary key of states, and stands beside them in what is said of each state.
  const isOwnName = parent.isPrimary && parent.home >= 0.75 && isSameName(child, key)
  const typeOf = (of: SurveyTable, column: string) => {
    const { kind, type } = of.columns.find(({ name: other }) => other === column)!
    return kind === 'text' ? type.replace('character varying', 'varchar').replace('character', 'char') : kind
  }
  const isAlike = name >= nameScore.ending || (name === nameScore.account && parent.facts.kind !== 'text')
  const isClear = isSameName(child, key) ? name >= nameScore.sameKey : isAlike && parent.home >= 0.75
  // A number that is named as a table is, `order_type`, is no measure.
  const isKey =
    hasKeyWord || isOwnName || name === nameScore.account || (name === nameScore.entity && parent.facts.kind !== 'text')
  return isKey && isClear && typeOf(table, child) === typeOf(parent.table, key)
}

interface Doubts {
  readonly rival: Probed | undefined
  readonly doubtful: (doubt: string) => ProposedReference[]
}

function byValuesAlone(best: Probed, { rival, doubtful }: Doubts): ProposedReference[] {
  if (shareOf(best) < 0.95 || best.asked < 3) return []
  const { name, hasKeyWord, found, asked, density, isSpread, coincidence, parent, facts } = best
  const chance = density ** found
  const isRandom = parent.facts.kind === 'uuid' || parent.facts.isUuid
  const isBegun = name === nameScore.beginning && isSpread
  const fits = coincidence < coincidenceMax || isBegun
  if (chance > chanceMax && !fits) return []
  const isMade = (hasKeyWord || facts.isCode || facts.isEmail) && chance <= certainChanceMax
  // Two tables of a hundred rows each are common; two counts from 5,000 to 5,100 are not.
  const isCounted =
    coincidence < (hasKeyWord ? coincidenceMax : coincidenceMax / 50) && (parent.facts.ends?.min ?? 0n) > firstMax
  // `capital` says nothing of cities; a `device_id` says that it is of something else.
  const isDrawn = best.isDrawn && coincidence < (hasKeyWord ? coincidenceMax / 50 : drawnChanceMax)
  const isProved = isMade || isCounted || isDrawn || (isBegun && asked >= begunMin)
  const isClear = rival === undefined && found === asked && isProved
  if (isRandom || isClear) return [{ ...best, kind: 'references', confidence: 'sure' }]
  return doubtful(`the values are there, but the names have ${name > 0 ? 'little' : 'nothing'} in common`)
}
