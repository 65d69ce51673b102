/**
 * Decides whether two tables hold the same things: equal keys, and columns whose values agree row by row. Equal keys
 * alone say nothing, since ids counted from 1 on are equal everywhere; agreeing values that differ between rows do.
 */
import { columnFacts, densityOf } from './column-facts.ts'
import { entitiesOf } from './decide-modules.ts'
import { type NamedKey, nameMatch, nameScore } from './decide-name-match.ts'
import type { SurveyTable } from './survey.ts'
import { keyNameOf, wordsOf } from './words.ts'

/** A table and the column that names its rows. */
export interface KeyedTable {
  readonly table: SurveyTable
  readonly key: string
}

/** Two tables that may hold the same things; whose keys are then looked up. */
export interface TwinPair {
  readonly first: KeyedTable
  readonly second: KeyedTable
}

/** Two tables whose keys are the same ones; whose rows are then read. */
export interface TwinCandidate extends TwinPair {
  /** Keys that both have, of those that were sampled. */
  readonly common: readonly string[]
  /** Sampled keys of each side, and those of them that the other has. */
  readonly overlap: { readonly first: number; readonly second: number }
}

/** Values of common rows: by key, in the order of the columns that were asked for. */
export type Rows = ReadonlyMap<string, readonly (string | null)[]>

/** Columns of two tables that hold the same. */
export interface ColumnPair {
  readonly first: string
  readonly second: string
  /** Common rows of which both values were compared, and those that agree. */
  readonly compared: number
  readonly agreed: number
}

/** Two tables that hold the same things. */
export interface ProposedTwin extends TwinCandidate {
  readonly kind: 'replicaOf' | 'agree'
  /** The owner of a `replicaOf` is `first`. */
  readonly columns: readonly ColumnPair[]
}

/** Most keys of the smaller side must be on the other. */
const overlapMin = 0.8
/** Most common rows must agree in a column; the others are what a check would then find. */
const agreeMin = 0.8
/** A column that tells fewer things apart agrees by chance. */
const distinctMin = 4

/** Pairs of tables of different sources whose kinds and names do not speak against their being the same. */
export function twinPairs(tables: readonly SurveyTable[]): TwinPair[] {
  const entities = entitiesOf(tables)
  const keyed = tables.flatMap((table) =>
    table.keys.flatMap((key) => (key.length === 1 && table.rows > 0 ? [{ table, key: key[0]! }] : [])),
  )
  const named = new Map(keyed.map((one) => [one, { entity: entities.get(one.table)!, column: one.key }]))
  return keyed.flatMap((first, i) =>
    keyed.slice(i + 1).flatMap((second) => {
      const isPair = first.table.source !== second.table.source && couldBeTwins(first, second, named)
      return isPair ? [{ first, second }] : []
    }),
  )
}

type Names = ReadonlyMap<KeyedTable, NamedKey>

function couldBeTwins(first: KeyedTable, second: KeyedTable, names: Names): boolean {
  const [a, b] = [first, second].map(({ table, key }) => columnFacts(table, key))
  if (a!.kind !== b!.kind || a!.kind === 'other') return false
  const named = [names.get(first)!, names.get(second)!]
  const isSameEntity = named[0]!.entity.join('') === named[1]!.entity.join('')
  const byName = Math.max(nameMatch(named[0]!, named[1]!), nameMatch(named[1]!, named[0]!))
  const isRandom = densityOf(a!, first.table.rows) < 0.02 && densityOf(b!, second.table.rows) < 0.02
  const sharedWord = named[0]!.entity.some((word) => word.length > 3 && named[1]!.entity.includes(word))
  return isSameEntity || byName >= nameScore.short || isRandom || (sharedWord && !isNamedApart(first, second))
}

/** `order_id` and `invoice_id` are keys of different things. */
function isNamedApart(first: KeyedTable, second: KeyedTable): boolean {
  const [a, b] = [keyNameOf(first.key).stem.join(''), keyNameOf(second.key).stem.join('')]
  return a !== '' && b !== '' && a !== b
}

/** Some keys of one side, and those of them that the other side has. */
export interface LookedUp {
  readonly asked: readonly string[]
  readonly found: ReadonlySet<string>
}

/** The pair as a candidate, when most keys of one side are on the other. */
export function decideOverlap(pair: TwinPair, first: LookedUp, second: LookedUp): TwinCandidate | undefined {
  const share = ({ asked, found }: LookedUp) => asked.filter((value) => found.has(value)).length / asked.length
  const overlap = { first: share(first), second: share(second) }
  const common = [...new Set([first, second].flatMap(({ asked, found }) => asked.filter((value) => found.has(value))))]
  if (common.length < 3 || Math.max(overlap.first, overlap.second) < overlapMin) return undefined
  return { ...pair, common, overlap }
}

/** Columns that two tables could both hold: any but the keys, by equal kinds of values. */
export function comparableColumns({ table, key }: KeyedTable): readonly string[] {
  return table.columns
    .filter(({ name, type }) => name !== key && !/json|bytea|blob|xml|geometry/.test(type))
    .map(({ name }) => name)
}

/** The pair as a proposal, when what the rows hold says that they are the same things. */
export function decideTwin(candidate: TwinCandidate, first: Rows, second: Rows): ProposedTwin | undefined {
  const { columns, keys } = pairsOf(candidate, first, second)
  const telling = columns.filter(({ distinct }) => distinct >= Math.min(distinctMin, keys))
  // Rows that were made together have equal times, whatever else they say.
  const isTime = ({ first: name }: ColumnPair) =>
    /date|time/.test(candidate.first.table.columns.find((column) => column.name === name)!.type)
  const isProved = telling.some((pair) => !isTime(pair) && (pair.sameName || pair.distinct >= Math.min(20, keys / 2)))
  if (keys < 3 || !isProved) return undefined
  const plain = columns
    .filter(({ sameName, distinct }) => sameName || distinct >= distinctMin)
    .map(({ first: a, second: b, compared, agreed }) => ({ first: a, second: b, compared, agreed }))
  return directed({ ...candidate, kind: 'agree', columns: plain })
}

interface MeasuredPair extends ColumnPair {
  readonly sameName: boolean
  /** Different values among those that agree. */
  readonly distinct: number
}

function pairsOf(candidate: TwinCandidate, first: Rows, second: Rows): { columns: MeasuredPair[]; keys: number } {
  const keys = candidate.common.filter((key) => first.has(key) && second.has(key))
  const names = [comparableColumns(candidate.first), comparableColumns(candidate.second)] as const
  const measured = names[0].flatMap((a, i) =>
    names[1].flatMap((b, j) => {
      const pair = measure(keys.map((key) => [first.get(key)![i] ?? null, second.get(key)![j] ?? null]))
      if (pair.compared < 3 || pair.agreed < agreeMin * pair.compared) return []
      return [{ first: a, second: b, sameName: sameMeaning(a, b, candidate), ...pair }]
    }),
  )
  // Each column once: the equal name first, then what agrees more often.
  measured.sort((a, b) => Number(b.sameName) - Number(a.sameName) || b.agreed - a.agreed)
  const taken = { first: new Set<string>(), second: new Set<string>() }
  const columns = measured.filter(({ first: a, second: b }) => {
    if (taken.first.has(a) || taken.second.has(b)) return false
    taken.first.add(a)
    taken.second.add(b)
    return true
  })
  return { columns, keys: keys.length }
}

function measure(values: readonly (readonly [string | null, string | null])[]) {
  const both = values.filter(([a, b]) => a !== null && b !== null)
  const equal = both.filter(([a, b]) => sameText(a!, b!))
  return { compared: both.length, agreed: equal.length, distinct: new Set(equal.map(([a]) => a)).size }
}

/** Engines write times and booleans differently; which form is right is for the check to say, not for a proposal. */
function sameText(a: string, b: string): boolean {
  if (a === b) return true
  const plain = (text: string) =>
    text
      .replace('T', ' ')
      .replace(/(\.\d*?)0+$/, '$1')
      .replace(/\.$|[+]00(?::00)?$/, '')
  return plain(a) === plain(b) || (/^[\d.-]+$/.test(a) && /^[\d.-]+$/.test(b) && Number(a) === Number(b))
}

function sameMeaning(a: string, b: string, { first, second }: TwinCandidate): boolean {
  const plain = (column: string, { table, key }: KeyedTable) => {
    const own = new Set([...wordsOf(table.name), ...keyNameOf(key).stem])
    const words = wordsOf(column)
    const rest = words.filter((word) => !own.has(word) && !own.has(`${word}s`))
    return (rest.length === 0 ? words : rest).join('')
  }
  return wordsOf(a).join('') === wordsOf(b).join('') || plain(a, first) === plain(b, second)
}

/** Who owns: the side whose source is named after the thing, whose key is its own, or that holds more of it. */
function directed(twin: ProposedTwin): ProposedTwin {
  const [a, b] = [
    ownership(twin.first, twin.second, twin.overlap.second),
    ownership(twin.second, twin.first, twin.overlap.first),
  ]
  if (a === b) return twin
  if (a > b) return { ...twin, kind: 'replicaOf' }
  const columns = twin.columns.map((pair) => ({ ...pair, first: pair.second, second: pair.first }))
  const overlap = { first: twin.overlap.second, second: twin.overlap.first }
  return { ...twin, kind: 'replicaOf', first: twin.second, second: twin.first, overlap, columns }
}

const copyWords = new Set(
  'copy cache cached replica mirror projection snapshot view known local shadow sync imported'.split(' '),
)

/** `holdsAll` is the share of the other's keys that this side has. */
function ownership({ table, key }: KeyedTable, other: KeyedTable, holdsAll: number): number {
  const entity = entityWords(table)
  const source = wordsOf(table.source).map((word) => word.replace(/s$/, ''))
  const isCopyNamed = wordsOf(table.name).some((word) => copyWords.has(word))
  const stem = keyNameOf(key).stem.join('')
  const isKeyOfOther = stem !== '' && stem === entityWords(other.table).join('') && stem !== entity.join('')
  return (
    (entity.some((word) => source.includes(word)) ? 2 : 0) +
    (table.columns.length > other.table.columns.length ? 1 : 0) +
    (holdsAll >= 0.999 ? 1 : 0) -
    (isCopyNamed ? 3 : 0) -
    (isKeyOfOther ? 3 : 0)
  )
}

function entityWords(table: SurveyTable): string[] {
  return wordsOf(table.name).map((word) => word.replace(/ies$/, 'y').replace(/s$/, ''))
}
