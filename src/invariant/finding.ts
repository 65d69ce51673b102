/** What a check says: a finding with its verdict and its proof. A finding is a return value, never an error. */

/** All verdicts, from those that a log proves to those that need none. */
export const verdicts = [
  // The copy's position has not reached the change, for longer than the deadline.
  'lagging',
  // The change is committed but no tick or position covers it yet, for longer than the deadline.
  'in-flight',
  // The copy gave the change up for now: its stream is parked.
  'parked',
  // The owner's row is not what its events say: somebody wrote it without publishing.
  'never-published',
  // The copy's position is past the change, but the change was never applied.
  'lost-in-transport',
  // The change was applied, and what the handler wrote is not what the event says.
  'misapplied',
  // The copy held the newest version, and was overwritten with what an earlier one says.
  'regressed',
  // The copy was changed after the last event was applied, without one.
  'conflicting-write',
  // The owner deleted the row and said so; the copy has it.
  'lost-delete',
  // The copy, or child, has a row that no owner ever published.
  'orphan',
  // The copy does not know the schema version of the change.
  'schema-skew',
  // A person left an event out, by name and with a reason.
  'skipped',
  // The sides differ, proved, cause not proved.
  'diverged',
  // One column differs nearly everywhere, or no key is on two sides: the declaration maps it wrongly.
  'mapping-error',
  // The owner's log moved but was not cut into ticks for longer than the deadline.
  'ticker-silent',
] as const

/**
 * What is wrong with a key. A cause is named only where the log proves it; `diverged` says that the sides differ and
 * that this is proved, without a cause. `inconclusive` is never a finding: it is counted by the report.
 */
export type Verdict = (typeof verdicts)[number]

/** Why a finding is no guess: by positions, by two reads further apart than the deadline, or by a sample of common keys. */
export type Proof = 'positions' | 'double-read' | 'sample'

/** One value of a column at each side that has the row; `null` is NULL. */
export interface ColumnDifference {
  readonly column: string
  /** Side name to canonical text. A side without the row is left out. */
  readonly values: Readonly<Record<string, string | null>>
}

/** What the log says of a cause, as far as it does; findings of one cause are one incident. */
export interface Cause {
  readonly consumer?: string
  /** The code of the error that set the stream aside. */
  readonly code?: string
  /** When the change was committed or the stream set aside, in ISO 8601, on the clock of the database that says it. */
  readonly since?: string
}

/** One key for which an invariant does not hold. */
export interface Finding {
  /** The invariant's sentence. */
  readonly invariant: string
  /** The problem under which the invariant is grouped. */
  readonly problem?: string
  readonly entity?: string
  /** The key as text; the parts of a composite one joined by `/`. Empty for a finding about a whole source or column. */
  readonly key: string
  readonly verdict: Verdict
  readonly proof: Proof
  /** One sentence: what is known. */
  readonly because: string
  /** Only where a log says it. */
  readonly cause?: Cause
  /** Sides that hold the row, and sides that do not. */
  readonly present: readonly string[]
  readonly absent: readonly string[]
  readonly columns: readonly ColumnDifference[]
  /** The command that shows the whole story of the entity. */
  readonly explain?: string
}

/**
 * The text of a key; one part stays as it is, several are joined by `/` with `%` and `/` in them escaped.
 *
 * @example
 * keyText(['learner-042', 'graphs']) // 'learner-042/graphs'
 */
export function keyText(parts: readonly string[]): string {
  const [only, ...more] = parts
  if (only !== undefined && more.length === 0) return only
  return parts.map((part) => part.replaceAll('%', '%25').replaceAll('/', '%2F')).join('/')
}

/** The parts of a key that `keyText` wrote; `count` is how many the invariant's key has. */
export function keyParts(text: string, count: number): readonly string[] {
  if (count === 1) return [text]
  return text.split('/').map((part) => part.replaceAll('%2F', '/').replaceAll('%25', '%'))
}

/** Orders findings by invariant, key, verdict, so that two checks of the same data print the same. */
export function byInvariantAndKey(a: Finding, b: Finding): number {
  return compareText(a.invariant, b.invariant) || compareText(a.key, b.key) || compareText(a.verdict, b.verdict)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
