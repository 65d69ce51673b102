/**
 * What a receiver can prove about a lane: it counts what has arrived, and compares with what punctuation says was sent.
 * A difference is a loss, also at the end of a stream where no later version would show the gap.
 *
 *     arrived(message)* --punctuation--> complete: the lane is whole up to `toTick`
 *                                    \-> missing: so many events must be read from the owner, from `fromTick` on
 *
 * Pure: decides from what it was told and holds no more than the arrivals since the last complete tick.
 */
import type { Message, Punctuation } from './transport.ts'

/** What a punctuation showed. */
export type LaneState =
  /** Everything up to this tick has arrived. */
  | { readonly kind: 'complete'; readonly upToTick: number }
  /** At least so many events after `afterTick` have not arrived: read them from the owner, then call `caughtUp`. */
  | { readonly kind: 'missing'; readonly afterTick: number; readonly count: number }
  /** It speaks of a stretch that is known already, or of an epoch that is over. */
  | { readonly kind: 'known' }

interface Lane {
  epoch: number
  /** Everything up to here has arrived; undefined until the first punctuation or catch-up sets a start. */
  completeTick: number | undefined
  /** Tick of each arrival after that, by stream and version, so that duplicates count once. */
  readonly arrivals: Map<string, number>
  /** Arrivals of whole stretches, newest last: one that comes again, with the later tick of another reader, must not count twice. */
  readonly settled: Set<string>
  /** Arrivals were forgotten: counts are too low until the next catch-up. */
  isOverfull: boolean
}

/** A busy lane's arrivals within minutes of missing punctuation; beyond it the receiver reads from the owner instead. */
const arrivalsMaxDefault = 10_000

/** Counts the arrivals of one source, lane by lane. */
export class LaneLedger {
  readonly #lanes = new Map<number, Lane>()
  readonly #arrivalsMax: number

  constructor(options: { readonly arrivalsMax?: number } = {}) {
    this.#arrivalsMax = options.arrivalsMax ?? arrivalsMaxDefault
  }

  /** Everything of `lane` up to `tick` is at hand, because it was read from the owner. */
  caughtUp(lane: number, epoch: number, tick: number): void {
    const known = this.#lane(lane, epoch)
    if (known === undefined) return
    known.completeTick = Math.max(tick, known.completeTick ?? tick)
    known.isOverfull = false
    this.#forgetUpTo(known, known.completeTick)
  }

  /** A message has arrived, for the first time or again. */
  arrived(message: Message): void {
    const lane = this.#lane(message.lane, message.epoch)
    if (lane === undefined || (lane.completeTick !== undefined && message.tick <= lane.completeTick)) return
    const key = `${message.version} ${message.stream}`
    if (lane.settled.has(key)) return
    if (lane.arrivals.size < this.#arrivalsMax) lane.arrivals.set(key, message.tick)
    else lane.isOverfull = true
  }

  /**
   * Compares a punctuation with the arrivals. A punctuation that starts later than the lane is complete shows that another one
   * was lost: what lies between is reported as missing, with a count of at least 1, although it may have been empty.
   */
  punctuated(punctuation: Punctuation): LaneState {
    const lane = this.#lane(punctuation.lane, punctuation.epoch)
    if (lane === undefined) return { kind: 'known' }
    const from = lane.completeTick ?? punctuation.fromTick
    if (punctuation.toTick <= from) return { kind: 'known' }
    const arrived = [...lane.arrivals.values()].filter(
      (tick) => tick > punctuation.fromTick && tick <= punctuation.toTick,
    )
    const count = punctuation.count - arrived.length
    // Overlapping stretches say nothing sure about their parts: they are treated like a hole.
    if (from !== punctuation.fromTick || lane.isOverfull || count !== 0) {
      return { kind: 'missing', afterTick: from, count: Math.max(1, count) }
    }
    lane.completeTick = punctuation.toTick
    this.#forgetUpTo(lane, punctuation.toTick)
    return { kind: 'complete', upToTick: punctuation.toTick }
  }

  /** The tick up to which every lane seen so far is whole: a consistent cut of the source; undefined when some lane has none. */
  completeTick(): number | undefined {
    const ticks = [...this.#lanes.values()].map((lane) => lane.completeTick)
    return ticks.length === 0 || ticks.includes(undefined) ? undefined : Math.min(...(ticks as number[]))
  }

  /** The lane of an epoch. A newer epoch starts it afresh, an older one is over. */
  #lane(number: number, epoch: number): Lane | undefined {
    const known = this.#lanes.get(number)
    if (known !== undefined && known.epoch >= epoch) return known.epoch === epoch ? known : undefined
    const fresh: Lane = { epoch, completeTick: undefined, arrivals: new Map(), settled: new Set(), isOverfull: false }
    this.#lanes.set(number, fresh)
    return fresh
  }

  #forgetUpTo(lane: Lane, tick: number): void {
    for (const [key, at] of lane.arrivals) {
      if (at > tick) continue
      lane.arrivals.delete(key)
      lane.settled.add(key)
    }
    for (const key of lane.settled) {
      if (lane.settled.size <= this.#arrivalsMax) break
      lane.settled.delete(key)
    }
  }
}
