/**
 * A transaction that Selvedge opened.
 *
 *     idle --first statement--> begun --work returns--> committing --COMMIT answered COMMIT--> committed
 *                                 \--work throws / a statement fails / COMMIT answered ROLLBACK--> rolled back
 *
 * BEGIN travels with the first statement and what was buffered travels with COMMIT, so that the usual transaction of one
 * write and one event costs two flights. A transaction of a single statement is sent without BEGIN: one flight, one commit.
 */
import type { Clock } from '../base/clock.ts'
import { assert, defect, transient } from '../base/error.ts'
import type { Signal } from '../base/signal.ts'
import type { Connection } from './connection.ts'
import type { Cause, Flusher, Result, Statement, Transaction, TransactionOptions } from './database.ts'
import { errorCode, explainError, isConnectionLoss } from './explain-error.ts'
import { quoteLiteral } from './identifier.ts'
import { transactionControlIn } from './transaction-control.ts'

/** What the transaction needs of the database that opens it. */
export interface TransactionSetting {
  readonly schema: string
  readonly clock: Clock
  readonly published: Signal
  /** True when a test set the clock: then the server's `now` is set with BEGIN. */
  readonly clockIsSet: boolean
}

/** The SQLSTATE of a statement that PostgreSQL cannot run in this form. */
const featureNotSupported = '0A000'

export class OwnedTransaction implements Transaction {
  readonly owned = true
  readonly schema: string
  readonly home: object
  readonly clock: Clock
  cause: Cause | undefined
  readonly #setting: TransactionSetting
  readonly #connection: Connection
  readonly #options: TransactionOptions
  readonly #buffers = new Map<Flusher<unknown>, unknown[]>()
  #queued: Statement[] = []
  #afterCommit: (() => void)[] = []
  #inFlight: Promise<Result>[] = []
  #begun = false
  #closed = false
  #savepoints = 0
  #notifies = false

  constructor(setting: TransactionSetting, connection: Connection, options: TransactionOptions) {
    this.#setting = setting
    this.#connection = connection
    this.#options = options
    this.schema = setting.schema
    this.home = setting
    this.clock = setting.clock
    this.cause = options.cause
  }

  async query<R = Record<string, unknown>>(sql: string | Statement, values?: readonly unknown[]): Promise<Result<R>> {
    this.send(sql, values)
    return (await this.#depart()) as Result<R>
  }

  send(sql: string | Statement, values?: readonly unknown[]): void {
    assert(!this.#closed, 'A statement was sent to a transaction that has already ended; await it inside the callback.')
    const statement = typeof sql === 'string' ? { text: sql, values } : sql
    const control = transactionControlIn(statement.text)
    if (control !== undefined)
      throw defect(
        'store/transaction-control',
        `${control} was sent inside a transaction that Selvedge owns.`,
        'Return to commit, throw to roll back, and use tx.savepoint(work) for a savepoint: events and rows then stay together.',
      )
    this.#queued.push(statement)
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    assert(
      !this.#closed,
      'A savepoint was asked of a transaction that has already ended; await it inside the callback.',
    )
    const name = `s${++this.#savepoints}`
    const lengths = new Map([...this.#buffers].map(([flusher, items]) => [flusher, items.length]))
    const hooks = this.#afterCommit.length
    this.#queued.push({ text: `savepoint ${name}` })
    try {
      const result = await work()
      if (this.#queued.length > 0) await this.#depart()
      this.#queued.push({ text: `release savepoint ${name}` })
      return result
    } catch (error) {
      // What was queued but never sent belongs to the savepoint; if the savepoint itself never left, it goes with it.
      const sent = !this.#queued.some((statement) => statement.text === `savepoint ${name}`)
      this.#queued = sent
        ? []
        : this.#queued.slice(
            0,
            this.#queued.findIndex((statement) => statement.text === `savepoint ${name}`),
          )
      if (sent) {
        this.#inFlight = []
        this.#queued.push({ text: `rollback to savepoint ${name}` }, { text: `release savepoint ${name}` })
        // When the transaction failed before the savepoint there is nothing to go back to: the first error is the one to tell.
        await this.#depart().catch(() => undefined)
      }
      for (const [flusher, items] of this.#buffers) items.length = lengths.get(flusher) ?? 0
      this.#afterCommit.length = hooks
      throw error
    }
  }

  buffer<T>(flusher: Flusher<T>, item: T): void {
    assert(
      !this.#closed,
      'Something was published into a transaction that has already ended; await it inside the callback.',
    )
    const items = this.#buffers.get(flusher as Flusher<unknown>)
    if (items) items.push(item)
    else this.#buffers.set(flusher as Flusher<unknown>, [item])
  }

  afterCommit(hook: () => void): void {
    this.#afterCommit.push(hook)
  }

  notifyPublished(): void {
    this.#notifies = true
  }

  /** Sends what is buffered together with COMMIT; resolves when the server confirmed it. */
  async commit(): Promise<void> {
    const flushed = [...this.#buffers].flatMap(([flusher, items]) =>
      items.length > 0 ? flusher.flush(items, this.schema) : [],
    )
    this.#closed = true
    const joined = this.#joined()
    const last = [...this.#queued.splice(0), ...flushed]
    if (joined) await this.#finishJoined(joined, last)
    else if (this.#begun || last.length > 0) await this.#finish(last)
    if (this.#notifies) this.#setting.published.notify()
    for (const hook of this.#afterCommit) runAfterCommit(hook)
  }

  async rollback(): Promise<void> {
    this.#closed = true
    if (!this.#begun) return
    await Promise.allSettled([...this.#inFlight, ...this.#connection.flight([{ text: 'rollback' }])])
  }

  /** One statement and what is buffered with it, as one statement: no BEGIN, no COMMIT, a third of the messages. */
  #joined(): Statement | undefined {
    const [statement, ...others] = this.#queued
    const [buffer, ...more] = this.#buffers
    if (this.#begun || !statement || others.length > 0 || !buffer || more.length > 0) return undefined
    const [flusher, items] = buffer
    return flusher.join?.(statement, items, this.schema)
  }

  /** A table with rules refuses to be written inside another statement; nothing was kept then, and apart they are what was asked for. */
  async #finishJoined(joined: Statement, apart: readonly Statement[]): Promise<void> {
    try {
      await this.#finish([joined])
    } catch (error) {
      if (errorCode(error) !== featureNotSupported) throw error
      await this.#finish(apart)
    }
  }

  async #finish(last: readonly Statement[]): Promise<void> {
    const { isolation, readOnly } = this.#options
    const alone = !this.#begun && last.length === 1 && !this.#setting.clockIsSet && isolation === undefined && !readOnly
    const statements = alone ? last : [...(this.#begun ? [] : [this.#begin()]), ...last, { text: 'commit' }]
    const answers = await Promise.allSettled([...this.#inFlight, ...this.#connection.flight(statements)])
    this.#begun = false
    const failed = answers.find((answer) => answer.status === 'rejected')
    if (failed) throw commitFailure(failed.reason, answers.at(-1))
    const tag = (answers.at(-1) as PromiseFulfilledResult<Result>).value.command
    if (!alone && tag !== 'COMMIT') throw rolledBack(tag)
  }

  /** Sends everything queued in one flight and resolves with the answer to the last statement. */
  async #depart(): Promise<Result> {
    const statements = this.#begun ? this.#queued : [this.#begin(), ...this.#queued]
    this.#queued = []
    this.#begun = true
    const answers = this.#connection.flight(statements)
    const last = answers.pop() as Promise<Result>
    // An answer that nobody awaits still counts: it is looked at again when the transaction ends.
    for (const answer of answers) answer.catch(() => undefined)
    this.#inFlight.push(...answers)
    try {
      const result = await last
      if (this.#inFlight.length > 0) await Promise.all(this.#inFlight.splice(0))
      return result
    } catch (error) {
      const first = (await Promise.allSettled(answers)).find((answer) => answer.status === 'rejected')
      throw explainError(first?.reason ?? error)
    }
  }

  #begin(): Statement {
    const { isolation, readOnly, idleTimeoutMs } = this.#options
    const begin = `begin${isolation ? ` isolation level ${isolation}` : ''}${readOnly ? ' read only' : ''}`
    const idle =
      idleTimeoutMs === undefined
        ? ''
        : `; set local idle_in_transaction_session_timeout = ${Math.round(idleTimeoutMs)}`
    const clock = this.#setting.clockIsSet
      ? `; set local selvedge.now = ${quoteLiteral(this.clock.now().toISOString())}`
      : ''
    return { text: begin + idle + clock }
  }
}

/** The commit stands whatever follows it: a hook that throws must not make its caller believe in a rollback. */
function runAfterCommit(hook: () => void): void {
  try {
    hook()
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error))
  }
}

function rolledBack(tag: string, cause?: unknown): Error {
  return transient(
    'store/rolled-back',
    `COMMIT was answered with ${tag}: nothing of the transaction was kept.`,
    'An earlier statement failed and its error was caught inside the callback; let it be thrown, or run it inside tx.savepoint().',
    cause === undefined ? {} : { cause },
  )
}

/** A connection lost while COMMIT was on its way leaves the outcome unknown, and the caller must hear just that. */
function commitFailure(error: unknown, commit: PromiseSettledResult<Result> | undefined): unknown {
  if (commit?.status === 'rejected' && isConnectionLoss(error))
    return transient(
      'store/commit-unknown',
      'The connection was lost while COMMIT was on its way: the transaction may or may not have been kept.',
      'Look for the effect by its key before trying again, or make the command idempotent.',
      { cause: error },
    )
  // What was flushed into a transaction that had failed before only says that it had.
  if (errorCode(error) === '25P02') return rolledBack('ROLLBACK', error)
  return explainError(error)
}
