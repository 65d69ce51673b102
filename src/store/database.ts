/**
 * What the rest of the library knows of a database: statements, a transaction that can buffer work for its commit, and a pool.
 * Drivers and ORMs are adapters to these four types; nothing else in the library names one.
 */
import type { Clock } from '../base/clock.ts'
import type { Signal } from '../base/signal.ts'

/** One SQL statement. A `name` lets the server keep its plan; it is ignored behind a pooler that cannot. */
export interface Statement {
  readonly text: string
  readonly values?: readonly unknown[] | undefined
  readonly name?: string | undefined
}

/** What a statement answered. `command` is the server's tag: `COMMIT` answered with `ROLLBACK` is a failure. */
export interface Result<R = Record<string, unknown>> {
  readonly rows: R[]
  readonly rowCount: number
  readonly command: string
}

/** Anything that runs statements. */
export interface Queryable {
  query<R = Record<string, unknown>>(sql: string | Statement, values?: readonly unknown[]): Promise<Result<R>>
}

/** Turns what was buffered during a transaction into the statements that travel with its COMMIT. */
export interface Flusher<T> {
  flush(items: readonly T[], schema: string): readonly Statement[]
  /** The same and the transaction's only statement as one, where they may be joined. */
  join?(statement: Statement, items: readonly T[], schema: string): Statement | undefined
}

/** Whose event is being handled: what is published meanwhile is its consequence. */
export interface Cause {
  readonly id: string
  readonly correlation?: string | undefined
}

/**
 * A transaction: the argument that makes `publish` possible, since there is no form without one.
 *
 * `owned` ones are opened by `Database.transaction` and buffer events until just before COMMIT; borrowed ones
 * (your own pg client, Kysely, Drizzle, TypeORM) write at once, because their commit is not ours to see.
 */
export interface Transaction extends Queryable {
  readonly owned: boolean
  /** The schema of our tables, unquoted. */
  readonly schema: string
  /** The same object in all transactions of one database; undefined in a borrowed one, whose database is not ours to know. */
  readonly home?: object
  readonly clock: Clock
  /** Whose event is being handled now; the inbox sets it before each handler. */
  cause?: Cause | undefined
  /** Queues a statement whose answer nobody reads: it travels with the next flight, and its failure rejects the transaction. */
  send(sql: string | Statement, values?: readonly unknown[]): void
  /** Runs `work` inside a savepoint. When it throws, what it wrote and what it published are undone together. */
  savepoint<T>(work: () => Promise<T>): Promise<T>
  /** Keeps `item` until the commit, where `flusher` turns all of them into statements of the same flight. */
  buffer<T>(flusher: Flusher<T>, item: T): void
  /** Runs after the commit was confirmed; never after a rollback. */
  afterCommit(hook: () => void): void
  /** Says that an event was written here; the database's `published` signal follows the commit. */
  notifyPublished(): void
}

/** How a transaction begins. */
export interface TransactionOptions {
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable'
  readonly readOnly?: boolean
  /** After this long without a statement the server ends the session, so that a stopped process cannot hold its rows. */
  readonly idleTimeoutMs?: number
  readonly cause?: Cause
}

/** A pool of connections to one service's database. */
export interface Database extends Queryable {
  /** The same object as in its transactions. */
  readonly home?: object
  /** The schema of our tables, unquoted. */
  readonly schema: string
  readonly clock: Clock
  /** Notified after a commit that carried events: the ticker of this process listens. */
  readonly published: Signal
  /** Runs `work`; its return commits, its throw rolls back and is thrown on. */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>
  /** Hears NOTIFY on `channel` on a connection of its own, until the returned function is called. */
  listen(channel: string, heard: (payload: string) => void): Promise<() => Promise<void>>
  /** A small pool of its own to the same database, so that ticks and reads never queue behind business transactions. */
  sibling(options: { readonly max: number }): Database
  close(): Promise<void>
}
