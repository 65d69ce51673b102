/** A thing with an identity that exactly one service owns. Events are about entities, replicas are copies of them. */
import { refused } from '../base/error.ts'
import { checkName } from './name.ts'
import type { ContractSchema, DataOf, SchemaSource } from './schema.ts'
import { contractSchema } from './schema.ts'

/** An entity: its name, the service that owns it, the field that identifies it, and the shape of its rows. */
export interface Entity<T = unknown, Name extends string = string, Key extends string = string> {
  readonly kind: 'entity'
  readonly name: Name
  /** The name of the owning service. */
  readonly service: string
  /** The identifying field. */
  readonly key: Key
  readonly schema: ContractSchema<T>
}

/** The fields of `T` that can identify it: those that hold a string or a number. */
export type KeyField<T> = string extends keyof T | (unknown extends T ? string : never)
  ? string
  : { [K in keyof T & string]-?: T[K] extends string | number ? K : never }[keyof T & string]

/** What `service.entity` takes beside the name. */
export interface EntityDeclaration<S extends SchemaSource, Key extends KeyField<DataOf<S>>> {
  readonly key: Key
  readonly schema: S
}

/** Declares an entity of a service; called through `service.entity`. */
export function declareEntity<Name extends string, S extends SchemaSource, Key extends KeyField<DataOf<S>>>(
  service: string,
  name: Name,
  { key, schema }: EntityDeclaration<S, Key>,
): Entity<DataOf<S>, Name, Key> {
  checkName('an entity', name)
  if (typeof key !== 'string' || key === '') {
    throw refused(
      'contract/invalid-key',
      `entity ${name} has no key`,
      'Name the field that identifies it, such as { key: "id" }.',
      { service, entity: name },
    )
  }
  return Object.freeze({
    kind: 'entity',
    name,
    service,
    key,
    schema: contractSchema(schema, `entity ${service}.${name}`),
  })
}
