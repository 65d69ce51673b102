/** What the doctor finds. */

/** Something that should be put right. */
export interface Symptom {
  readonly source: string
  /** `doctor/…` or the verdict's name. */
  readonly code: string
  /** What was seen and what it means. */
  readonly message: string
  /** What to do. */
  readonly help: string
  /** Tells the same thing seen from two sources apart from two things. */
  readonly subject?: string
}

/** What one look gave. */
export interface Examined {
  readonly symptoms: readonly Symptom[]
  readonly notes: readonly string[]
}

/** A short name for people: `2 events`, `1 event`. */
export function countOf(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}
