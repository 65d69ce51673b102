/**
 * A past fact that a service announces. The declaration is the contract: the shape of its data, the schema version,
 * how older versions become the newest, and which stream it belongs to.
 */
import { refused } from '../base/error.ts'
import type { Entity } from './entity.ts'
import { checkName } from './name.ts'
import type { ContractSchema, DataOf, InputOf, SchemaSource } from './schema.ts'
import { contractSchema } from './schema.ts'
import { streamNamer } from './stream.ts'
import type { Upcasts } from './upcast.ts'
import { checkUpcasts, type UpcastStep } from './upcast.ts'

/** What an event carries: something that happened, the whole new state, or that the thing is gone. */
export type EventOp = 'event' | 'state' | 'tombstone'

/**
 * The largest payload of an event as JSON text, unless its declaration says otherwise: 1 MiB. NATS and Kafka refuse
 * larger messages as they come out of the box, so a larger event would be stored and then never relayed.
 */
export const payloadBytesMaxDefault = 1024 * 1024

/** An event type: what `publish` writes and what handlers are declared on. `D` is the data a handler sees. */
export interface EventType<D = unknown> {
  readonly kind: 'event'
  readonly name: string
  /** The name of the service that publishes it. */
  readonly service: string
  readonly schemaVersion: number
  /** The entity whose stream carries it; without one, the event's own name begins the stream. */
  readonly about?: Entity
  readonly schema: ContractSchema<D>
  readonly op: EventOp
  /** Upcast steps by the version they start from. */
  readonly upcast: ReadonlyMap<number, UpcastStep>
  readonly payloadBytesMax: number
  /**
   * The stream of an event with this data, such as `User/42`.
   *
   * @throws Refused `contract/invalid-stream` when the key is absent, empty, too long or no text.
   */
  streamOf(data: D): string
}

/** What `service.event` takes beside the name. */
export type EventDeclaration<V extends number, S extends SchemaSource, A extends Entity | undefined> = {
  /** Raise it by one with every change of the schema, and give an upcast from the version before. */
  readonly schemaVersion: V
  readonly schema: S
  readonly about?: A
  readonly upcast?: Upcasts<V, InputOf<S>>
  readonly kind?: EventOp
  readonly payloadBytesMax?: number
} & KeyDeclaration<DataOf<S>, A>

/** The key may be left out where the data names the entity: in its key field, or as `userId` for an entity `User`. */
type KeyDeclaration<D, A extends Entity | undefined> = string extends keyof D | (unknown extends D ? string : never)
  ? { readonly key?: (data: D) => string | number }
  : A extends Entity<unknown, infer Name, infer Key>
    ? Extract<keyof D, Key | `${Uncapitalize<Name>}Id`> extends never
      ? { readonly key: (data: D) => string | number }
      : { readonly key?: (data: D) => string | number }
    : { readonly key?: (data: D) => string | number }

/** Declares an event of a service; called through `service.event`. */
export function declareEvent<V extends number, S extends SchemaSource, A extends Entity | undefined>(
  service: string,
  name: string,
  declaration: EventDeclaration<V, S, A>,
): EventType<DataOf<S>> {
  checkName('an event', name)
  const owner = `event ${service}.${name}`
  const { schemaVersion, about, kind = 'event', payloadBytesMax = payloadBytesMaxDefault } = declaration
  checkSchemaVersion(owner, schemaVersion)
  checkPayloadBytesMax(owner, payloadBytesMax)
  return Object.freeze({
    kind: 'event',
    name,
    service,
    schemaVersion,
    ...(about === undefined ? {} : { about }),
    schema: contractSchema(declaration.schema, owner),
    op: kind,
    upcast: checkUpcasts(owner, schemaVersion, declaration.upcast ?? {}),
    payloadBytesMax,
    streamOf: streamNamer<DataOf<S>>({ event: name, about, key: declaration.key }),
  })
}

/** Refuses a schema version that is not 1, 2, 3 … */
export function checkSchemaVersion(owner: string, schemaVersion: number): void {
  if (Number.isSafeInteger(schemaVersion) && schemaVersion >= 1) return
  throw refused(
    'contract/invalid-schema-version',
    `${owner} has schemaVersion ${String(schemaVersion)}`,
    'Begin with 1 and raise it by one with every change of the schema.',
    { owner, schemaVersion: String(schemaVersion) },
  )
}

/** Refuses a limit that would limit nothing, such as NaN from a missing setting. */
export function checkPayloadBytesMax(owner: string, payloadBytesMax: number): void {
  if (Number.isSafeInteger(payloadBytesMax) && payloadBytesMax >= 1) return
  throw refused(
    'contract/invalid-limit',
    `${owner} has payloadBytesMax ${String(payloadBytesMax)}`,
    'Give a number of bytes, 1 or more, or leave it out for 1 MiB.',
    { owner, payloadBytesMax: String(payloadBytesMax) },
  )
}
