/** Publishing: the event commits with the rows it speaks of, or not at all. */
import { uuidv7 } from '../base/id.ts'
import { systemRandom } from '../base/random.ts'
import { type EventType, prepare } from '../contract/contract.ts'
import { appendStatements, appendWith, joinAppend } from '../log/append.ts'
import type { PendingEvent } from '../log/event.ts'
import { metrics } from '../observe/metrics.ts'
import { currentTraceparent } from '../observe/trace.ts'
import type { Database, Flusher, Result, Statement, Transaction } from '../store/database.ts'

/** What may be said beside the data. */
export interface PublishOptions {
  /** Refuses to write unless the stream is at this version (0: it does not exist yet). */
  readonly expectedVersion?: number
  /** Groups all that follows from one request; by default what the handled event carried. */
  readonly correlation?: string
  /** The event or command that caused this one; by default the event being handled. */
  readonly causation?: string
  /** Whom it is about, for erasure and search. */
  readonly subject?: string
  readonly headers?: Readonly<Record<string, string>>
}

const appendFlusher: Flusher<PendingEvent> = { flush: appendStatements, join: joinAppend }

/**
 * Publishes an event in the transaction `tx`.
 *
 * In a transaction that Selvedge opened the event is kept until just before COMMIT and travels with it; in a borrowed one
 * it is written at once. Events of one stream get the versions 1, 2, 3 … in the order of their commits.
 *
 * ```ts
 * await db.transaction(async (tx) => {
 *   await tx.query('update users set email = $2 where id = $1', [userId, email])
 *   await publish(tx, UserProfileUpdated, { userId, email })
 * })
 * ```
 * @throws Refused `contract/…` when the data breaks the contract: nothing is written.
 * @throws Refused `outbox/version-conflict` (at commit) when `expectedVersion` is not the stream's.
 * @throws Refused `outbox/no-transaction` on a borrowed connection that is not inside a transaction.
 */
export async function publish<D>(
  tx: Transaction,
  event: EventType<D>,
  data: NoInfer<D>,
  options: PublishOptions = {},
): Promise<void> {
  const pending = pendingEvent(tx, event, data, options)
  if (tx.owned) tx.buffer(appendFlusher, pending)
  else for (const statement of appendStatements([pending], tx.schema)) await tx.query(statement)
  tx.notifyPublished()
}

/**
 * Runs one statement of yours and publishes its event in the same statement: one round trip, one commit.
 *
 * The cheapest way to write, for commands of a single INSERT, UPDATE or DELETE. The event is written even when the
 * statement touches no row, so use it where the statement cannot miss.
 *
 * ```ts
 * await publishWith(db, { text: 'insert into orders(id, total) values ($1, $2)', values: [id, total] }, OrderPlaced, { orderId: id, total })
 * ```
 * @throws what `publish` throws, and whatever the statement does.
 */
export async function publishWith<D>(
  db: Database,
  statement: Statement,
  event: EventType<D>,
  data: NoInfer<D>,
  options: Omit<PublishOptions, 'expectedVersion'> = {},
): Promise<Result> {
  const result = await db.query(appendWith(statement, pendingEvent(db, event, data, options), db.schema))
  db.published.notify()
  return result
}

function pendingEvent<D>(
  in_: { readonly clock: Transaction['clock']; readonly cause?: Transaction['cause'] },
  event: EventType<D>,
  data: D,
  options: PublishOptions,
): PendingEvent {
  const { stream, text } = prepared(event, data)
  const { cause } = in_
  return {
    id: uuidv7(in_.clock, systemRandom),
    stream,
    text,
    type: event.name,
    schemaVersion: event.schemaVersion,
    op: event.op,
    traceparent: currentTraceparent(),
    correlation: options.correlation ?? cause?.correlation,
    causation: options.causation ?? cause?.id,
    subject: options.subject,
    headers: options.headers ? JSON.stringify(options.headers) : undefined,
    expectedVersion: options.expectedVersion,
  }
}

function prepared<D>(event: EventType<D>, data: D): ReturnType<typeof prepare> {
  try {
    return prepare(event, data)
  } catch (error) {
    metrics.contractViolations.add(1, { contract: event.name, version: String(event.schemaVersion), side: 'publish' })
    throw error
  }
}
