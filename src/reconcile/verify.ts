/** Looks at repaired keys again: what was written must hold, and what was asked for must arrive. */
import { rowText } from '../digest/digest.ts'
import type { Invariant } from '../invariant/invariant.ts'
import type { PlanStep } from './plan-file.ts'
import { holds } from './sides.ts'
import type { Workbench } from './workbench.ts'

/** An event on its way arrives within the invariant's deadline; so does the effect of a call. */
const lookAgainMs = 100
const waitMsLeast = 5_000

/** What came of some keys. */
export interface Verified {
  readonly invariant: string
  readonly holding: readonly string[]
  readonly differing: readonly string[]
}

/** Reads the keys of steps that are done, and says which hold. Repairs that take a while are waited for. */
export async function verifySteps(
  bench: Workbench,
  invariant: Invariant,
  steps: readonly PlanStep[],
): Promise<Verified> {
  const comparison = await bench.sides.of(invariant)
  const keys = new Map(steps.map((step) => [rowText(step.parts), step]))
  const isLater = steps.some((step) => step.repair !== 'sql')
  const untilMs = bench.clock.monotonicMs() + Math.max(waitMsLeast, invariant.deadline.milliseconds)
  for (;;) {
    const states = await comparison.read([...keys.values()].map((step) => step.parts))
    const isHolding = (text: string) => {
      const state = states.get(text)
      return state !== undefined && holds(comparison.shape, state)
    }
    const differing = [...keys].filter(([text]) => !isHolding(text))
    if (differing.length > 0 && isLater && bench.clock.monotonicMs() < untilMs) {
      await bench.scheduler.sleep(lookAgainMs)
      continue
    }
    const names = (list: readonly (readonly [string, PlanStep])[]) => list.map(([, step]) => step.key).sort()
    return {
      invariant: invariant.name,
      holding: names([...keys].filter(([text]) => isHolding(text))),
      differing: names(differing),
    }
  }
}

/** Which rows that were taken back are what they were: a trigger may have made others of them. */
export function restoredSteps(bench: Workbench, { name }: Invariant, steps: readonly PlanStep[]): Verified {
  const hashes = new Map(
    bench.journal.entries.flatMap((entry) =>
      entry.kind === 'written' && entry.run === bench.run ? [[entry.step, entry.afterHash] as const] : [],
    ),
  )
  const isBack = ({ step, write }: PlanStep) => (hashes.get(step) ?? write?.restores) === write?.restores
  const keys = (list: readonly PlanStep[]) => list.map(({ key }) => key).sort()
  return {
    invariant: name,
    holding: keys(steps.filter(isBack)),
    differing: keys(steps.filter((step) => !isBack(step))),
  }
}

/** How many keys of an invariant differ now, for whatever reason. */
export async function countDiffering(bench: Workbench, invariant: Invariant): Promise<number> {
  return (await (await bench.sides.of(invariant)).scan()).keys.length
}
