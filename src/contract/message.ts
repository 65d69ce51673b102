/** A message to one service, a command in the imperative: `SendReceipt`. It has a contract like an event, but no stream. */
import { checkPayloadBytesMax, checkSchemaVersion, payloadBytesMaxDefault } from './event.ts'
import { checkName } from './name.ts'
import { type ContractSchema, contractSchema, type DataOf, type InputOf, type SchemaSource } from './schema.ts'
import { checkUpcasts, type UpcastStep, type Upcasts } from './upcast.ts'

/** A message type: what may be sent to the service that declares it. */
export interface MessageType<D = unknown> {
  readonly kind: 'message'
  readonly name: string
  /** The name of the service that receives it. */
  readonly service: string
  readonly schemaVersion: number
  readonly schema: ContractSchema<D>
  readonly upcast: ReadonlyMap<number, UpcastStep>
  readonly payloadBytesMax: number
}

/** What `service.message` takes beside the name. */
export interface MessageDeclaration<V extends number, S extends SchemaSource> {
  readonly schemaVersion: V
  readonly schema: S
  readonly upcast?: Upcasts<V, InputOf<S>>
  readonly payloadBytesMax?: number
}

/** Declares a message to a service; called through `service.message`. */
export function declareMessage<V extends number, S extends SchemaSource>(
  service: string,
  name: string,
  { schemaVersion, schema, upcast, payloadBytesMax = payloadBytesMaxDefault }: MessageDeclaration<V, S>,
): MessageType<DataOf<S>> {
  checkName('a message', name)
  const owner = `message ${service}.${name}`
  checkSchemaVersion(owner, schemaVersion)
  checkPayloadBytesMax(owner, payloadBytesMax)
  return Object.freeze({
    kind: 'message',
    name,
    service,
    schemaVersion,
    schema: contractSchema(schema, owner),
    upcast: checkUpcasts(owner, schemaVersion, upcast ?? {}),
    payloadBytesMax,
  })
}
