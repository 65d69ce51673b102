/**
 * What the history keeps, a line of JSON each (`history.ts`):
 *
 *     { "kind": "state", … }      everything known at the start of a segment
 *     { "kind": "begun", "id" }   a run began; without a `run` of that id it never ended
 *     { "kind": "run", "id", "invariants": [ … ], "events": [ … ] }
 *     { "kind": "alert", "id", "events": [ … ] }     a check fell silent, or was heard again
 *     { "kind": "told", "id", "outcome" }            the webhook's receiver has the run or alert of that id, or never will
 */
import type { Verdict } from '../invariant/invariant.ts'

/** How one invariant came out of one run. */
export interface InvariantRun {
  readonly name: string
  readonly state: 'checked' | 'incomplete'
  readonly why?: string
  readonly rows: number
  readonly inconclusive: number
  readonly accepted: number
  /** Of a run that looked only at what was due: how far everything is verified. */
  readonly verified?: { readonly parts: number; readonly verified: number; readonly oldest?: string }
  /** Findings by verdict; those without any are left out. */
  readonly findings: Readonly<Partial<Record<Verdict, number>>>
}

/** The lag of one consumer behind the log of a service. */
export interface LagRun {
  readonly service: string
  readonly consumer: string
  readonly events: number
  readonly seconds: number
}

/** What can be measured of a run and compared with runs before it. */
export type Measure = 'findings' | 'inconclusive' | 'duration' | 'lag'

/** Something that began or ended. `invariant` names the subject: for a duration the schedule, for a lag the consumer. */
export type WatchEvent =
  | EpisodeEvent
  | {
      readonly kind: 'silent' | 'heard'
      readonly invariant: string
      readonly verdict: 'check-silent'
      readonly because: string
    }
  | { readonly kind: 'incomplete' | 'complete'; readonly invariant: string; readonly because: string }
  | {
      readonly kind: 'unusual' | 'usual'
      readonly invariant: string
      readonly measure: Measure
      readonly value: number
      /** The upper end of what was usual, in the unit of the measure. */
      readonly usualMax: number
      readonly because: string
    }

/** A finding's key that began to be found, is found with another verdict, or is found no more. */
export interface EpisodeEvent {
  /** `flapping`: it has come back so often within a day that its coming and going is told no more. */
  readonly kind: 'opened' | 'changed' | 'flapping' | 'resolved'
  readonly invariant: string
  readonly key: string
  readonly verdict: Verdict
  /** The verdict before, of a `changed` one. */
  readonly was?: Verdict
  readonly because: string
  /** When it was first found, as ISO 8601. */
  readonly openedAt: string
  /** Milliseconds: it came into being at most so long before it was found, since the whole check before did not find it. */
  readonly detectedWithinMs?: number
  /** Milliseconds from being found to being found no more, of a `resolved` one. */
  readonly openForMs?: number
  /** `accepted`: it still differs, and the baseline accepts it now. */
  readonly how?: 'agrees' | 'accepted'
  readonly isFlapping?: boolean
}

/** What an automatic repair did in a run; see `watch.ts`, `onReport`. */
export interface RepairRun {
  /** Empty when no repair of the run could be carried out. */
  readonly invariant: string
  /** Of the journal: `selvedge reconcile undo <run>` takes it back. Absent when nothing was applied. */
  readonly run?: string
  readonly repaired: number
  /** Keys that were not repaired, for whatever reason. */
  readonly refused: number
  readonly because?: string
  /**
   * `healed`: all that the run found of the invariant was repaired, and holds when read again. `partly-failed`: repairs
   * were begun, and some failed or were overtaken by other writes. `left`: a person must look. Absent in old records.
   */
  readonly result?: 'healed' | 'partly-failed' | 'left'
}

/** One run of one or more schedules. */
export interface RunRecord {
  readonly kind: 'run'
  readonly id: string
  readonly startedAt: string
  readonly endedAt: string
  readonly durationMs: number
  readonly schedules: readonly string[]
  /** How late it started, because another run was going on or the process was away. */
  readonly delayMs: number
  readonly outcome: 'clean' | 'findings' | 'incomplete' | 'failed'
  /** Of a `failed` run, which could not be carried out at all. */
  readonly error?: { readonly code: string; readonly message: string }
  readonly invariants: readonly InvariantRun[]
  readonly lags: readonly LagRun[]
  readonly repairs?: readonly RepairRun[]
  readonly events: readonly WatchEvent[]
  /** Keys that were found before and could not be looked at this time: `episodeId` of each. */
  readonly unseen: readonly string[]
  /** Whether the webhook's receiver is to be told. */
  readonly tell: boolean
}

/** Something that was noticed between runs. */
export interface AlertRecord {
  readonly kind: 'alert'
  readonly id: string
  readonly at: string
  readonly events: readonly WatchEvent[]
  readonly tell: boolean
}

/** A finding's key over time. */
export interface Episode {
  readonly invariant: string
  readonly key: string
  readonly verdict: Verdict
  readonly because: string
  readonly openedAtMs: number
  readonly lastSeenAtMs: number
  /** When it was found no more; absent while it is open. */
  readonly closedAtMs?: number
  /** When it was opened within the last day. */
  readonly openings: readonly number[]
  readonly isFlapping: boolean
}

/** Known by invariant and key, so that a verdict that changes is one story. */
export function episodeId({ invariant, key }: { readonly invariant: string; readonly key: string }): string {
  return JSON.stringify([invariant, key])
}
