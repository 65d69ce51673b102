/** Borrows a transaction of your own Drizzle on node-postgres. Structural: Drizzle itself is never loaded from here. */
import type { Result, Transaction } from '../database.ts'
import { type BorrowOptions, borrowTransaction } from './borrowed-transaction.ts'

/** The part of a Drizzle transaction that is needed. */
export interface DrizzleLike {
  execute(query: { getSQL(): never }): PromiseLike<unknown>
}

/** What a Drizzle session on node-postgres holds; where it holds something else, the server is asked instead. */
interface HoldsClient {
  readonly session?: { readonly client?: { getTransactionStatus?(): string | null } }
}

interface DriverAnswer {
  readonly rows?: Record<string, unknown>[]
  readonly rowCount?: number | null
  readonly command?: string
}

/**
 * The transaction `tx` of Drizzle on node-postgres, as `publish` wants it.
 *
 * ```ts
 * await db.transaction(async (tx) => {
 *   await tx.update(users).set({ email }).where(eq(users.id, userId))
 *   await publish(fromDrizzle(tx), UserProfileUpdated, { userId, email })
 * })
 * ```
 * @throws Refused `outbox/no-transaction` from `publish` when `tx` is a plain database, or its transaction has ended.
 */
export function fromDrizzle(tx: DrizzleLike, options?: BorrowOptions): Transaction {
  return borrowTransaction(
    {
      run: async ({ text, values = [] }): Promise<Result> => {
        const answer = (await tx.execute(rawSql(text, values)).then(undefined, unwrap)) as DriverAnswer
        return { rows: answer.rows ?? [], rowCount: answer.rowCount ?? 0, command: answer.command ?? '' }
      },
      isInTransaction: () => {
        const status = (tx as HoldsClient).session?.client?.getTransactionStatus?.()
        return status === undefined || status === null ? undefined : status !== 'I'
      },
    },
    options,
  )
}

/** What `sql` makes, as far as `execute` looks: a text with numbered parameters that reach the driver as they are. */
function rawSql(sql: string, params: readonly unknown[]): { getSQL(): never } {
  return { getSQL: () => ({ toQuery: () => ({ sql, params: [...params] }) }) as never }
}

/** Drizzle puts the statement and its values into the message of its own error; the driver's error under it is what counts. */
function unwrap(error: unknown): never {
  const cause = (error as { cause?: { code?: unknown } } | undefined)?.cause
  throw typeof cause?.code === 'string' ? cause : error
}
