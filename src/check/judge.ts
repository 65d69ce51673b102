/** What a judge says of keys; there is one judge per invariant, by double reads or by positions. */
import type { Clock } from '../base/clock.ts'
import { formatDuration } from '../base/duration.ts'
import { rowText } from '../digest/digest.ts'
import { type Cause, type Finding, keyText, type Proof, type Verdict } from '../invariant/invariant.ts'
import { shellWords } from './classify-incidents.ts'
import { difference, differingColumns, type KeyState } from './compare.ts'
import type { Comparison } from './comparison.ts'
import { decide, type Witness } from './decide.ts'
import type { Keys } from './images.ts'

/** The state of one key after a look. */
export type Judgement =
  | { readonly kind: 'holds' }
  | { readonly kind: 'finding'; readonly finding: Finding }
  | { readonly kind: 'inconclusive' }
  | { readonly kind: 'wait'; readonly againInMs: number }

/** Looks at keys and says what is known of each, by `rowText`. It may remember what it saw. */
export interface Judge {
  look(keys: Keys): Promise<ReadonlyMap<string, Judgement>>
}

/** The judge for databases without a log: it reads twice, with the deadline between. */
export function doubleReadJudge(comparison: Comparison, clock: Clock): Judge {
  const witnesses = new Map<string, Witness>()
  const { shape, invariant } = comparison
  return {
    async look(keys) {
      const beganMs = clock.monotonicMs()
      const states = await comparison.look(keys)
      const times = { beganMs, endedMs: clock.monotonicMs() }
      return new Map(
        [...states].map(([text, state]): [string, Judgement] => {
          const decision = decide(shape, invariant.deadline.milliseconds, witnesses.get(text), state, times)
          if (decision.kind === 'witnessed') {
            witnesses.set(text, decision.witness)
            return [text, { kind: 'wait', againInMs: decision.againInMs }]
          }
          witnesses.delete(text)
          return [
            text,
            decision.kind === 'diverged' ? { kind: 'finding', finding: diverged(comparison, state) } : decision,
          ]
        }),
      )
    },
  }
}

function diverged(comparison: Comparison, state: KeyState): Finding {
  const { relation, deadline } = comparison.invariant
  const steady = relation.kind === 'replicaOf' ? 'the owner did not change' : 'no side changed'
  const how = relation.kind === 'references' ? missingParent(comparison, state) : difference(comparison.shape, state)
  const because = `${how}, for longer than ${formatDuration(deadline)}, while ${steady}`
  return findingOf(comparison, state, { verdict: 'diverged', proof: 'double-read', because })
}

/** How a broken reference reads. */
export function missingParent(comparison: Comparison, state: KeyState): string {
  const [child, parent] = comparison.shape.sideNames
  const named = keyText((state.images[0]?.[0] ?? []).map((part) => part ?? 'NULL'))
  return `${child} names ${named}, which ${parent} does not have`
}

/** The finding about a key. */
export function findingOf(
  comparison: Comparison,
  state: KeyState,
  said: { verdict: Verdict; proof: Proof; because: string; cause?: Cause },
): Finding {
  const { invariant, shape } = comparison
  const key = keyText(state.key)
  const has = (s: number) => (state.images[s]?.length ?? 0) > 0
  const [invariantEntity, problem] = [invariant.entity, invariant.problem]
  return {
    invariant: invariant.name,
    ...(problem === undefined ? {} : { problem }),
    ...(invariantEntity === undefined ? {} : { entity: invariantEntity }),
    key,
    ...said,
    present: shape.sideNames.filter((_, s) => has(s)),
    absent: shape.sideNames.filter((_, s) => !has(s)),
    columns: differingColumns(shape, state),
    ...(invariantEntity === undefined ? {} : { explain: `selvedge explain ${shellWords(invariantEntity, key)}` }),
  }
}

/** The name under which a judge's answers stand. */
export const textOf = (key: readonly string[]): string => rowText(key)
