/**
 * Raw JSON Schema 2020-12 as a Standard Schema, validated by ajv.
 *
 * ajv is required synchronously and only when the first raw schema is declared: validation at publish is synchronous,
 * and programs that use zod, arktype or valibot never load it.
 */
import { createRequire } from 'node:module'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Ajv2020 } from 'ajv/dist/2020.js'
import { refused } from '../base/error.ts'
import type { JsonSchema } from './json-schema-type.ts'
import type { ContractSchema } from './schema.ts'

let shared: Ajv2020 | undefined

/** One compiler for all schemas but those with an `$id`, which two contracts may carry and one compiler takes once. */
function compilerOf(schema: JsonSchema): Ajv2020 {
  if (typeof schema === 'object' && schema.$id !== undefined) return newCompiler()
  shared ??= newCompiler()
  return shared
}

function newCompiler(): Ajv2020 {
  const { Ajv2020: Compiler } = createRequire(import.meta.url)('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js')
  return new Compiler({
    // In 2020-12 `format` and unknown keywords are annotations; contracts carry `unit` and `term` beside their types.
    strict: false,
    validateFormats: false,
    allErrors: true,
  })
}

/**
 * Compiles a raw JSON Schema.
 *
 * @throws Refused `contract/invalid-schema` with ajv's own sentence.
 */
export function rawSchema(schema: JsonSchema, owner: string): ContractSchema {
  const validate = compile(schema, owner)
  const document = (typeof schema === 'boolean' ? (schema ? {} : { not: {} }) : schema) as Record<string, unknown>
  const emit = () => document
  return {
    '~standard': {
      version: 1,
      vendor: 'json-schema',
      jsonSchema: { input: emit, output: emit },
      validate: (value): StandardSchemaV1.Result<unknown> => {
        if (validate(value)) return { value }
        const issues = (validate.errors ?? []).map((error) => ({
          message: error.message ?? error.keyword,
          path: pathOf(error.instancePath),
        }))
        return { issues }
      },
    },
  }
}

function compile(schema: JsonSchema, owner: string) {
  try {
    return compilerOf(schema).compile(schema as object)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw refused(
      'contract/invalid-schema',
      `the JSON Schema of ${owner} does not compile: ${reason}`,
      'Correct the schema; it must be JSON Schema 2020-12 and hold everything it refers to.',
      { owner, cause },
    )
  }
}

/** A JSON pointer as the path of a Standard Schema issue. */
function pathOf(pointer: string): string[] {
  if (pointer === '') return []
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}
