/** Borrows a transaction of your own `pg` client. */
import type { Transaction } from '../database.ts'
import { type BorrowOptions, borrowTransaction } from './borrowed-transaction.ts'

/** The part of a `pg` client that is needed. */
export interface PgClientLike {
  query(config: {
    text: string
    values?: unknown[]
  }): Promise<{ rows: unknown[]; rowCount: number | null; command: string }>
  getTransactionStatus?(): string | null
}

/**
 * The transaction that `client` is in, as `publish` wants it.
 *
 * ```ts
 * await client.query('begin')
 * await client.query('update users set email = $2 where id = $1', ['42', 'ada@example.com'])
 * await publish(fromPg(client), UserProfileUpdated, { userId: '42', email: 'ada@example.com' })
 * await client.query('commit')
 * ```
 * @throws Refused `outbox/no-transaction` from `publish` when the client is not inside a transaction.
 */
export function fromPg(client: PgClientLike, options?: BorrowOptions): Transaction {
  return borrowTransaction(
    {
      run: async ({ text, values }) => {
        const answer = await client.query(values === undefined ? { text } : { text, values: [...values] })
        return {
          rows: answer.rows as Record<string, unknown>[],
          rowCount: answer.rowCount ?? 0,
          command: answer.command,
        }
      },
      isInTransaction: () => {
        // Older drivers do not keep the status; "E" is a transaction that has failed, which the server then says itself.
        const status = client.getTransactionStatus?.()
        return status === undefined || status === null ? undefined : status !== 'I'
      },
    },
    options,
  )
}
