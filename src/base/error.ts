/**
 * Errors that tell the caller what to do. Three kinds, and only three:
 * `transient` - try again; `refused` - the business said no, compensate or correct the input; `defect` - a bug, stop.
 *
 * The code is `folder/what-happened` and never changes; the message says what happened with its values; the help is
 * one sentence that says what it means and what to do.
 */

/** What the caller should do: `transient` try again, `refused` correct or compensate, `defect` stop and report. */
export type ErrorKind = 'transient' | 'refused' | 'defect'

/** The values an error carries beside its code. `cause` becomes the error's cause, the rest its `values`. */
export type ErrorDetails = { readonly cause?: unknown } & Readonly<Record<string, unknown>>

/** An error as a plain document, for `--json` output, logs and parked rows. */
export interface ErrorDocument {
  readonly kind: ErrorKind
  readonly code: string
  readonly message: string
  readonly help: string
  readonly values: Readonly<Record<string, unknown>>
  readonly cause?: string
}

interface ErrorParts {
  readonly kind: ErrorKind
  readonly code: string
  readonly message: string
  readonly help: string
  readonly details: ErrorDetails | undefined
}

/**
 * Every error that Selvedge raises.
 *
 * `kind` decides what to do, `code` names the case (`outbox/no-transaction`), `values` holds the numbers and names
 * involved (never a secret: whoever builds the error chooses them), `help` is one sentence of advice.
 */
export class SelvedgeError extends Error {
  readonly kind: ErrorKind
  readonly code: string
  readonly help: string
  readonly values: Readonly<Record<string, unknown>>

  constructor(parts: ErrorParts) {
    const { cause, ...values } = parts.details ?? {}
    super(parts.message, cause === undefined ? undefined : { cause })
    this.name = 'SelvedgeError'
    this.kind = parts.kind
    this.code = parts.code
    this.help = parts.help
    this.values = values
  }

  /** The error as a document; the cause is reduced to its message, since driver errors hold sockets and settings. */
  toJSON(): ErrorDocument {
    const { kind, code, message, help, values } = this
    const cause = this.cause === undefined ? undefined : causeText(this.cause)
    return { kind, code, message, help, values: plainValues(values), ...(cause === undefined ? {} : { cause }) }
  }
}

/** An error worth trying again: the network, a lock, a server that restarts. */
export function transient(code: string, message: string, help: string, details?: ErrorDetails): SelvedgeError {
  return build({ kind: 'transient', code, message, help, details }, transient)
}

/** A refusal: the same call would be refused again, so correct the input or compensate. */
export function refused(code: string, message: string, help: string, details?: ErrorDetails): SelvedgeError {
  return build({ kind: 'refused', code, message, help, details }, refused)
}

/** A bug, ours or the caller's program's: stop rather than carry on with a broken assumption. */
export function defect(code: string, message: string, help: string, details?: ErrorDetails): SelvedgeError {
  return build({ kind: 'defect', code, message, help, details }, defect)
}

/**
 * Whether `error` was raised by Selvedge, and with this code when one is given.
 *
 * Decides by shape rather than by class, because two copies of the library may live in one process.
 *
 * @example
 * if (isSelvedgeError(error, 'log/version-conflict')) return 'conflict'
 */
export function isSelvedgeError(error: unknown, code?: string): error is SelvedgeError {
  if (!(error instanceof Error) || error.name !== 'SelvedgeError') return false
  const candidate = error as Partial<SelvedgeError>
  if (typeof candidate.code !== 'string' || typeof candidate.kind !== 'string') return false
  return code === undefined || candidate.code === code
}

/**
 * States what must hold, and stays on in production: a broken assumption is cheaper here than in the data.
 *
 * @throws defect `base/assertion` with the sentence as its message.
 */
export function assert(condition: unknown, sentence: string): asserts condition {
  if (condition) return
  const help = 'An assumption of the library does not hold: report it with the message and the stack.'
  throw build({ kind: 'defect', code: 'base/assertion', message: sentence, help, details: undefined }, assert)
}

/** Builds the error with a stack that starts at the code that raised it, not in this file. */
function build(parts: ErrorParts, caller: (...values: never[]) => unknown): SelvedgeError {
  const error = new SelvedgeError(parts)
  Error.captureStackTrace(error, caller)
  return error
}

function causeText(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

/** JSON has no bigint, and a number would lose digits of an xid: such values travel as text. */
function plainValues(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]),
  )
}
