/** Reads another service's log through the functions that its owner lets a consumer execute. */
import { type SelvedgeError, transient } from '../base/error.ts'
import { type Signal, signal } from '../base/signal.ts'
import type { Database } from '../store/database.ts'
import { quoteIdentifier } from '../store/identifier.ts'
import { eventOf, type LoggedEvent, type LogRow } from './event.ts'
import type { Cut, Position } from './position.ts'
import { mergedSequencesMax } from './sql/consumer-functions.ts'

/** What one read found: the cut it read against, its events in order, and whether the cut held more. */
export interface Reading {
  readonly cut: Cut
  readonly events: readonly LoggedEvent[]
  readonly complete: boolean
  /** True when the reader knows that no newer cut exists: after a complete reading there is nothing to look for. */
  readonly newest?: boolean
}

/** From where a consumer is registered. */
export type RegistrationStart = 'beginning' | 'now' | 'snapshot' | 'restarted'

/** What an owner answers to a registration. */
export interface Registration {
  readonly state: 'live' | 'needs_snapshot'
  readonly position: Position
  readonly lanes: number
}

/** One row of an owner's backfill: an entity's state with the version of its stream at the same instant. */
export interface BackfillRow {
  readonly key: string
  readonly version: number
  readonly data: unknown
}

/** An owner's log as a consumer sees it. Other routes (HTTP) and faulty ones (the simulator) implement the same. */
export interface OwnerLog {
  readonly source: string
  /** Notified when there may be something new; readers poll as well. */
  readonly woken: Signal
  /**
   * Makes the consumer known from `start` on; one that is known already gets what is stored. `snapshot` puts it at the newest tick,
   * where it may read on once `restarted` says that the owner's state as of then has been taken over.
   */
  register(consumer: string, service: string, start: RegistrationStart): Promise<Registration>
  /** Undefined when no newer tick exists. */
  batch(
    consumer: string,
    position: Position,
    lanes: readonly number[] | undefined,
    most: number,
  ): Promise<Reading | undefined>
  /** Events of one stream after `version`, in order: what a hint-driven inbox asks when it sees a hole. */
  gap(consumer: string, stream: string, version: number, most: number): Promise<readonly LoggedEvent[]>
  backfill(
    consumer: string,
    entity: string,
    afterKey: string | undefined,
    most: number,
  ): Promise<readonly BackfillRow[]>
  acknowledge(consumer: string, position: Position): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

interface BatchRow extends Omit<LogRow, 'seq'> {
  readonly seq: string | null
}

const positionText = (s: string): string => `select * from ${s}.batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

export class SqlOwnerLog implements OwnerLog {
  readonly source: string
  readonly woken: Signal = signal()
  readonly #database: Database
  readonly #s: string
  readonly #localTicks: Signal<Cut> | undefined
  #latest: Cut | undefined
  #ends: (() => unknown)[] = []

  /** `localTicks` come from the owner's ticker when it runs in this process: then a read needs no look for the newest tick. */
  constructor(source: string, database: Database, localTicks?: Signal<Cut>) {
    this.source = source
    this.#database = database
    this.#s = quoteIdentifier(database.schema)
    this.#localTicks = localTicks
  }

  async start(): Promise<void> {
    if (this.#localTicks)
      this.#ends.push(
        this.#localTicks.subscribe((cut) => {
          this.#latest = cut
          this.woken.notify()
        }),
      )
    // A pooler without sessions, or a server that is away, refuses LISTEN: polling is enough for correctness.
    else
      this.#ends.push(
        await this.#database.listen(`selvedge ${this.#s}`, () => this.woken.notify()).catch(() => () => undefined),
      )
  }

  async stop(): Promise<void> {
    await Promise.all(this.#ends.splice(0).map((end) => end()))
  }

  async register(consumer: string, service: string, start: RegistrationStart): Promise<Registration> {
    type Row = {
      state: 'live' | 'needs_snapshot'
      epoch: number
      tick: string
      snapshot: string
      seq_hi: string
      floor_seq: string
      lanes: number
    }
    const { rows } = await this.#database.query<Row>(`select * from ${this.#s}.register($1, $2, $3)`, [
      consumer,
      service,
      start,
    ])
    const row = rows[0] as Row
    const previous = {
      tick: Number(row.tick),
      snapshot: row.snapshot,
      seqHi: Number(row.seq_hi),
      floorSeq: Number(row.floor_seq),
    }
    return { state: row.state, lanes: row.lanes, position: { epoch: row.epoch, previous } }
  }

  async batch(
    consumer: string,
    position: Position,
    lanes: readonly number[] | undefined,
    most: number,
  ): Promise<Reading | undefined> {
    const newest = position.inside ? undefined : this.#nextKnown(position)
    const known = position.inside ?? newest
    const { previous, inside } = position
    const { rows } = await this.#database.query<BatchRow>({
      text: positionText(this.#s),
      name: `selvedge batch ${this.#database.schema}`,
      values: [
        consumer,
        lanes ?? null,
        previous.tick,
        previous.snapshot,
        previous.seqHi,
        previous.floorSeq,
        known?.snapshot ?? null,
        known?.seqHi ?? null,
        inside?.seq ?? 0,
        most,
      ],
    })
    const cut = known ?? cutOf(rows.shift())
    if (!cut) return undefined
    const events = rows.map((row) =>
      eventOf(row as LogRow, { source: this.source, epoch: position.epoch, tick: cut.tick }),
    )
    return { cut, events, complete: events.length < most, newest: newest !== undefined }
  }

  async gap(consumer: string, stream: string, version: number, most: number): Promise<readonly LoggedEvent[]> {
    const { rows } = await this.#database.query<LogRow>({
      text: `select * from ${this.#s}.gap($1, $2, $3, $4)`,
      values: [consumer, stream, version, most],
      name: `selvedge gap ${this.#database.schema}`,
    })
    return rows.map((row) => eventOf(row, { source: this.source, epoch: 0, tick: -1 }))
  }

  async backfill(
    consumer: string,
    entity: string,
    afterKey: string | undefined,
    most: number,
  ): Promise<readonly BackfillRow[]> {
    const { rows } = await this.#database.query<{ key: string; version: string; data: unknown }>(
      `select * from ${this.#s}.backfill($1, $2, $3, $4)`,
      [consumer, entity, afterKey ?? null, most],
    )
    return rows.map((row) => ({ key: row.key, version: Number(row.version), data: row.data }))
  }

  async acknowledge(consumer: string, position: Position): Promise<void> {
    const { tick, seqHi, floorSeq, snapshot } = position.previous
    await this.#database.query(`select ${this.#s}.acknowledge($1, $2, $3, $4, $5, $6)`, [
      consumer,
      position.epoch,
      tick,
      seqHi,
      floorSeq,
      snapshot,
    ])
  }

  /** The newest tick of this process, if it may be taken in one step; undefined leaves the choice to the server. */
  #nextKnown(position: Position): Cut | undefined {
    const latest = this.#latest
    if (!latest || latest.seqHi - position.previous.seqHi > mergedSequencesMax) return undefined
    // Taken once: a later poll asks the server, so that ticks of other processes are seen as well.
    this.#latest = undefined
    return latest.tick > position.previous.tick ? latest : undefined
  }
}

/** The first row of a batch without a given cut names the cut that the server chose. */
function cutOf(row: BatchRow | undefined): Cut | undefined {
  if (!row) return undefined
  const { seq_hi, floor_seq } = row.data as { seq_hi: number; floor_seq: number }
  return { tick: Number(row.version), snapshot: row.stream, seqHi: seq_hi, floorSeq: floor_seq }
}

/** The log was forgotten while the snapshot was taken that was to be followed by it. */
export function outlivedBySnapshot(consumer: string): SelvedgeError {
  return transient(
    'log/needs-snapshot',
    `What followed the snapshot of ${consumer} is no longer in the log.`,
    'It is taken again; keep the log for longer than a snapshot takes.',
  )
}
