/**
 * One shape for every schema. A contract is written with a Standard Schema that can emit JSON Schema (zod >= 4.2,
 * arktype, valibot in its `toStandardJsonSchema` wrapper) or as raw JSON Schema 2020-12; from here on all of them are
 * a `ContractSchema`, and no other file asks which library it came from.
 */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { refused } from '../base/error.ts'
import { compiledSchema } from './compiled-schema.ts'
import type { FromJsonSchema, JsonSchema } from './json-schema-type.ts'
import { rawSchema } from './raw-schema.ts'

/** What a declaration accepts as a schema: any Standard Schema, or JSON Schema 2020-12. */
export type SchemaSource = StandardSchemaV1 | JsonSchema

/** The data that a schema describes, as a handler sees it. */
export type DataOf<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<S> : FromJsonSchema<S>

/** The data that a schema accepts: fields with a default may be absent. */
export type InputOf<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferInput<S> : FromJsonSchema<S>

/** A schema that validates and that emits JSON Schema, whatever it was written with. */
export interface ContractSchema<D = unknown> {
  readonly '~standard': StandardSchemaV1.Props<unknown, D> & StandardJSONSchemaV1.Props<unknown, D>
}

/**
 * The one shape of a schema, from what the declaration gave.
 *
 * @param owner the noun in messages, such as `event UserRegistered`
 * @throws Refused `contract/no-json-schema` when the library cannot emit JSON Schema, `contract/one-way-schema` when
 *   it transforms, `contract/invalid-schema` when a raw schema does not compile or the value is no schema at all.
 */
export function contractSchema<S extends SchemaSource>(source: S, owner: string): ContractSchema<DataOf<S>> {
  const schema = standardSchema(source, owner) as ContractSchema<DataOf<S>>
  // Compiled now, so that a schema which cannot serve fails where it is declared and not at the first event.
  compiledSchema(schema, owner)
  return schema
}

function standardSchema(source: SchemaSource, owner: string): ContractSchema {
  if (isStandard(source)) {
    if (canEmit(source)) return source as ContractSchema
    const { vendor } = source['~standard']
    throw refused(
      'contract/no-json-schema',
      `the schema of ${owner} cannot emit JSON Schema (${vendor})`,
      adviceOf(vendor),
      { owner, vendor },
    )
  }
  if (typeof source === 'boolean' || (typeof source === 'object' && source !== null && !Array.isArray(source))) {
    return rawSchema(source, owner)
  }
  throw refused(
    'contract/invalid-schema',
    `the schema of ${owner} is ${source === null ? 'null' : typeof source}`,
    'Give a Standard Schema (zod, arktype, valibot) or a JSON Schema 2020-12 object.',
    { owner },
  )
}

function isStandard(source: unknown): source is StandardSchemaV1 {
  // arktype's schemas are functions, so the type of the value says nothing.
  return (typeof source === 'object' || typeof source === 'function') && source !== null && '~standard' in source
}

function canEmit(source: StandardSchemaV1): boolean {
  return typeof (source['~standard'] as Partial<StandardJSONSchemaV1.Props>).jsonSchema?.input === 'function'
}

function adviceOf(vendor: string): string {
  if (vendor === 'valibot') return 'Wrap it: toStandardJsonSchema(schema) from @valibot/to-json-schema.'
  if (vendor === 'zod') return 'Upgrade to zod 4.2 or newer, and declare with `zod`, not `zod/mini` or `zod/v3`.'
  return 'Use a library with the Standard JSON Schema extension (zod >= 4.2, arktype, valibot wrapped) or raw JSON Schema.'
}
