/**
 * Takes messages that may be lost, doubled, late or out of order, and makes of them what the owner's log says.
 *
 *     message --next version--> applied
 *             --old version---> dropped
 *             --later version-> the hole is read from the owner, then all is applied in order
 *     punctuation --counts agree--> the lane's position moves, nothing is read
 *                 --they do not---> the lane is read from the owner's log, from its position on
 *     silence, restart -----------> read from the owner's log
 *
 * What cannot be applied now (the owner is away, too) is not held in memory: the log has it, and the next punctuation or the
 * silence says that it is missing.
 */
import type { Scheduler } from '../base/scheduler.ts'
import type { LoggedEvent } from '../log/event.ts'
import { type LaneEffect, LaneLoop, type LaneLoopOptions, type Stretch } from '../log/lane-loop.ts'
import type { Membership } from '../log/membership.ts'
import type { OwnerLog } from '../log/reader.ts'
import type { Database, Transaction } from '../store/database.ts'
import { LaneLedger, type Message, type Packet, type Punctuation, toEvent } from '../transport/transport.ts'
import type { Consumer } from './consumer.ts'
import { HoleMet, InboxEffect } from './inbox-effect.ts'
import { Versions } from './versions.ts'

/** After this long without word from the transport the log itself is read: the loss of everything looks like silence. */
const silenceMsDefault = 5_000
/** Events asked for at once to fill a hole; a longer hole is filled in several reads. */
const gapEvents = 1_000
/** Reads to fill the holes of one batch before it is left to the lane's own read. */
const gapReadsMax = 64

export class HintInbox {
  /** Events that had to be read from the owner, because no message brought them in time. */
  pulled = 0
  readonly #loop: LaneLoop
  readonly #effect: InboxEffect
  readonly #log: OwnerLog
  readonly #consumer: Consumer
  readonly #ledger = new LaneLedger()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(
    parts: {
      readonly database: Database
      readonly log: OwnerLog
      readonly members: Membership
      readonly consumer: Consumer
    },
    options: Omit<LaneLoopOptions, 'consumer'>,
  ) {
    const { database, log, members, consumer } = parts
    this.#log = log
    this.#consumer = consumer
    const versions = new Versions(database.schema, consumer.name, consumer.source)
    this.#effect = new InboxEffect(
      database,
      consumer,
      (entity, afterKey) => log.backfill(consumer.name, entity, afterKey, gapEvents),
      versions,
    )
    this.#loop = new LaneLoop(
      { database, log, members, effect: this.#fromLog() },
      { pollMs: silenceMsDefault, ...options, consumer: consumer.name },
    )
  }

  get duplicates(): number {
    return this.#effect.duplicates
  }
  get applied(): number {
    return this.#effect.applied
  }
  get parked(): number {
    return this.#effect.parked
  }
  get loop(): LaneLoop {
    return this.#loop
  }

  start(scheduler: Scheduler): void {
    this.#loop.start(scheduler)
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
    await this.#turn
  }

  /** Takes what a transport delivered. Rejects when nothing could be applied, so that the transport offers it again. */
  async take(packets: readonly Packet[]): Promise<void> {
    const of = packets.filter((packet) => packet.source === this.#consumer.source)
    const messages = of.filter((packet): packet is Message => packet.kind === 'message')
    // What comes while a snapshot is taken is in the snapshot, or in the log after it: applied to either it would count twice.
    if (messages.length > 0 && !this.#loop.isRestarting) await this.#inTurn(() => this.#applyMessages(messages))
    for (const packet of of) if (packet.kind === 'punctuation') this.#punctuated(packet)
  }

  /** Reads the owner's log up to its newest tick now, as after a silence. */
  async catchUp(): Promise<void> {
    await this.#loop.round()
  }

  async #applyMessages(messages: readonly Message[]): Promise<void> {
    let events: readonly LoggedEvent[] = messages.map(toEvent)
    const left = new Set<string>()
    for (let reads = 0; ; reads++) {
      try {
        await this.#effect.applyHints(events)
        break
      } catch (error) {
        if (!(error instanceof HoleMet) || reads >= gapReadsMax) throw error
        events = await this.#filled(events, error.holes, left)
      }
    }
    if (left.size > 0) this.#loop.wake()
    for (const message of messages) if (!left.has(message.stream)) this.#ledger.arrived(message)
  }

  /**
   * The batch with its holes filled from the owner, each stream in order of version. Streams that the owner cannot fill go to
   * `left` instead, and are read from the log: so do those of which nothing is known, since a consumer may have begun after their
   * first events (`now`, a snapshot), and only the position tells that.
   */
  async #filled(
    events: readonly LoggedEvent[],
    holes: ReadonlyMap<string, number>,
    left: Set<string>,
  ): Promise<readonly LoggedEvent[]> {
    const pulled: LoggedEvent[] = []
    for (const [stream, version] of holes) {
      const missing = version === 0 ? [] : await this.#log.gap(this.#consumer.name, stream, version, gapEvents)
      if (missing[0]?.version !== version + 1) {
        left.add(stream)
        continue
      }
      const have = new Set(events.flatMap((event) => (event.stream === stream ? [event.version] : [])))
      // Only what lies before the message: what lies behind it may not be in a tick yet, and then it is not for readers.
      const last = Math.max(...have)
      const to = events.find((event) => event.stream === stream && event.version === last) as LoggedEvent
      const fresh = missing.filter((event) => event.version < last && !have.has(event.version))
      this.pulled += fresh.length
      // No earlier tick than their own: one that the lane is past would say that they are done.
      pulled.push(...fresh.map((event) => ({ ...event, epoch: to.epoch, tick: to.tick })))
    }
    const waiting = events.filter((event) => holes.has(event.stream) && !left.has(event.stream))
    const ready = events.filter((event) => !holes.has(event.stream))
    return [...ready, ...[...pulled, ...waiting].sort((a, b) => a.version - b.version)]
  }

  #punctuated(punctuation: Punctuation): void {
    const state = this.#ledger.punctuated(punctuation)
    const { lane, epoch, fromTick, cut } = punctuation
    // After a restart the ledger begins with what it hears first; only the stored position knows what came before.
    const isContinuous =
      state.kind === 'complete' && (cut === undefined || this.#loop.skipTo(lane, epoch, fromTick, cut))
    if (state.kind === 'missing' || (state.kind === 'complete' && !isContinuous)) this.#loop.wake()
  }

  /** The way from the log: the same effect, one at a time with messages, and the ledger told what is complete. */
  #fromLog(): LaneEffect {
    const effect = this.#effect
    return {
      apply: (events: readonly LoggedEvent[], advance: (tx: Transaction, count: number) => void) =>
        this.#inTurn(async () => {
          const before = effect.applied
          const known = effect.duplicates
          const count = await effect.apply(events, advance)
          this.pulled += effect.applied - before
          // What a message had brought already is no duplicate of the transport: the log is only read for what lies between.
          effect.duplicates = known
          return count
        }),
      lanesChanged: (lanes) => effect.lanesChanged(lanes),
      between: (hold) => this.#inTurn(() => effect.between(hold)),
      completed: (stretch: Stretch) => {
        for (const lane of stretch.lanes) this.#ledger.caughtUp(lane, stretch.epoch, stretch.to.tick)
      },
      // Not beside a batch of messages that began before it.
      ...(effect.fromSnapshot ? { fromSnapshot: () => this.#inTurn(() => effect.fromSnapshot!()) } : {}),
      restarted: (tx: Transaction) => effect.restarted(tx),
    }
  }

  /** Messages and the log take turns: of one stream, two batches at once would only wait for each other's locks. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => undefined)
    return result
  }
}
