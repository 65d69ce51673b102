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
  '57P01',
  '57P02',
  '57P03',
  '08000',
  '08003',
  '08006',
  '25P03',
])

/** True when the connection, not the statement, is what failed. */
export function isConnectionLoss(error: unknown): boolean {
  const { code, message } = (error ?? {}) as DriverError
  return (
    (code !== undefined && lostConnection.has(code)) ||
    /Connection terminated|connection error and is not queryable|timeout expired|Client was closed/.test(message ?? '')
  )
}

/** The SQLSTATE or system code of a driver error. */
export function errorCode(error: unknown): string | undefined {
  return ((error ?? {}) as DriverError).code
}

/** The same error, or a coded one that says what to do. */
export function explainError(error: unknown): unknown {
  if (isSelvedgeError(error)) return error
  const { code, message, constraint } = (error ?? {}) as DriverError
  if (code === '53100')
    return transient(
      'store/disk-full',
      'The database server has no space left: nothing of the transaction was kept.',
      'Free space on the server; the business rows and their events fail together, so nothing needs repair.',
      { cause: error },
    )
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
  if (code === '23514' && /no partition of relation "log"/.test(message ?? ''))
    return transient(
      'log/no-partition',
      'The log has no partition for the next event: nothing was kept.',
      'Run the service (or relay), whose ticker makes partitions ahead; then publish again.',
      { cause: error },
    )
  if (isConnectionLoss(error))
    return transient(
      'store/unreachable',
      'The database cannot be reached.',
      'The library tries again by itself; see that the server runs and the address is right.',
      { cause: error },
    )
  return error
}
