/**
 * What TypeScript can infer from a raw JSON Schema literal: objects, arrays, enums, unions and the scalar types.
 * Anything else infers `unknown`, which is honest: the document is still validated in full at run time.
 */

/** A JSON Schema 2020-12 document. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown }

/** The type of the documents that a JSON Schema literal accepts. */
export type FromJsonSchema<S> = S extends { readonly const: infer C }
  ? C
  : S extends { readonly enum: readonly (infer E)[] }
    ? E
    : S extends { readonly anyOf: readonly (infer B)[] }
      ? FromJsonSchema<B>
      : S extends { readonly oneOf: readonly (infer B)[] }
        ? FromJsonSchema<B>
        : S extends { readonly type: readonly (infer T)[] }
          ? FromType<T, S>
          : S extends { readonly type: infer T }
            ? FromType<T, S>
            : unknown

type FromType<T, S> = T extends 'string'
  ? string
  : T extends 'number' | 'integer'
    ? number
    : T extends 'boolean'
      ? boolean
      : T extends 'null'
        ? null
        : T extends 'array'
          ? FromItems<S>
          : T extends 'object'
            ? FromProperties<S>
            : unknown

type FromItems<S> = S extends { readonly items: infer I } ? FromJsonSchema<I>[] : unknown[]

type FromProperties<S> = S extends { readonly properties: infer P }
  ? Simplify<
      { [K in keyof P as K extends RequiredOf<S> ? K : never]: FromJsonSchema<P[K]> } & {
        [K in keyof P as K extends RequiredOf<S> ? never : K]?: FromJsonSchema<P[K]>
      }
    >
  : S extends { readonly additionalProperties: infer A }
    ? { [key: string]: FromJsonSchema<A> }
    : { [key: string]: unknown }

type RequiredOf<S> = S extends { readonly required: readonly (infer R)[] } ? R : never

type Simplify<T> = { -readonly [K in keyof T]: T[K] } & {}
