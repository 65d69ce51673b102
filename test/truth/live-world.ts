/**
 * An owner that is written all the time and a copy that follows it late: it lags, pauses, and applies what is due in any
 * order. Some changes are lost on purpose, each of a row of its own. The world moves by `advance`, so that a test may
 * drive it by the clock of the machine or by one of its own.
 */
import { type Random, seededRandom } from '../../src/base/base.ts'
import type { Pair, TruthDatabase } from './engine.ts'

/** How the world behaves; times in milliseconds of the world. */
export interface LiveOptions {
  readonly seed: number
  readonly changesPerSecond: number
  /** Each change arrives after a random part of it. */
  readonly lagMsMax: number
  /** The copy stands still for up to this long, again and again. */
  readonly pauseMsMax: number
  readonly pauseEveryMs: number
  /** A change is lost this often. */
  readonly lossEveryMs: number
  /** How finely the world moves. */
  readonly stepMs: number
  /** So much of the updates goes to few rows, so that most rows rest for longer than a deadline; none by default. */
  readonly warmShare?: number
}

/** Longest time that a change that is not lost may take to arrive: the deadline must be above it. */
export function lateMsMax({ lagMsMax, pauseMsMax }: LiveOptions): number {
  return lagMsMax + pauseMsMax
}

/** Keys from 1 on are updated, those from `ballastFrom` are deleted one by one, those from `newFrom` are inserted. */
const updated = 20_000
const warm = 2_000
const ballastFrom = 100_000
const ballast = 30_000
const lossFrom = 200_000
const losses = 3_000
const newFrom = 1_000_000
/** The row that is written at each step. */
const hotKey = 1
const statementsPerRun = 50

interface Delivery {
  readonly dueMs: number
  /** When it was written, on the clock of the machine. */
  readonly sinceMs: number
  readonly sql: string
}

export class LiveWorld {
  readonly owner: TruthDatabase
  readonly copy: TruthDatabase
  /** Keys whose change was lost, and when. */
  readonly lost = new Map<string, number>()
  changes = 0
  pauses = 0
  /** Deliveries that overtook an older one. */
  overtaken = 0
  nowMs = 0
  readonly #options: LiveOptions
  readonly #random: Random
  #waiting: Delivery[] = []
  #tookMsMax = 0
  #step = 0
  #pausedUntilMs = 0
  #nextPauseMs: number
  #nextLossMs: number

  constructor(owner: TruthDatabase, copy: TruthDatabase, options: LiveOptions) {
    this.owner = owner
    this.copy = copy
    this.#options = options
    this.#random = seededRandom(options.seed)
    this.#nextPauseMs = options.pauseEveryMs
    this.#nextLossMs = options.lossEveryMs
  }

  static async make(pair: Pair, options: LiveOptions): Promise<LiveWorld> {
    const databases = await Promise.all([pair.left.fresh(), pair.right.fresh()])
    const ranges = [
      [1, updated],
      [ballastFrom, ballastFrom + ballast - 1],
      [lossFrom, lossFrom + losses - 1],
    ] as const
    for (const [s, database] of databases.entries()) {
      const engine = s === 0 ? pair.left : pair.right
      await database.run('create table t(id bigint primary key, v bigint)')
      await database.run(...ranges.map(([from, to]) => engine.fill(from, to)))
    }
    return new LiveWorld(databases[0], databases[1], options)
  }

  /** Moves the world to a moment: writes what falls due at the owner and lets the copy follow. */
  async advance(toMs: number): Promise<void> {
    while (this.nowMs + this.#options.stepMs <= toMs) {
      this.nowMs += this.#options.stepMs
      await this.#write()
      await this.#deliver()
    }
  }

  /**
   * The longest that a change took on the clock of the machine, or that one has waited: where it reaches the deadline,
   * the machine was too slow for the world, and a finding proves nothing.
   */
  get slowestMs(): number {
    const nowMs = performance.now()
    return Math.max(this.#tookMsMax, ...this.#waiting.map(({ sinceMs }) => nowMs - sinceMs))
  }

  async drop(): Promise<void> {
    await this.owner.drop()
    await this.copy.drop()
  }

  async #write(): Promise<void> {
    this.#step += 1
    const n = this.#step
    const count = Math.max(1, Math.round((this.#options.changesPerSecond * this.#options.stepMs) / 1_000) - 2)
    const ids = new Set([hotKey])
    while (ids.size < count) ids.add(this.#updatedKey())
    const list = [...ids].join(', ')
    const moves = [`update t set v = ${n} where id in (${list})`]
    const follows = [`update t set v = ${n} where id in (${list}) and v < ${n}`]
    const more = [`insert into t values (${newFrom + n}, ${n})`]
    if (n <= ballast) more.push(`delete from t where id = ${ballastFrom + n - 1}`)
    this.changes += ids.size + more.length
    for (const sql of [...follows, ...more]) this.#send(sql)
    const loss = this.#loss(n)
    await this.owner.run(...moves, ...more, ...(loss === undefined ? [] : [loss.sql]))
    // Only now it is there for whoever reads.
    if (loss !== undefined) this.lost.set(String(loss.key), this.nowMs)
  }

  #updatedKey(): number {
    const { warmShare = 0 } = this.#options
    return 1 + this.#random.int(warmShare > 0 && this.#random.next() < warmShare ? warm : updated)
  }

  /** A change of a row that nobody touches again, and that is never sent. */
  #loss(n: number): { readonly key: number; readonly sql: string } | undefined {
    if (this.nowMs < this.#nextLossMs || this.lost.size >= losses) return undefined
    this.#nextLossMs += this.#options.lossEveryMs
    const kind = this.lost.size % 3
    const key = kind === 2 ? newFrom * 1_000 + n : lossFrom + this.lost.size
    if (kind === 2) return { key, sql: `insert into t values (${key}, ${n})` }
    return { key, sql: kind === 0 ? `update t set v = ${n} where id = ${key}` : `delete from t where id = ${key}` }
  }

  #send(sql: string): void {
    const dueMs = this.nowMs + this.#random.int(this.#options.lagMsMax + 1)
    this.#waiting.push({ dueMs, sinceMs: performance.now(), sql })
  }

  async #deliver(): Promise<void> {
    if (this.nowMs < this.#pausedUntilMs) return
    if (this.nowMs >= this.#nextPauseMs) {
      this.#nextPauseMs = this.nowMs + this.#options.pauseEveryMs
      this.#pausedUntilMs = this.nowMs + this.#random.int(this.#options.pauseMsMax + 1)
      this.pauses += 1
    }
    const due = this.#waiting.filter((delivery) => delivery.dueMs <= this.nowMs)
    if (due.length === 0) return
    this.#waiting = this.#waiting.filter((delivery) => delivery.dueMs > this.nowMs)
    // In any order: rows say themselves which version they hold.
    for (let i = due.length - 1; i > 0; i -= 1) {
      const j = this.#random.int(i + 1)
      if (j !== i) this.overtaken += 1
      ;[due[i], due[j]] = [due[j]!, due[i]!]
    }
    for (let from = 0; from < due.length; from += statementsPerRun)
      await this.copy.run(...due.slice(from, from + statementsPerRun).map(({ sql }) => sql))
    this.#tookMsMax = Math.max(this.#tookMsMax, performance.now() - Math.min(...due.map(({ sinceMs }) => sinceMs)))
  }
}
