/**
 * Cuts a service's log into ticks.
 *
 *     quiet --published--> tick at once --few published--> tick again at once
 *                                       --many published-> tick again after a pause (tick-pace.ts)
 *     quiet --poll (no transaction id)--> has_news? --> tick
 *
 * An idle service writes nothing: the poll only reads. Two tickers are harmless, since the tick function takes a lock.
 */
import type { Scheduler, Task } from '../base/scheduler.ts'
import { type Signal, signal } from '../base/signal.ts'
import type { Database } from '../store/database.ts'
import { quoteIdentifier } from '../store/identifier.ts'
import type { Cut } from './position.ts'
import { TickPace } from './tick-pace.ts'

/** How a ticker paces itself. */
export interface TickerOptions {
  /** How often a quiet service looks for events that other processes committed. */
  readonly pollMs?: number
  /** One NOTIFY per tick wakes readers in other processes; without it they find the tick by polling. */
  readonly notify?: boolean
}

/** A quarter of a second bounds the delay of an event from a process without a ticker, at four reads a second. */
const pollMsDefault = 250
/** After an early notice (a borrowed transaction that has yet to commit) the first looks come this soon, then ever later. */
const lookMsFirst = 10

interface TickRow {
  readonly id: string
  readonly snapshot: string
  readonly seq_hi: string
  readonly floor_seq: string
}

export class Ticker {
  /** Each tick that this process made. */
  readonly ticked: Signal<Cut> = signal<Cut>()
  readonly #database: Database
  readonly #scheduler: Scheduler
  readonly #pollMs: number
  readonly #notify: boolean
  readonly #tickText: string
  readonly #newsText: string
  #task: Task | undefined
  #unsubscribe: (() => void) | undefined
  readonly #pace = new TickPace()
  #asked = false
  #pausing = false
  #lookMs = pollMsDefault

  constructor(database: Database, scheduler: Scheduler, options: TickerOptions = {}) {
    this.#database = database
    this.#scheduler = scheduler
    this.#pollMs = options.pollMs ?? pollMsDefault
    this.#notify = options.notify ?? true
    const s = quoteIdentifier(database.schema)
    this.#tickText = `select id, snapshot, seq_hi, floor_seq from ${s}.tick($1)`
    this.#newsText = `select ${s}.has_news() as news`
  }

  /** Starts ticking after each notice of `published` and after polls that find something. */
  start(published: Signal): void {
    this.#unsubscribe = published.subscribe(() => {
      this.#asked = true
      this.#pace.published()
      // A pause that has begun is kept: under load each commit would else cost a round that only looks at the clock.
      if (!this.#pausing) this.#task?.wake()
    })
    this.#task = this.#scheduler.task(`tick ${this.#database.schema}`, () => this.#round())
  }

  /** Makes one last tick of what this process published, so that nothing waits for the next start. */
  async stop(): Promise<void> {
    this.#unsubscribe?.()
    await this.#task?.stop()
    if (this.#asked) await this.tick()
  }

  /** Cuts the log now. */
  async tick(): Promise<Cut> {
    this.#asked = false
    const before = this.#database.clock.monotonicMs()
    this.#pace.started(before)
    const { rows } = await this.#database.query<TickRow>({
      text: this.#tickText,
      values: [this.#notify],
      name: `selvedge tick ${this.#database.schema}`,
    })
    const row = rows[0] as TickRow
    const cut = {
      tick: Number(row.id),
      snapshot: row.snapshot,
      seqHi: Number(row.seq_hi),
      floorSeq: Number(row.floor_seq),
    }
    const after = this.#database.clock.monotonicMs()
    this.#pace.ended(after, after - before)
    this.ticked.notify(cut)
    return cut
  }

  async #round(): Promise<number> {
    this.#pausing = false
    if (this.#asked) {
      const waitMs = this.#waitMs()
      if (waitMs > 0) return waitMs
      await this.tick()
      this.#lookMs = lookMsFirst
    } else if (await this.#hasNews()) {
      await this.tick()
    } else {
      this.#lookMs = Math.min(this.#pollMs, this.#lookMs * 2)
    }
    return this.#asked ? this.#waitMs() : Math.min(this.#pollMs, this.#lookMs)
  }

  #waitMs(): number {
    const waitMs = this.#pace.waitMs(this.#database.clock.monotonicMs())
    this.#pausing = waitMs > 0
    return waitMs
  }

  async #hasNews(): Promise<boolean> {
    const { rows } = await this.#database.query<{ news: boolean }>({
      text: this.#newsText,
      values: [],
      name: `selvedge news ${this.#database.schema}`,
    })
    return rows[0]?.news === true
  }
}
