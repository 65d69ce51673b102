/**
 * Where the nouns of a service are declared, once; everything else refers to them.
 *
 * ```ts
 * const user = service('user', { team: 'accounts' })
 * const User = user.entity('User', { key: 'id', schema: z.object({ id: z.string(), email: z.email() }) })
 * const EmailChanged = user.event('EmailChanged', {
 *   schemaVersion: 1,
 *   about: User,
 *   schema: z.object({ userId: z.string(), email: z.email() }),
 * })
 * ```
 */
import { refused } from '../base/error.ts'
import { declareEntity, type Entity, type EntityDeclaration, type KeyField } from './entity.ts'
import { declareEvent, type EventDeclaration, type EventType } from './event.ts'
import { declareMessage, type MessageDeclaration, type MessageType } from './message.ts'
import { checkName } from './name.ts'
import {
  type DataOrNothing,
  declareOperation,
  type Operation,
  type OperationDeclaration,
  type OperationRequest,
  type PathParameters,
} from './operation.ts'
import type { DataOf, SchemaSource } from './schema.ts'

/** The declared nouns of one service. */
export interface Service<Name extends string = string> {
  readonly kind: 'service'
  readonly name: Name
  /** The team that owns the service, where it was named. */
  readonly team?: string
  readonly entities: readonly Entity[]
  readonly events: readonly EventType[]
  readonly messages: readonly MessageType[]
  readonly operations: readonly Operation[]

  /**
   * Declares an entity that this service owns.
   *
   * @throws Refused `contract/duplicate-name`, `contract/invalid-name`, `contract/no-json-schema`.
   */
  entity<const N extends string, const S extends SchemaSource, const Key extends KeyField<DataOf<S>>>(
    name: N,
    declaration: EntityDeclaration<S, Key>,
  ): Entity<DataOf<S>, N, Key>

  /**
   * Declares an event that this service publishes.
   *
   * @throws Refused `contract/duplicate-name`, `contract/invalid-name`, `contract/no-json-schema`,
   *   `contract/upcast-gap`.
   */
  event<const V extends number, const S extends SchemaSource, A extends Entity | undefined = undefined>(
    name: string,
    declaration: EventDeclaration<V, S, A>,
  ): EventType<DataOf<S>>

  /**
   * Declares a message that may be sent to this service.
   *
   * @throws Refused as `event` does.
   */
  message<const V extends number, const S extends SchemaSource>(
    name: string,
    declaration: MessageDeclaration<V, S>,
  ): MessageType<DataOf<S>>

  /**
   * Declares an HTTP operation that this service offers.
   *
   * @throws Refused `contract/duplicate-name`, `contract/invalid-name`, `contract/invalid-path`,
   *   `contract/no-json-schema`.
   */
  operation<
    const Path extends string,
    const Query extends SchemaSource | undefined = undefined,
    const Body extends SchemaSource | undefined = undefined,
    const Response extends SchemaSource | undefined = undefined,
  >(
    name: string,
    declaration: OperationDeclaration<Path, Query, Body, Response>,
  ): Operation<
    OperationRequest<PathParameters<Path>, DataOrNothing<Query>, DataOrNothing<Body>>,
    DataOrNothing<Response>
  >
}

/**
 * Declares a service.
 *
 * @throws Refused `contract/invalid-name`.
 */
export function service<const Name extends string>(
  name: Name,
  options: { readonly team?: string } = {},
): Service<Name> {
  checkName('a service', name)
  const entities: Entity[] = []
  const events: EventType[] = []
  const messages: MessageType[] = []
  const operations: Operation[] = []
  return Object.freeze({
    kind: 'service',
    name,
    ...(options.team === undefined ? {} : { team: options.team }),
    entities,
    events,
    messages,
    operations,
    entity: (entityName, declaration) => add(name, entities, declareEntity(name, entityName, declaration)),
    event: (eventName, declaration) => add(name, events, declareEvent(name, eventName, declaration)),
    message: (messageName, declaration) => add(name, messages, declareMessage(name, messageName, declaration)),
    operation: (operationName, declaration) =>
      add(name, operations, declareOperation(name, operationName, declaration)),
  } satisfies Service<Name>)
}

/** Adds a noun to its list. Two nouns of one kind and one name would share streams, digests and handlers. */
function add<Noun extends { readonly kind: string; readonly name: string }, Declared extends Noun>(
  service: string,
  nouns: Noun[],
  noun: Declared,
): Declared {
  if (nouns.some((other) => other.name === noun.name)) {
    throw refused(
      'contract/duplicate-name',
      `service ${service} declares the ${noun.kind} ${noun.name} twice`,
      'Give the second one another name, or raise the schemaVersion of the first.',
      { service, kind: noun.kind, name: noun.name },
    )
  }
  nouns.push(noun)
  return noun
}
