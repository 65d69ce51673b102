/**
 * Conflict policies: which value a copied field has when several services wrote it.
 *
 * Of every field one candidate is kept per source: the newest that this source said. A policy is a function of two
 * candidates, folded over all of them in one order: Lamport counter, then service, then source. Nothing else enters, no
 * clock and no order of arrival, so everybody who has the same candidates has the same value.
 */

/** What one source last said about one field. */
export interface Candidate<T = unknown> {
  readonly value: T
  /** The Lamport counter that travelled with the change: larger than every counter its writer had seen. */
  readonly counter: number
  /** The service that wrote it. */
  readonly service: string
  /** Who wrote it within the service, where the mapping says so: a person, a recommendation. */
  readonly writer?: string | undefined
  /** Whether that service owns the entity. */
  readonly from: 'owner' | 'other'
  /** The event that carried it, or '' for a change that was made here. */
  readonly id: string
  /** The stream it comes from; there is one candidate per source. */
  readonly source: string
  /** Its version in that stream. Versions of two sources cannot be compared; counters can. */
  readonly version: number
}

/**
 * Decides between two candidates; `mine` precedes `theirs` in counter, service and source.
 *
 * Return one of the two (the next step then sees its writer), or a value made of both. It must be a pure function:
 * every service that copies the field folds it on its own and has to get the same.
 */
export type ConflictPolicy<T> = (mine: Candidate<T>, theirs: Candidate<T>) => Candidate<T> | T

/** A policy whatever its field holds. */
export type AnyPolicy = (mine: Candidate<never>, theirs: Candidate<never>) => unknown

/** What the fold of a policy gives. */
export interface Resolution {
  readonly value: unknown
  /** The source whose candidate stands; undefined when the value was made of several. */
  readonly winner: Candidate | undefined
  /** Candidates whose value does not stand. Empty for policies that combine all of them. */
  readonly losers: readonly Candidate[]
}

/** A number, a text or a moment as text: what has a largest and a smallest. */
export type Ordered = number | string | bigint | null | undefined

/** The owner's word stands, whatever others say. Without one, the last writer's does. */
export const ownerWins = <T>(mine: Candidate<T>, theirs: Candidate<T>): Candidate<T> | T =>
  mine.from === 'owner' && theirs.from !== 'owner' ? mine : theirs

/**
 * The change with the largest (counter, service, source) stands. Never the latest by the clock: two services five
 * minutes apart would let the slower one lose for five minutes.
 */
export const lastWriterWins = <T>(_mine: Candidate<T>, theirs: Candidate<T>): Candidate<T> | T => theirs

/** The union of all sets, in the order in which the elements first appear. A source removes only what it added itself. */
export const mergeSets = <T extends readonly unknown[] | null | undefined>(
  mine: Candidate<T>,
  theirs: Candidate<T>,
): Candidate<T> | T => {
  const union = new Map<string, unknown>()
  for (const element of [...(mine.value ?? []), ...(theirs.value ?? [])]) {
    const text = canonicalText(element)
    if (!union.has(text)) union.set(text, element)
  }
  return [...union.values()] as readonly unknown[] as T
}

/** The largest value; null is smaller than everything. */
export const max = <T extends Ordered>(mine: Candidate<T>, theirs: Candidate<T>): Candidate<T> | T =>
  precedes(mine.value, theirs.value) ? theirs : mine

/** The smallest value; null gives way to everything. */
export const min = <T extends Ordered>(mine: Candidate<T>, theirs: Candidate<T>): Candidate<T> | T =>
  mine.value == null || (theirs.value != null && precedes(theirs.value, mine.value)) ? theirs : mine

/** The sum of what each source contributes. A source publishes its running total, not an increment. */
export const counter = (
  mine: Candidate<number> | Candidate<number | null>,
  theirs: Candidate<number> | Candidate<number | null>,
): number => (mine.value ?? 0) + (theirs.value ?? 0)

/** Policies that use every candidate: nobody loses, so nothing goes to the conflict log. */
const combining: ReadonlySet<unknown> = new Set([mergeSets, max, min, counter])

/** Policies whose outcome does not depend on the order of candidates of different services. */
const orderless: ReadonlySet<unknown> = new Set([ownerWins, mergeSets, max, min, counter])

/** Whether candidates of different services must carry comparable counters for this policy to mean anything. */
export const dependsOnOrder = (policy: unknown): boolean => !orderless.has(policy)

/** The name of a policy, for the conflict log. */
export function policyName(policy: AnyPolicy): string {
  return policy.name === '' ? 'rule' : policy.name
}

/** The one order of candidates. Sources differ, so it is total. */
export function byCounter(a: Stamped, b: Stamped): number {
  return a.counter - b.counter || compareText(a.service, b.service) || compareText(a.source, b.source)
}

/** What places a candidate, or a deletion, in the order. */
export interface Stamped {
  readonly counter: number
  readonly service: string
  readonly source: string
}

/** The value of a field from its candidates, at least one, in any order. */
export function resolve(policy: AnyPolicy, candidates: readonly Candidate[]): Resolution {
  const fold = policy as (mine: Candidate, theirs: Candidate) => unknown
  const sorted = candidates.toSorted(byCounter)
  const [first, ...rest] = sorted as [Candidate, ...Candidate[]]
  let standing = first
  let winner: Candidate | undefined = first
  for (const next of rest) {
    const outcome = fold(standing, next)
    if (outcome === standing) continue
    if (outcome === next) winner = standing = next
    else {
      winner = undefined
      standing = { ...next, value: outcome }
    }
  }
  const stands = canonicalText(standing.value)
  const losers = combining.has(policy)
    ? []
    : sorted.filter((candidate) => candidate !== winner && canonicalText(candidate.value) !== stands)
  return { value: standing.value, winner, losers }
}

/** JSON text with sorted keys: equal values have equal text, whoever built them. */
export function canonicalText(value: unknown): string {
  return (
    JSON.stringify(value, (_name, part: unknown) => {
      if (typeof part === 'bigint') return String(part)
      if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
      return Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => compareText(a, b)))
    }) ?? 'null'
  )
}

function precedes(a: Ordered, b: Ordered): boolean {
  if (a == null) return b != null
  return b != null && a < b
}

/** By code unit: a locale would make two services disagree. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
