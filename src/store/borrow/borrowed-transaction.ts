/**
 * A transaction that somebody else opened and will commit. Events are written at once, because its commit is not ours to see;
 * a savepoint of theirs that is rolled back takes its events along, since both are plain rows of one transaction.
 */
import { systemClock } from '../../base/clock.ts'
import { assert, refused } from '../../base/error.ts'
import { type Signal, signal } from '../../base/signal.ts'
import type { Queryable, Result, Statement, Transaction } from '../database.ts'
import { errorCode, explainError } from '../explain-error.ts'
import { quoteIdentifier } from '../identifier.ts'

/** What one adapter supplies. */
export interface Borrowed {
  /** Runs one statement on the borrowed connection. */
  run(statement: Statement): Promise<Result>
  /** True inside a transaction; undefined when the driver cannot tell, and the server is asked. */
  isInTransaction(): boolean | undefined
}

/** How a transaction is borrowed. */
export interface BorrowOptions {
  /** The schema of our tables; `selvedge` by default. */
  readonly schema?: string
  /** The `published` signal of the service's database: wakes its ticker early. Without it the ticker's poll finds the event. */
  readonly published?: Signal
}

/** The one error of borrowing: nothing was written. */
export function noTransaction(): Error {
  return refused(
    'outbox/no-transaction',
    'publish was called on a connection that is not inside a transaction.',
    'Begin a transaction, write your rows and publish in it: only then do they commit together.',
  )
}

/** Makes a `Transaction` of a borrowed connection. */
export function borrowTransaction(borrowed: Borrowed, options: BorrowOptions = {}): Transaction {
  const schema = options.schema ?? 'selvedge'
  quoteIdentifier(schema)
  const published = options.published ?? signal()
  const query = async <R>(sql: string | Statement, values?: readonly unknown[]): Promise<Result<R>> => {
    const statement = typeof sql === 'string' ? { text: sql, values } : sql
    await assertInTransaction(borrowed)
    try {
      return (await borrowed.run(statement)) as Result<R>
    } catch (error) {
      throw explainError(error)
    }
  }
  return {
    owned: false,
    schema,
    clock: systemClock,
    query: query as Queryable['query'],
    send: () => assert(false, 'send() needs a transaction that Selvedge opened; use query() on a borrowed one.'),
    buffer: () => assert(false, 'A borrowed transaction writes at once: there is no commit of ours to buffer for.'),
    afterCommit: () =>
      assert(false, 'A borrowed transaction is committed by its owner: run what follows the commit there.'),
    savepoint: async (work) => {
      const name = 'selvedge_savepoint'
      await query(`savepoint ${name}`)
      try {
        const result = await work()
        await query(`release savepoint ${name}`)
        return result
      } catch (error) {
        await query(`rollback to savepoint ${name}; release savepoint ${name}`)
        throw error
      }
    },
    notifyPublished: () => published.notify(),
  }
}

/**
 * A driver that cannot say gets a probe of one round trip: SAVEPOINT is refused with 25P01 outside a transaction block, also in the
 * implicit one of two statements sent as one text, and writes nothing inside.
 */
async function assertInTransaction(borrowed: Borrowed): Promise<void> {
  const known = borrowed.isInTransaction()
  if (known === false) throw noTransaction()
  if (known === true) return
  try {
    await borrowed.run({ text: 'savepoint selvedge_probe; release savepoint selvedge_probe' })
  } catch (error) {
    throw errorCode(error) === '25P01' ? noTransaction() : explainError(error)
  }
}
