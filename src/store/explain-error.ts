/** Turns what the driver throws into our coded errors, where knowing the code helps; all else passes through unchanged. */
import { isSelvedgeError, refused, transient } from '../base/error.ts'

interface DriverError {
  readonly code?: string
  readonly message?: string
  readonly constraint?: string
}

const lostConnection = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNABORTED',
  '57P01',
  '57P02',
  '57P03',
  '08000',
  '08003',
  '08006',
  '57P05',
  '25P03',
])

/** How a driver, and a pooler that has lost its server, say so in words. */
const lostInWords =
  /Connection terminated|connection error and is not queryable|timeout expired|timeout exceeded when trying to connect|Client was closed|server conn crashed|server login failed|cannot connect to server|query_wait_timeout|pgbouncer cannot connect|the database system is (?:starting up|shutting down)/

/** A pooler hands a connection's next transaction to another server session, which does not know the plan, or knows another of that name. */
const pooledPlanCodes = new Set(['26000', '42P05'])
const pooledPlanInWords = /bind message supplies \d+ parameters, but prepared statement/

/** True when a named statement met a server session that is not the one that prepared it. */
export function isPooledPlan(error: unknown): boolean {
  if (isSelvedgeError(error)) return error.code === 'store/pooled-plan'
  const { code, message } = (error ?? {}) as DriverError
  return (
    (code !== undefined && pooledPlanCodes.has(code)) || (code === '08P01' && pooledPlanInWords.test(message ?? ''))
  )
}

/** True when the connection, not the statement, is what failed. */
export function isConnectionLoss(error: unknown): boolean {
  const { code, message } = (error ?? {}) as DriverError
  return (code !== undefined && lostConnection.has(code)) || lostInWords.test(message ?? '')
}

/** The SQLSTATE or system code of a driver error. */
export function errorCode(error: unknown): string | undefined {
  return ((error ?? {}) as DriverError).code
}

/** The same error, or a coded one that says what to do. */
export function explainError(error: unknown): unknown {
  if (isSelvedgeError(error)) return error
  const { code } = (error ?? {}) as DriverError
  if (code === '53100')
    return transient(
      'store/disk-full',
      'The database server has no space left: nothing of the transaction was kept.',
      'Free space on the server; the business rows and their events fail together, so nothing needs repair.',
      { cause: error },
    )
  if (isPooledPlan(error))
    return transient(
      'store/pooled-plan',
      'A prepared statement met another server session than the one that prepared it: there is a pooler in transaction mode.',
      'Open the database with { prepare: false }. Until then this process goes on without prepared statements; nothing was kept of this transaction.',
      { cause: error },
    )
  if (code === 'ERR_INVALID_URL')
    // The text itself is not repeated, nor is the error that may hold it: it may hold a password.
    return refused(
      'store/bad-url',
      'The database URL cannot be read.',
      'Write it as postgres://user:password@host:5432/database, with special characters of the password percent-encoded.',
    )
  if (isConnectionLoss(error))
    return transient(
      'store/unreachable',
      'The database cannot be reached.',
      'The library tries again by itself; see that the server runs and the address is right.',
      { cause: error },
    )
  return explainLogError(error)
}

/** What the functions and tables of the log raise. */
function explainLogError(error: unknown): unknown {
  const { code, message, constraint } = (error ?? {}) as DriverError
  if (code === 'SV001' || (code === '23505' && constraint === 'position_pkey'))
    return transient(
      'log/lane-lost',
      `Another process took over a lane: ${message}.`,
      'Nothing was kept; the new owner goes on from the stored position.',
      { cause: error },
    )
  if (code === 'SV002')
    return refused(
      'outbox/version-conflict',
      String(message),
      'Somebody else changed the stream first: read it again, decide again, then publish.',
      { cause: error },
    )
  if (code === 'SV004')
    return transient(
      'log/needs-snapshot',
      String(message),
      'Start it from the owner’s backfill: replicas do so by themselves, a plain handler needs fromSnapshot or a named person.',
      { cause: error },
    )
  if (code === 'SV005')
    return refused(
      'log/consumer-taken',
      `${message}: two services cannot share the positions of one consumer.`,
      'Give one of them another name; names of consumers are unique per owner.',
      { cause: error },
    )
  if (code === 'SV006')
    return refused(
      'log/consumer-of-another-role',
      `${message}.`,
      'If the consumer has moved to another role, the owner lets it: update selvedge.consumer set role = … where name = …',
      { cause: error },
    )
  if (code === '23514' && /no partition of relation "log"/.test(message ?? ''))
    return transient(
      'log/no-partition',
      'The log has no partition for the next event: nothing was kept.',
      'Run the service (or relay), whose ticker makes partitions ahead; then publish again.',
      { cause: error },
    )
  return error
}
