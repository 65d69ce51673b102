/**
 * Where commands write: the result to stdout, progress and errors to stderr, secrets to neither.
 *
 * Colors only for a terminal, and never with NO_COLOR, TERM=dumb or `--json`.
 */
import { type ErrorDocument, isSelvedgeError } from '../base/error.ts'
import { valueText } from './text.ts'

/** What a command may write to. */
export interface Terminal {
  readonly isJson: boolean
  readonly isQuiet: boolean
  readonly width: number
  readonly paint: Paint
  /** A line of the result. */
  out(line: string): void
  /** A document for programs, or a line of one, as it is. */
  document(text: string): void
  /** One JSON document, which is then the whole result. */
  json(document: unknown): void
  /** A line of progress; silent with `--quiet`. */
  note(line: string): void
  /** What is being done now: on a terminal one line that the next one replaces, else a line each; silent with `--quiet`. */
  status(line: string): void
  /** An error with its code, what happened and what to do. */
  error(error: unknown): void
}

/** Colors by meaning. */
export interface Paint {
  readonly strong: (text: string) => string
  readonly faint: (text: string) => string
  readonly bad: (text: string) => string
  readonly good: (text: string) => string
  readonly command: (text: string) => string
}

/** What a stream must be able to do. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

/** What decides about the form of the output. */
export interface TerminalOptions {
  readonly stdout: Output
  readonly stderr: Output
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly isJson?: boolean
  readonly isQuiet?: boolean
}

/** A screen is taken to be this wide when nobody says: old enough terminals and logs. */
const widthDefault = 100

/** A terminal over two streams. */
export function terminal(options: TerminalOptions): Terminal {
  const { stdout, stderr, environment, isJson = false, isQuiet = false } = options
  const isColored = stdout.isTTY === true && !isJson && !environment.NO_COLOR && environment.TERM !== 'dumb'
  const paint = paintWith(isColored || (!isJson && Boolean(environment.FORCE_COLOR) && !environment.NO_COLOR))
  const isLive = stderr.isTTY === true && environment.TERM !== 'dumb' && !environment.CI
  const width = stdout.columns ?? stderr.columns ?? widthDefault
  let hasStatus = false
  // Whatever is written takes the place of the status, on whichever of the two streams: both are the same screen.
  const clear = () => {
    if (hasStatus) stderr.write('\r\u001b[2K')
    hasStatus = false
  }
  const say = (line: string) => {
    clear()
    stderr.write(`${still(redact(line))}\n`)
  }
  const result = (text: string) => {
    clear()
    stdout.write(`${redact(text)}\n`)
  }
  return {
    isJson,
    isQuiet,
    width,
    paint,
    out: (line) => result(still(line)),
    document: result,
    json: (document) => result(JSON.stringify(document, plainBigints)),
    note: (line) => {
      if (!isQuiet) say(line)
    },
    status: (line) => {
      if (isQuiet) return
      if (!isLive) return say(line)
      clear()
      // A line that wraps could not be taken back.
      stderr.write(valueText(redact(line), width - 1))
      hasStatus = true
    },
    error: (error) => {
      const { code, message, help } = errorDocument(error)
      if (isJson) result(JSON.stringify({ error: errorDocument(error) }, plainBigints))
      say(`error ${code}: ${message}`)
      if (help !== '') say(`  ${help}`)
    },
  }
}

/** Looked for behind the slashes: a search for whole schemes reads a value of megabytes once for each of its letters. */
const credentials = /(?<=[a-z0-9+.-]:\/\/)([^\s:/@"'<>]*):[^\s/"'<>]*@(?=[^\s@])/gi

/**
 * The text with the passwords of URLs and connection strings taken out. Everything that is printed passes through here,
 * so that a driver's message or a config's text cannot carry one out by accident.
 */
export function redact(text: string): string {
  return text.replace(credentials, '$1:***@').replace(/([?&\s;]|^)((?:ssl)?password|pwd)=[^\s&"';]+/gi, '$1$2=***')
}

/** All that moves a cursor or orders a terminal about, but for line feeds, tabs and our own colors. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for.
const orders = /(?!\u001b\[(?:1|2|22|31|32|36|39)m)(?![\n\t])\p{Cc}/gu

/** The text as it may be shown: a key or a value that somebody stored must not command the terminal of whoever reads it. */
function still(text: string): string {
  return text.replace(orders, ' ')
}

/** The error as a document; an unexpected one is said to be ours. */
export function errorDocument(
  error: unknown,
): Pick<ErrorDocument, 'code' | 'message' | 'help'> & Partial<ErrorDocument> {
  if (isSelvedgeError(error)) return error.toJSON()
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'cli/unexpected', message, help: 'This was not foreseen: report it with the command that you ran.' }
}

function plainBigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

function paintWith(isColored: boolean): Paint {
  const with_ = (open: number, close: number) => (text: string) =>
    isColored ? `\u001b[${open}m${text}\u001b[${close}m` : text
  return { strong: with_(1, 22), faint: with_(2, 22), bad: with_(31, 39), good: with_(32, 39), command: with_(36, 39) }
}
