/**
 * All faults of a run, drawn before it from the seed. The plan is plain JSON: the same seed gives the same text on every
 * machine, and two variants of a system meet the same plan.
 *
 * Each kind of fault has a random source of its own and is spread evenly over the run (one fault for each stretch), so
 * that a kind alone meets exactly the faults that it contributes to the whole, and no kind is missing by chance.
 */
import { assert, type Duration, type Random, seededRandom } from '../base/base.ts'
import { type Fault, type FaultKind, faultKinds, type MessageFault } from './fault.ts'
import { drawSkews, skewMsMax } from './simulated-clock.ts'

/** What is drawn for. */
export interface PlanOptions {
  readonly seed: number | string
  /** How many actions the run performs. */
  readonly actions: number
  /** The services of the world: each may be stopped, cut off or crashed. */
  readonly services: readonly string[]
  /** The longest time any invariant or copy is given. Delays exceed it. */
  readonly bound: Duration
  /** Which kinds of faults; default: all. */
  readonly kinds?: readonly FaultKind[]
  /** Kinds of messages (`about`) that message faults are aimed at in turn; every second fault is not aimed. */
  readonly about?: readonly string[]
  /** Which services crash; default: all. Name those that publish often enough to be hit. */
  readonly crashing?: readonly string[]
  /** The consumer that stays behind while its owner writes the new version; without it there is no version skew. */
  readonly versionSkew?: { readonly service: string; readonly schemaVersion: number; readonly actions?: number }
  /** How many faults of a kind; default: `rates`. */
  readonly counts?: Partial<Record<FaultKind, number>>
  /** Simulated time of one action. Default 1 s. */
  readonly actionMs?: number
  /** How far clocks are off at most. Default five minutes; 0 turns skew off. */
  readonly skewMs?: number
}

/** A drawn plan. `JSON.stringify` of two plans is equal exactly when their options mean the same. */
export interface Plan {
  readonly seed: string
  readonly actions: number
  readonly actionMs: number
  readonly boundMs: number
  readonly kinds: readonly FaultKind[]
  /** How far the clock of each service is off, in milliseconds. */
  readonly skews: Readonly<Record<string, number>>
  /** In the order of kinds, then of `at`. This order is the plan order in which held messages are delivered at the end. */
  readonly faults: readonly Fault[]
}

/**
 * Faults for each action. 2,000 actions meet 60 losses, 40 copies, 40 swaps, 40 delays, 6 stops, 6 partitions and 20 crashes:
 * often enough that every problem shows, rare enough that 95 % of the actions are accepted.
 */
const rates: Record<FaultKind, number> = {
  lost: 0.03,
  duplicated: 0.02,
  reordered: 0.02,
  delayed: 0.02,
  stopped: 0.003,
  partitioned: 0.003,
  crashed: 0.01,
  'version-skew': 0,
}

/** A short run still meets each kind. */
const countMin = 3

/** Windows are long enough for several messages and short enough that a service is up for most of the run. */
const windowActions = { min: 20, max: 60 }

/** A consumer stays at the old version for 200 actions, as long as a cautious rollout of one service takes. */
const skewActionsDefault = 200

/**
 * Draws a plan.
 *
 * @throws defect `base/assertion` when there is no action or no service.
 * @example
 * const plan = drawPlan({ seed: 7, actions: 2000, services: ['user', 'course'], bound: minutes(2), kinds: ['lost'] })
 */
export function drawPlan(options: PlanOptions): Plan {
  assert(options.actions >= 1 && options.services.length >= 1, 'A plan needs at least one action and one service.')
  const random = seededRandom(options.seed).fork('plan')
  const actionMs = options.actionMs ?? 1_000
  const kinds = faultKinds.filter((kind) => options.kinds === undefined || options.kinds.includes(kind))
  const boundActions = Math.ceil(options.bound.milliseconds / actionMs)
  return {
    seed: String(options.seed),
    actions: options.actions,
    actionMs,
    boundMs: options.bound.milliseconds,
    kinds,
    skews: drawSkews(options.services, random.fork('skew'), options.skewMs ?? skewMsMax),
    faults: kinds.flatMap((kind) => drawKind({ kind, options, boundActions, random: random.fork(kind) })),
  }
}

interface Draw {
  readonly kind: FaultKind
  readonly options: PlanOptions
  readonly boundActions: number
  readonly random: Random
}

function drawKind(draw: Draw): Fault[] {
  const { kind, options, boundActions, random } = draw
  const count = options.counts?.[kind] ?? Math.max(countMin, Math.round(options.actions * rates[kind]))
  switch (kind) {
    case 'lost':
      // Every third loss takes the rest of its stream with it: no later message then shows the gap.
      return messageFaults(draw, kind, spread(count, options.actions, random), (n) =>
        n % 3 === 2 ? { tail: true } : {},
      )
    case 'duplicated':
      return messageFaults(draw, kind, spread(count, options.actions, random), (n) => ({
        afterActions: n % 2 === 0 ? 0 : 5 + random.int(60),
      }))
    case 'reordered':
      // Long enough that a stream with few messages overtakes, shorter than the bound: a swap is not a delay.
      return messageFaults(draw, kind, spread(count, options.actions, random), () => ({
        afterActions: Math.max(5, boundActions - 1 - random.int(Math.ceil(boundActions / 4))),
      }))
    case 'delayed':
      return delays(draw, count)
    case 'stopped':
    case 'partitioned':
      return windows(draw, kind, count)
    case 'crashed':
      return crashes(draw, count)
    case 'version-skew':
      return versionSkew(draw)
  }
}

/** One moment in each of `count` equal stretches of the run. */
function spread(count: number, actions: number, random: Random): number[] {
  const width = actions / count
  return Array.from({ length: count }, (_, n) => Math.min(actions - 1, Math.floor((n + random.next()) * width)))
}

function messageFaults(
  { options, random }: Draw,
  kind: MessageFault['kind'],
  moments: readonly number[],
  more: (n: number) => Partial<MessageFault>,
): MessageFault[] {
  const about = random.shuffle(options.about ?? [])
  return moments.map((at, n) => {
    const aimed = n % 2 === 0 && about.length > 0 ? { about: about[(n / 2) % about.length]! } : {}
    return { kind, at, ...aimed, ordinal: random.int(4), ...more(n) }
  })
}

/**
 * Delays start early enough that a message held to the end is older than the bound by then. Every second one is held to
 * the end, so that the count at the bound has something to find.
 */
function delays(draw: Draw, count: number): MessageFault[] {
  const { options, boundActions, random } = draw
  const moments = spread(count, Math.max(1, options.actions - Math.ceil(boundActions * 1.2)), random)
  return messageFaults(draw, 'delayed', moments, (n) =>
    n % 2 === 0 ? {} : { afterActions: boundActions + 1 + random.int(Math.max(1, boundActions)) },
  )
}

/** One window in each stretch, so that windows of a kind never overlap; the last one lasts until the faults end. */
function windows({ options, random }: Draw, kind: 'stopped' | 'partitioned', count: number): Fault[] {
  const { actions } = options
  const services = random.shuffle(options.services)
  const stretch = Math.floor(actions / count)
  return Array.from({ length: stretch < 2 ? 0 : count }, (_, n) => {
    const wanted = windowActions.min + random.int(windowActions.max - windowActions.min + 1)
    const length = Math.max(1, Math.min(wanted, Math.floor(stretch / 2)))
    const isLast = n === count - 1
    const at = isLast ? actions - length : n * stretch + random.int(stretch - length)
    return { kind, service: services[n % services.length]!, at, until: isLast ? actions : at + length }
  })
}

function crashes({ options, random }: Draw, count: number): Fault[] {
  const services = random.shuffle(options.crashing ?? options.services)
  return spread(count, options.actions, random).map((at, n) => ({
    kind: 'crashed',
    service: services[n % services.length]!,
    at,
  }))
}

/** One rollout in the first half, so that the rest of the run is spent at the new version everywhere. */
function versionSkew({ options, random }: Draw): Fault[] {
  if (options.versionSkew === undefined) return []
  const { service, schemaVersion } = options.versionSkew
  const wanted = options.versionSkew.actions ?? skewActionsDefault
  const length = Math.min(wanted, Math.floor(options.actions / 2))
  if (length === 0) return []
  const quarter = Math.floor(options.actions / 4)
  const at = Math.min(quarter + random.int(Math.max(1, quarter)), options.actions - length)
  return [{ kind: 'version-skew', service, schemaVersion, at, until: at + length }]
}
