/** What the steps of a run share: databases to read and write, the journal, time. */
import type { Clock } from '../base/clock.ts'
import { isSelvedgeError } from '../base/error.ts'
import type { Scheduler } from '../base/scheduler.ts'
import type { Config, Invariant } from '../invariant/invariant.ts'
import type { Journal, Outcome } from './journal.ts'
import type { Writers } from './open-writers.ts'
import type { Sides } from './sides.ts'

/** The moments of a step at which a process may die; tests end it there. */
export type Moment =
  | 'run-started'
  | 'started'
  | 'locked'
  | 'guarded'
  | 'written'
  | 'committed'
  | 'done'
  | 'verified'
  | 'ended'

/** What a run works with. */
export interface Workbench {
  readonly config: Config
  readonly sides: Sides
  readonly writers: Writers
  readonly journal: Journal
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly run: string
  /** Told each moment before the next thing is done. */
  readonly at: (moment: Moment, step: number) => void | Promise<void>
}

/** How a step came out, and why. */
export interface StepOutcome {
  readonly kind: Outcome
  readonly why: string
}

/** A live write won: the key is looked at again by the next check. */
export function changedMeanwhile(what: string): StepOutcome {
  return { kind: 'skipped', why: `changed-meanwhile: ${what}` }
}

/** The invariant of a step; undefined when the configuration has none of that name. */
export function invariantOf(config: Config, name: string): Invariant | undefined {
  return config.invariants.find((invariant) => invariant.name === name)
}

/** What an error says, with its code where it has one. */
export function errorText(error: unknown): string {
  if (isSelvedgeError(error)) return `${error.code}: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}
