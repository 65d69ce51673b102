/** What a sample says about one column: how many values, how many of them differ, how densely integers stand. */
import { type KeyEnds, type KeyKind, keyLengthMax, partsText, type SurveyTable } from './survey.ts'

/** A column's sample in numbers. */
export interface ColumnFacts {
  readonly kind: KeyKind
  /** Distinct values and how many sampled rows have each. */
  readonly counts: ReadonlyMap<string, number>
  /** Sampled rows with a value. */
  readonly filled: number
  /** Of integers, and of texts that are all written as such. */
  readonly min: bigint | undefined
  readonly max: bigint | undefined
  /** The least and the greatest integer of the whole column, of which a sample has some between. */
  readonly ends: KeyEnds | undefined
  /** Different values that the whole column may have, where each row that was not sampled has one of its own. */
  readonly distinctMost: number
  /** By which they are counted: 10 of 10, 20, 30. */
  readonly step: bigint
  /** The length of the longest value. */
  readonly lengthMax: number
  /** Whether all texts are written as UUIDs are. */
  readonly isUuid: boolean
  readonly isDigits: boolean
  /** Whether all texts hold a digit beside other characters, as made keys do and words do not. */
  readonly isCode: boolean
  /** Whether all texts are addresses of e-mail, which name a person as a key does. */
  readonly isEmail: boolean
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const digits = /^-?\d{1,18}$/

/** Reads a column of a sample; once for each column of a table. */
export function columnFacts(table: SurveyTable, column: string): ColumnFacts {
  const known = remembered.get(table) ?? new Map<string, ColumnFacts>()
  remembered.set(table, known)
  const facts = known.get(column) ?? read(table, column)
  known.set(column, facts)
  return facts
}

/** Reads several columns as one: their values by `partsText`, of the rows that have all of them. */
export function columnsFacts(table: SurveyTable, columns: readonly string[]): ColumnFacts {
  const [only] = columns
  if (columns.length === 1) return columnFacts(table, only!)
  const values = columns.map((column) => table.sample.get(column) ?? [])
  const counts = new Map<string, number>()
  let filled = 0
  for (let row = 0; row < (values[0]?.length ?? 0); row += 1) {
    const parts = values.map((of) => of[row] ?? null)
    if (!parts.every((part): part is string => part !== null && part !== '')) continue
    const text = partsText(parts)
    filled += 1
    counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  return {
    ...{ kind: 'other', counts, filled, min: undefined, max: undefined, step: 1n },
    ...{ ends: undefined, distinctMost: counts.size },
    ...{ lengthMax: Math.max(0, ...columns.map((column) => columnFacts(table, column).lengthMax)) },
    ...{ isUuid: false, isDigits: false, isCode: false, isEmail: false },
  }
}

const remembered = new WeakMap<SurveyTable, Map<string, ColumnFacts>>()

function read(table: SurveyTable, column: string): ColumnFacts {
  const counts = new Map<string, number>()
  let filled = 0
  let lengthMax = 0
  for (const value of table.sample.get(column) ?? []) {
    // An empty text is how many schemas write "none".
    if (value === null || value === '') continue
    filled += 1
    lengthMax = Math.max(lengthMax, value.length)
    counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  const kind = table.columns.find(({ name }) => name === column)?.kind ?? 'other'
  const values = [...counts.keys()]
  const isDigits = values.length > 0 && values.every((value) => digits.test(value))
  const isCounted = kind === 'integer' || isDigits
  const numbers = isCounted
    ? values
        .filter((value) => digits.test(value))
        .map(BigInt)
        .sort(ascending)
    : []
  const [min, max] = [numbers[0], numbers.at(-1)]
  const sampled = table.sample.get(column)?.length ?? 0
  return {
    ...{ kind, counts, filled, min, max },
    ends: table.ends?.get(column) ?? (min === undefined || max === undefined ? undefined : { min, max }),
    distinctMost: counts.size * (table.isWhole || sampled === 0 ? 1 : Math.max(1, table.rows / sampled)),
    step: stepOf(numbers),
    lengthMax,
    isUuid: values.length > 0 && values.every((value) => uuid.test(value)),
    isDigits,
    isCode: values.length > 0 && values.every((value) => /\d/.test(value) && !digits.test(value) && !/\s/.test(value)),
    isEmail: values.length > 0 && values.every((value) => /^[^\s@]+@[^\s@]+$/.test(value)),
  }
}

/** The greatest step that leads from each number to all others. */
function stepOf(numbers: readonly bigint[]): bigint {
  let step = 0n
  for (let i = 1; i < numbers.length && step !== 1n; i += 1) {
    let [a, b] = [step, numbers[i]! - numbers[i - 1]!]
    while (b !== 0n) [a, b] = [b, a % b]
    step = a
  }
  return step === 0n ? 1n : step
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b)
}

/** Whether a column's values are short enough to be keys. */
export function isKeyLike({ kind, lengthMax }: ColumnFacts): boolean {
  return kind !== 'other' && lengthMax <= keyLengthMax
}

/** How well the integers of a column fill the range of a key, which tells more than that they lie within it. */
export interface Fit {
  /** Whether drawing from all over the key would give what was seen: neither end of the key is left out. */
  readonly isSpread: boolean
  /** The chance that the range of another count would fit as well, if counts end anywhere from ones to tens of thousands. */
  readonly coincidence: number
  /** Whether the values look drawn from the key by chance: many, with gaps, and as many in each part of it. */
  readonly isDrawn: boolean
}

/** Ends that are left out by chance less often than this are left out for a reason. */
const leftOutMin = 1e-3
/** Counts of rows lie within four powers of ten. */
const spreadOfCounts = Math.log(1e4)

/** A count leaves out fewer numbers than it has; what is drawn leaves out more. */
const sparseMin = 1.5
/** Fewer values are even by chance. */
const drawnMin = 30
/** Kolmogorov's distance: keys that come in groups are less even than drawn ones, and amounts have 0.4 and more. */
const unevenMax = 0.2

/** Whether the different values lie evenly in a range, as drawn keys do and amounts do not. */
function isEven({ counts }: ColumnFacts, { min, span }: { readonly min: bigint; readonly span: number }): boolean {
  const places = [...counts.keys()].map((value) => (Number(BigInt(value) - min) + 0.5) / span).sort((a, b) => a - b)
  const gaps = places.map((place, i) => Math.max(place - i / places.length, (i + 1) / places.length - place))
  return Math.max(...gaps) < unevenMax
}

/** How a column fits a key; undefined where they are no integers, or where the key's range is not known. */
export function fitOf(child: ColumnFacts, parent: ColumnFacts): Fit | undefined {
  const { min, max, counts } = child
  const { ends } = parent
  if (child.kind !== 'integer' || parent.kind !== 'integer') return undefined
  if (min === undefined || max === undefined || ends === undefined) return undefined
  // Where no value occurs twice, and few are left out, it is a count of the table's own rows, and no rows of another.
  const isSparse = Number((max - min) / child.step) + 1 >= child.distinctMost * sparseMin
  if (counts.size === child.filled && !isSparse) return undefined
  const span = Number(ends.max - ends.min) + 1
  const shares = [Number(max - ends.min) + 1, Number(ends.max - min) + 1].map((part) => part / span)
  const isSpread = shares.every((share) => share <= 1 && share ** counts.size > leftOutMin)
  const window = Math.min(1, -Math.log(leftOutMin) / counts.size / spreadOfCounts)
  // A count that does not start near 1 is met at both ends.
  const isDrawn = isSpread && isSparse && counts.size >= drawnMin && isEven(child, { min: ends.min, span })
  return { isSpread, coincidence: ends.min > 100n ? window ** 2 : window, isDrawn }
}

/**
 * The chance that a value drawn without knowledge of the key is one of its values: 1 for ids counted from 1 on, near 0
 * for UUIDs. For texts it is judged by how many there could be of that length.
 */
export function densityOf(facts: ColumnFacts, rows: number): number {
  // By what was sampled, not by both ends: one key at 2,147,483,647 makes those from 1 to 50,000 no sparser.
  if (facts.kind !== 'uuid' && facts.min !== undefined && facts.max !== undefined) {
    // Two tables counted by tens meet as often as two that are counted by ones.
    const span = Number((facts.max - facts.min) / facts.step) + 1
    // A count that starts far from 1 is a range of its own, which a foreign column meets by chance rarely.
    const isElsewhere = facts.min > 1_000n && facts.min > BigInt(rows) * 2n
    return Math.min(1, Math.max(rows, facts.counts.size) / span) * (isElsewhere ? 0.3 : 1)
  }
  if (facts.kind === 'uuid' || facts.isUuid) return 1e-9
  return Math.min(1, rows / 26 ** Math.min(6, Math.max(1, facts.lengthMax)))
}
