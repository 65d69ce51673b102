/**
 * Erases what a stream says of a person, and tells those who copied it.
 *
 * The rows of the log stay, with their versions, times and types, so that order and positions hold; their data is gone and their op
 * is `erase`, so that a reader that comes late meets no event without its data. An event of our own follows in the stream:
 * replicas and waiting events are purged when it is applied.
 */
import { uuidv7 } from '../base/id.ts'
import { systemRandom } from '../base/random.ts'
import type { Transaction } from '../store/database.ts'
import { quoteIdentifier } from '../store/identifier.ts'
import { appendStatements } from './append.ts'

/** The type of the event that tells consumers of an erasure. */
export const erasedType = 'selvedge.Erased'

/**
 * Erases the data of all events of `stream` so far and appends the `erase` event, in the transaction given.
 *
 * Resolves with how many events were emptied. The rows of your own tables are yours to empty, in the same transaction.
 * Backups and what a broker still holds are out of reach: see the limits in the README.
 *
 * ```ts
 * await db.transaction(async (tx) => {
 *   await tx.query('update users set name = null, email = null where id = $1', ['42'])
 *   await redact(tx, 'User/42')
 * })
 * ```
 */
export async function redact(tx: Transaction, stream: string): Promise<number> {
  const s = quoteIdentifier(tx.schema)
  // The head row first, as an append does: an event of the same stream then waits, and cannot slip in behind the erasure.
  await tx.query(`select from ${s}.head where stream = $1 for update`, [stream])
  const { rowCount } = await tx.query(
    `update ${s}.log set op = 'x', data = 'null', headers = null, subject = null where stream = $1 and op <> 'x'`,
    [stream],
  )
  const erased = {
    id: uuidv7(tx.clock, systemRandom),
    stream,
    type: erasedType,
    schemaVersion: 1,
    op: 'erase',
    text: 'null',
  } as const
  for (const statement of appendStatements([erased], tx.schema)) await tx.query(statement)
  tx.notifyPublished()
  return rowCount
}
