/** What a sample says about one column: how many values, how many of them differ, how densely integers stand. */
import { type KeyKind, keyLengthMax, type SurveyTable } from './survey.ts'

/** A column's sample in numbers. */
export interface ColumnFacts {
  readonly kind: KeyKind
  /** Distinct values and how many sampled rows have each. */
  readonly counts: ReadonlyMap<string, number>
  /** Sampled rows with a value. */
  readonly filled: number
  /** Of integers. */
  readonly min: bigint | undefined
  readonly max: bigint | undefined
  /** The length of the longest value. */
  readonly lengthMax: number
  /** Whether all texts are written as UUIDs are. */
  readonly isUuid: boolean
  readonly isDigits: boolean
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
  const numbers =
    kind === 'integer'
      ? values
          .filter((value) => digits.test(value))
          .map(BigInt)
          .sort(ascending)
      : []
  return {
    kind,
    counts,
    filled,
    min: numbers[0],
    max: numbers.at(-1),
    lengthMax,
    isUuid: values.length > 0 && values.every((value) => uuid.test(value)),
    isDigits: values.length > 0 && values.every((value) => digits.test(value)),
  }
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b)
}

/** Whether a column's values are short enough to be keys. */
export function isKeyLike({ kind, lengthMax }: ColumnFacts): boolean {
  return kind !== 'other' && lengthMax <= keyLengthMax
}

/**
 * The chance that a value drawn without knowledge of the key is one of its values: 1 for ids counted from 1 on, near 0
 * for UUIDs. For texts it is judged by how many there could be of that length.
 */
export function densityOf(facts: ColumnFacts, rows: number): number {
  if (facts.kind === 'integer' && facts.min !== undefined && facts.max !== undefined) {
    const span = Number(facts.max - facts.min) + 1
    // A count that starts far from 1 is a range of its own, which a foreign column meets by chance rarely.
    const isElsewhere = facts.min > 1_000n && facts.min > BigInt(rows) * 2n
    return Math.min(1, Math.max(rows, facts.counts.size) / span) * (isElsewhere ? 0.3 : 1)
  }
  if (facts.kind === 'uuid' || facts.isUuid) return 1e-9
  if (facts.isDigits) return 0.5
  return Math.min(1, rows / 26 ** Math.min(6, Math.max(1, facts.lengthMax)))
}
