/**
 * The writer's side of a contract: validate the data and turn it into the JSON text that the log stores, once.
 *
 * This is the hot path of `publish`. The order is cheapest first and keeps hostile data away from validators: one
 * walk for keys and forms, the validator, the text, the size.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { refused, type SelvedgeError } from '../base/error.ts'
import { compiledSchema } from './compiled-schema.ts'
import type { EventType } from './event.ts'
import { type Fault, findUnstorable, inspect, inspectResult } from './inspect.ts'
import { listProblems, pathText, problemsOf } from './issues.ts'
import type { MessageType } from './message.ts'

/** What has a schema with versions: an event or a message. */
export type Contract<D = unknown> = EventType<D> | MessageType<D>

/** An event's data, ready to be stored. */
export interface Prepared {
  /** `User/42`. */
  readonly stream: string
  /** The data as JSON text. */
  readonly text: string
}

/**
 * The data as the contract returns it (with its defaults), when a writer may publish it.
 *
 * @throws Refused `contract/unknown-key` for a key that the contract does not know, at any depth;
 *   `contract/not-json` for a value that JSON would change or lose; `contract/invalid-payload` with the paths;
 *   `contract/payload-too-large`. Messages name paths, never values.
 */
export function validate<D>(contract: Contract<D>, data: NoInfer<D>): D {
  const { rules, check } = compiledSchema(contract.schema, contract)
  const fault = inspect(data, rules, contract.payloadBytesMax)
  if (fault !== undefined) throw faulty(contract, fault)
  const result = check(data)
  if (result.issues !== undefined) throw invalidPayload(contract, contract.schemaVersion, result.issues, data)
  const { value } = result
  // A library that hands back the same object has changed nothing.
  if (value !== data) {
    const changed = inspectResult(data, value, contract.payloadBytesMax)
    if (changed !== undefined) throw faulty(contract, changed)
  }
  return value
}

/**
 * Validates the data of an event and returns its stream and its JSON text.
 *
 * ```ts
 * const { stream, text } = prepare(EmailChanged, { userId: '42', email: 'ada@example.org' })
 * // stream 'User/42', text '{"userId":"42","email":"ada@example.org"}'
 * ```
 *
 * @throws Refused as `validate` does, `contract/invalid-stream`, and `contract/unstorable-text` for NUL characters
 *   and broken surrogates, which PostgreSQL's text cannot hold.
 */
export function prepare<D>(event: EventType<D>, data: NoInfer<D>): Prepared {
  const value = validate(event, data)
  const stream = event.streamOf(value)
  return { stream, text: jsonText(event, value) }
}

/**
 * Validated data as JSON text.
 *
 * @throws Refused `contract/payload-too-large`, `contract/unstorable-text`.
 */
export function jsonText(contract: Contract, value: unknown): string {
  const text = JSON.stringify(value)
  // UTF-8 takes at most three bytes for one UTF-16 unit, so most texts need no counting.
  if (text.length * 3 > contract.payloadBytesMax) {
    const bytes = Buffer.byteLength(text)
    if (bytes > contract.payloadBytesMax) throw tooLarge(contract, `is ${bytes} bytes of JSON`)
  }
  // The text escapes what cannot be stored, so a search in it spares a walk; a hit may be an innocent backslash.
  if (text.includes('\\u0000') || text.includes('\\ud')) {
    const path = findUnstorable(value)
    if (path !== undefined) throw unstorable(contract, path)
  }
  return text
}

/** `event user.EmailChanged`, as messages name a contract. */
export function nameOf(contract: Contract): string {
  return `${contract.kind} ${contract.service}.${contract.name}`
}

/** The refusal of data that breaks its contract, for writers and readers. */
export function invalidPayload(
  contract: Contract,
  schemaVersion: number,
  issues: readonly StandardSchemaV1.Issue[],
  data: unknown,
): SelvedgeError {
  const problems = problemsOf(issues, data)
  return refused(
    'contract/invalid-payload',
    `the data of ${nameOf(contract)} breaks its contract: ${listProblems(problems)}`,
    'Correct the data, or change the schema and raise its schemaVersion.',
    { ...valuesOf(contract), schemaVersion, problems, count: issues.length },
  )
}

function faulty(contract: Contract, { code, reason, path }: Fault): SelvedgeError {
  if (code === 'payload-too-large') return tooLarge(contract, 'is too large before it is even written as JSON')
  const where = pathText(path.toReversed())
  return refused(
    `contract/${code}`,
    `the data of ${nameOf(contract)} cannot be published: ${where === '' ? 'the data' : where} ${reason}`,
    code === 'unknown-key'
      ? 'Add the key to the schema and raise its schemaVersion, or leave it out.'
      : 'Publish plain JSON data: text, finite numbers, booleans, null, arrays and plain objects.',
    { ...valuesOf(contract), path: where },
  )
}

function tooLarge(contract: Contract, how: string): SelvedgeError {
  return refused(
    'contract/payload-too-large',
    `the data of ${nameOf(contract)} ${how}; the limit is ${contract.payloadBytesMax}`,
    'Store the large part elsewhere and publish a reference to it, or raise payloadBytesMax in the declaration.',
    { ...valuesOf(contract), payloadBytesMax: contract.payloadBytesMax },
  )
}

function unstorable(contract: Contract, path: readonly (string | number)[]): SelvedgeError {
  const where = pathText(path)
  return refused(
    'contract/unstorable-text',
    `the data of ${nameOf(contract)} holds a NUL character or half a surrogate pair at ${where === '' ? 'its root' : where}`,
    'PostgreSQL cannot store such text: remove the character, or encode binary data as base64.',
    { ...valuesOf(contract), path: where },
  )
}

/** What every refusal of a contract carries. */
export function valuesOf({ service, name, schemaVersion }: Contract) {
  return { service, contract: name, schemaVersion }
}
