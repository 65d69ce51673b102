/** Where the forms of a report go: files, and at most one of them to stdout, in place of the table. */
import { accessSync, closeSync, constants, openSync, statSync, writeSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { refused } from '../base/error.ts'
import { writeWhole } from './baseline-file.ts'
import { redact, type Terminal } from './terminal.ts'

/** What was asked for; `-` is stdout. */
export interface OutputChoice {
  readonly json?: boolean | undefined
  /** True means stdout. */
  readonly jsonl?: string | boolean | undefined
  readonly junit?: string | undefined
  readonly sarif?: string | undefined
  readonly html?: string | undefined
}

type DocumentName = 'json' | 'junit' | 'sarif' | 'html'

/** The opened outputs. */
export interface Outputs {
  readonly isStdoutTaken: boolean
  /** A line of the stream, if one was asked for. */
  line(value: object): void
  /** A document, if it was asked for; `make` is not called otherwise. */
  document(name: DocumentName, make: () => string): void
  close(): void
}

/**
 * Opens what was asked for.
 *
 * @throws Refused `cli/usage-two-outputs` when more than one form is to go to stdout, and `cli/usage-cannot-write` for
 *   a file that cannot be written.
 */
export function openOutputs(choice: OutputChoice, terminal: Terminal): Outputs {
  const places = {
    json: choice.json === true ? '-' : undefined,
    jsonl: choice.jsonl === true ? '-' : choice.jsonl === false ? undefined : choice.jsonl,
    junit: choice.junit,
    sarif: choice.sarif,
    html: choice.html,
  }
  const toStdout = Object.entries(places).flatMap(([name, place]) => (place === '-' ? [`--${name}`] : []))
  if (toStdout.length > 1)
    throw refused(
      'cli/usage-two-outputs',
      `${toStdout.join(' and ')} would both go to stdout.`,
      'Give all but one of them a file: --jsonl findings.jsonl --html report.html',
    )
  const files = Object.values(places).filter((place) => place !== undefined && place !== '-')
  for (const [i, place] of files.entries()) {
    mustBeWritable(place!)
    if (files.findIndex((other) => resolve(other!) === resolve(place!)) !== i)
      throw cannotWrite(place!, 'it is named twice')
  }
  const stream = places.jsonl === undefined || places.jsonl === '-' ? undefined : openSync(places.jsonl, 'w')
  return {
    isStdoutTaken: toStdout.length > 0,
    line: (value) => {
      if (places.jsonl === '-') terminal.document(JSON.stringify(value))
      else if (stream !== undefined) writeSync(stream, `${redact(JSON.stringify(value))}\n`)
    },
    document: (name, make) => {
      const place = places[name]
      if (place === '-') terminal.document(make().trimEnd())
      else if (place !== undefined) {
        writeWhole(place, make())
        terminal.note(`${name}: ${place}`)
      }
    },
    close: () => {
      if (stream !== undefined) closeSync(stream)
    },
  }
}

function mustBeWritable(place: string): void {
  try {
    accessSync(dirname(resolve(place)), constants.W_OK)
  } catch {
    throw cannotWrite(place, 'its folder is not there, or must not be written')
  }
  if (statSync(place, { throwIfNoEntry: false })?.isDirectory() === true) throw cannotWrite(place, 'it is a folder')
}

function cannotWrite(place: string, why: string): Error {
  return refused('cli/usage-cannot-write', `${place} cannot be written: ${why}.`, 'Name another file.', { place })
}
