/**
 * A schema as one number, so that a service can refuse to start when a schema was changed under an old schemaVersion.
 *
 * The digest answers "do readers and writers see the same contract?", so it ignores what neither sees: the order of
 * keys, descriptions, examples, and the noise of a library's version (zod's pattern beside a format, its bounds of
 * safe integers). Writers are closed anyhow, so `additionalProperties: false` and its absence are one.
 */
import { createHash } from 'node:crypto'
import { compiledSchema } from './compiled-schema.ts'
import type { Contract } from './prepare.ts'

/** The digest of a contract's schema under its version, as it is stored and compared. */
export interface SchemaDigest {
  /** The name of the event or message. */
  readonly type: string
  readonly schemaVersion: number
  /** SHA-256 of the canonical JSON Schema, 64 hexadecimal digits. */
  readonly digest: string
}

/** SHA-256 of the canonical JSON Schema of a contract, 64 hexadecimal digits. */
export function schemaDigest(contract: Contract): string {
  return createHash('sha256').update(canonicalSchema(contract)).digest('hex')
}

/** The digests of many contracts, to be compared with the stored ones at start. */
export function schemaDigests(contracts: readonly Contract[]): readonly SchemaDigest[] {
  return contracts.map((contract) => ({
    type: contract.name,
    schemaVersion: contract.schemaVersion,
    digest: schemaDigest(contract),
  }))
}

/** The canonical JSON Schema of a contract as text: what the digest is taken of, for people who wonder why it changed. */
export function canonicalSchema(contract: Contract): string {
  const { jsonSchema } = compiledSchema(contract.schema, contract)
  const raw = contract.schema['~standard'].vendor === 'json-schema'
  return JSON.stringify(canonical(jsonSchema, { raw }))
}

/** JSON Schema 2020-12 of what a contract accepts, as its library emits it. */
export function jsonSchemaOf(contract: Contract): Readonly<Record<string, unknown>> {
  return compiledSchema(contract.schema, contract).jsonSchema
}

type Schema = Record<string, unknown>
interface Options {
  readonly raw: boolean
}

/** Words that no reader or writer acts on. */
const ignored = new Set(['$schema', '$id', '$comment', 'title', 'description', 'examples', 'deprecated'])
/** Words whose value maps names that are the author's own to schemas. */
const maps = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'])
/** Words whose value is a list of schemas. */
const lists = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems'])
/** Words whose value is one schema. */
const singles = new Set([
  'items',
  'additionalProperties',
  'unevaluatedProperties',
  'unevaluatedItems',
  'propertyNames',
  'contains',
  'not',
  'if',
  'then',
  'else',
])

function canonical(schema: unknown, options: Options): unknown {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return schema
  const result: Schema = {}
  for (const word of Object.keys(schema).sort()) {
    const value = (schema as Schema)[word]
    if (!isNoise(word, value, schema as Schema, options)) define(result, word, canonicalWord(word, value, options))
  }
  return result
}

function canonicalWord(word: string, value: unknown, options: Options): unknown {
  if (singles.has(word)) return canonical(value, options)
  if (lists.has(word) && Array.isArray(value)) return value.map((one) => canonical(one, options))
  if (maps.has(word) && typeof value === 'object' && value !== null) {
    return sorted(value, (child) => canonical(child, options))
  }
  // A set written as a list: the order carries no meaning.
  if ((word === 'required' || word === 'enum' || word === 'type') && Array.isArray(value)) {
    return [...value].map((one) => plain(one)).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  }
  return plain(value)
}

/** Any other value with its keys sorted: constants, defaults, units, terms. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  return typeof value === 'object' && value !== null ? sorted(value, plain) : value
}

function isNoise(word: string, value: unknown, schema: Schema, { raw }: Options): boolean {
  if (ignored.has(word)) return true
  if (word === 'additionalProperties' && value === false) return true
  if (word === 'required' && Array.isArray(value) && value.length === 0) return true
  if (raw) return false
  // Libraries spell out formats as patterns and integers as bounds, and reword both from one release to the next.
  if (word === 'pattern') return typeof schema.format === 'string'
  if (word === 'minimum') return value === Number.MIN_SAFE_INTEGER
  if (word === 'maximum') return value === Number.MAX_SAFE_INTEGER
  if (word === 'propertyNames') return JSON.stringify(value) === '{"type":"string"}'
  return false
}

function sorted(value: object, of: (child: unknown) => unknown): Schema {
  const result: Schema = {}
  for (const key of Object.keys(value).sort()) define(result, key, of((value as Schema)[key]))
  return result
}

/** Plain assignment of `__proto__` would lose a property of that name. */
function define(target: Schema, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true })
}
