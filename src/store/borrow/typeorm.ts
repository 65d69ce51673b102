/** Borrows a transaction of your own TypeORM. Structural: TypeORM itself is never loaded from here. */
import type { Result, Transaction } from '../database.ts'
import { type BorrowOptions, borrowTransaction } from './borrowed-transaction.ts'

/** The part of a TypeORM `QueryRunner` that is needed. */
export interface TypeormRunnerLike {
  readonly isTransactionActive: boolean
  readonly isReleased: boolean
  query(
    sql: string,
    parameters: unknown[] | undefined,
    useStructuredResult: true,
  ): Promise<{ records?: unknown; affected?: number | null | undefined }>
}

/** The part of a TypeORM `EntityManager` that is needed: inside a transaction it has a query runner of its own. */
export interface TypeormManagerLike {
  readonly queryRunner?: TypeormRunnerLike | undefined
}

/**
 * The transaction of a TypeORM entity manager or query runner on PostgreSQL, as `publish` wants it.
 *
 * ```ts
 * await dataSource.transaction(async (manager) => {
 *   await manager.update(User, { id: userId }, { email })
 *   await publish(fromTypeorm(manager), UserProfileUpdated, { userId, email })
 * })
 * ```
 * @throws Refused `outbox/no-transaction` from `publish` outside a transaction, as with `dataSource.manager`.
 */
export function fromTypeorm(source: TypeormManagerLike | TypeormRunnerLike, options?: BorrowOptions): Transaction {
  const runner = 'isTransactionActive' in source ? source : source.queryRunner
  return borrowTransaction(
    {
      run: async ({ text, values }): Promise<Result> => {
        const answer = await (runner as TypeormRunnerLike).query(text, values && [...values], true)
        const rows = (answer.records ?? []) as Record<string, unknown>[]
        return { rows, rowCount: answer.affected ?? 0, command: '' }
      },
      isInTransaction: () => {
        if (!runner || runner.isReleased) return false
        // It does not know of a transaction that was begun by hand, so its "no" is checked with the server.
        return runner.isTransactionActive ? true : undefined
      },
    },
    options,
  )
}
