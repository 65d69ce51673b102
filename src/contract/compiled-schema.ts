/**
 * What is worked out once per schema and used for every event: its JSON Schema, its known keys, and its validator
 * reduced to one synchronous call.
 */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { defect, refused, type SelvedgeError } from '../base/error.ts'
import { compileKnownKeys, type KeyRules } from './known-keys.ts'
import type { ContractSchema } from './schema.ts'

/** A schema ready for use. */
export interface CompiledSchema<D = unknown> {
  /** What the schema accepts, as JSON Schema 2020-12. */
  readonly jsonSchema: Readonly<Record<string, unknown>>
  readonly rules: readonly KeyRules[]
  readonly check: (value: unknown) => StandardSchemaV1.Result<D>
}

/** Whose schema it is: the noun, or its name for messages. A name is only put together when it is needed. */
export type SchemaOwner = string | { readonly kind: string; readonly service: string; readonly name: string }

/** By schema rather than by event, since a schema may serve several. */
const compiledSchemas = new WeakMap<object, CompiledSchema>()

/**
 * The compiled form of a schema; compiled at the first call, which is its declaration.
 *
 * @throws Refused `contract/no-json-schema` when a part of it has no form in JSON, `contract/one-way-schema` when
 *   what it returns is of another type than what it accepts.
 */
export function compiledSchema<D>(schema: ContractSchema<D>, of: SchemaOwner): CompiledSchema<D> {
  const known = compiledSchemas.get(schema)
  if (known !== undefined) return known as CompiledSchema<D>
  const owner = typeof of === 'string' ? of : `${of.kind} ${of.service}.${of.name}`
  const standard = schema['~standard']
  const jsonSchema = emit(standard, 'input', owner)
  // The log holds what the validator returned and the reader validates that again, so both must be of one type.
  if (skeleton(jsonSchema) !== skeleton(emit(standard, 'output', owner))) throw oneWay(owner)
  const compiled: CompiledSchema<D> = {
    jsonSchema,
    rules: [compileKnownKeys(jsonSchema, owner)],
    check: (value) => {
      const result = standard.validate(value)
      if (result instanceof Promise) throw asynchronous(owner)
      return result
    },
  }
  compiledSchemas.set(schema, compiled)
  return compiled
}

function emit(standard: ContractSchema['~standard'], side: keyof StandardJSONSchemaV1.Converter, owner: string) {
  try {
    return standard.jsonSchema[side]({ target: 'draft-2020-12' })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw refused(
      'contract/no-json-schema',
      `the schema of ${owner} has no form in JSON Schema: ${reason}`,
      'Contracts describe JSON: use text for dates and large numbers, and transform in the handler, not in the schema.',
      { owner, vendor: standard.vendor, cause },
    )
  }
}

/** The types and fields of a schema without its constraints, as text that can be compared. */
function skeleton(schema: unknown): string {
  return JSON.stringify(schema, (word, value: unknown) => {
    if (word === '$schema' || word === 'required' || word === 'default') return undefined
    if (word === 'additionalProperties' && value === false) return undefined
    return skeletonOf(value)
  })
}

const scalars = new Set(['string', 'number', 'boolean'])

/** Keeps structure, `type` and references: every other word with a scalar is a constraint or a description. */
function skeletonOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const kept = Object.entries(value).filter(
    ([word, inner]) => word === 'type' || word === '$ref' || (!scalars.has(typeof inner) && word !== 'enum'),
  )
  kept.sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(kept)
}

function oneWay(owner: string): SelvedgeError {
  return refused(
    'contract/one-way-schema',
    `the schema of ${owner} returns another type than it accepts`,
    'Readers validate what writers stored: take the transform out of the schema and do it in the handler.',
    { owner },
  )
}

function asynchronous(owner: string): SelvedgeError {
  return defect(
    'contract/async-schema',
    `the schema of ${owner} validates asynchronously`,
    'An event is validated inside the transaction that publishes it: use a schema without asynchronous refinements.',
    { owner },
  )
}
