/**
 * That this process is alive, as one row with a beat. The beat is how others learn of a death; safety never depends on it,
 * since positions are moved by compare-and-set.
 */
import { uuidv7 } from '../base/id.ts'
import { systemRandom } from '../base/random.ts'
import type { Scheduler, Task } from '../base/scheduler.ts'
import type { Database } from '../store/database.ts'
import { quoteIdentifier } from '../store/identifier.ts'

/** One beat a second, stale after three missed ones: a lane changes hands within 5 s of a death, and a long pause is survived. */
const beatMsDefault = 1_000
const staleBeats = 3
/** Rows of the dead are of use to a person for an hour, then they are only rows. */
const forgetMs = 3_600_000

export class Membership {
  readonly id: string
  readonly staleMs: number
  /** How many beats were written: each is one small transaction, and an idle service writes nothing else. */
  beats = 0
  readonly #database: Database
  readonly #scheduler: Scheduler
  readonly #beatMs: number
  readonly #name: string
  #task: Task | undefined

  constructor(
    database: Database,
    scheduler: Scheduler,
    options: { readonly name?: string; readonly beatMs?: number } = {},
  ) {
    this.id = uuidv7(database.clock, systemRandom)
    this.#database = database
    this.#scheduler = scheduler
    this.#beatMs = options.beatMs ?? beatMsDefault
    this.staleMs = this.#beatMs * staleBeats
    this.#name = options.name ?? `pid ${process.pid}`
  }

  /** Writes the first beat, so that claims made right after are a living process's, then goes on beating. */
  async start(): Promise<void> {
    await this.#forgetDead()
    await this.#beat()
    let first = true
    this.#task = this.#scheduler.task(`beat ${this.#database.schema}`, async () => {
      if (!first) await this.#beat()
      first = false
      return this.#beatMs
    })
  }

  /** Signs off, so that others take over at once. */
  async stop(): Promise<void> {
    await this.#task?.stop()
    await this.#database.query(`delete from ${quoteIdentifier(this.#database.schema)}.instance where id = $1`, [
      this.id,
    ])
  }

  async #forgetDead(): Promise<void> {
    const s = quoteIdentifier(this.#database.schema)
    await this.#database.query(
      `delete from ${s}.instance where beat < clock_timestamp() - $1 * interval '1 millisecond'`,
      [forgetMs],
    )
  }

  async #beat(): Promise<void> {
    const s = quoteIdentifier(this.#database.schema)
    await this.#database.query({
      text: `insert into ${s}.instance(id, beat, name) values ($1, clock_timestamp(), $2) on conflict (id) do update set beat = excluded.beat`,
      values: [this.id, this.#name],
      name: `selvedge beat ${this.#database.schema}`,
    })
    this.beats += 1
  }
}
