/**
 * What the faults of a run have hit. A hit is a delivery that carries a change - one message to one receiver - and is
 * counted once, however often the sender tries again; punctuation and beats are never counted. So the numbers of two
 * variants can be held against each other although one sends far more messages.
 */
import type { FaultKind } from './fault.ts'
import type { Plan } from './plan.ts'

/** One kind of fault in one run. */
export interface FaultCount {
  readonly kind: FaultKind
  /** How many faults of the kind the plan holds: windows count once each. */
  readonly planned: number
  /** How many deliveries that carry a change were hit. */
  readonly hit: number
}

/** One kind of fault in all variants. */
export interface FaultRow {
  readonly kind: FaultKind
  readonly planned: number
  readonly hit: Readonly<Record<string, number>>
}

/** Counts hits while a run goes on. */
export class Tally {
  readonly #hits = new Map<FaultKind, Set<string>>()

  /** Counts one message to one receiver, at most once for each kind. */
  hit(kind: FaultKind, messageId: string, receiver: string): void {
    let seen = this.#hits.get(kind)
    if (seen === undefined) {
      seen = new Set()
      this.#hits.set(kind, seen)
    }
    seen.add(`${messageId} ${receiver}`)
  }

  /** The kinds of the plan in their order. */
  counts(plan: Plan): FaultCount[] {
    return plan.kinds.map((kind) => ({
      kind,
      planned: plan.faults.filter((fault) => fault.kind === kind).length,
      hit: this.#hits.get(kind)?.size ?? 0,
    }))
  }
}

/**
 * The counts of several variants side by side, as the proof prints them.
 *
 * @example
 * faultTable({ naive: naiveReport.faults, cured: curedReport.faults })
 * // [{ kind: 'lost', planned: 60, hit: { naive: 58, cured: 59 } }, …]
 */
export function faultTable(variants: Readonly<Record<string, readonly FaultCount[]>>): FaultRow[] {
  const [first = []] = Object.values(variants)
  return first.map(({ kind, planned }) => ({
    kind,
    planned,
    hit: Object.fromEntries(
      Object.entries(variants).map(([name, counts]) => [name, counts.find((count) => count.kind === kind)?.hit ?? 0]),
    ),
  }))
}
