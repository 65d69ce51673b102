/** Borrows a transaction of your own Kysely. Structural: Kysely itself is never loaded from here. */
import type { Result, Transaction } from '../database.ts'
import { type BorrowOptions, borrowTransaction } from './borrowed-transaction.ts'

/** The part of a Kysely `Transaction` that is needed. */
export interface KyselyLike {
  readonly isTransaction: boolean
  withoutPlugins(): KyselyLike
  executeQuery(query: {
    readonly sql: string
    readonly parameters: readonly unknown[]
    /** A raw node, which the library types as one of its own. */
    readonly query: never
    readonly queryId: { readonly queryId: string }
  }): Promise<{ readonly rows: unknown[]; readonly numAffectedRows?: bigint | undefined }>
}

/**
 * The transaction `trx` of Kysely on PostgreSQL, as `publish` wants it.
 *
 * ```ts
 * await db.transaction().execute(async (trx) => {
 *   await trx.updateTable('users').set({ email }).where('id', '=', userId).execute()
 *   await publish(fromKysely(trx), UserProfileUpdated, { userId, email })
 * })
 * ```
 * @throws Refused `outbox/no-transaction` from `publish` when `trx` is a plain Kysely, or its transaction has ended.
 */
export function fromKysely(trx: KyselyLike, options?: BorrowOptions): Transaction {
  return borrowTransaction(
    {
      run: async ({ text, values = [] }): Promise<Result> => {
        // Plugins are left out: one that renames columns would rename ours.
        const answer = await trx.withoutPlugins().executeQuery({
          sql: text,
          parameters: values,
          query: { kind: 'RawNode', sqlFragments: [text], parameters: [] } as never,
          queryId: { queryId: 'selvedge' },
        })
        const rows = (answer.rows ?? []) as Record<string, unknown>[]
        return { rows, rowCount: Number(answer.numAffectedRows ?? rows.length), command: '' }
      },
      // A `trx` that outlives its transaction still says that it is one, so the server is asked.
      isInTransaction: () => (trx.isTransaction ? undefined : false),
    },
    options,
  )
}
