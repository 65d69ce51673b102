/** Declare service, entity and event once; validate, prepare, receive and upcast by that declaration. */
export { type ArticleEnvelope, articleEnvelope } from './article-envelope.ts'
export { type CloudEventMessage, cloudEvent, cloudEventContentType, type StrangerMessage } from './cloud-event.ts'
export { compareDigests, type DigestComparison } from './compare-digests.ts'
export type { Entity } from './entity.ts'
export type { EnvelopeEvent } from './envelope.ts'
export { type EventDeclaration, type EventOp, type EventType, payloadBytesMaxDefault } from './event.ts'
export type { FromJsonSchema, JsonSchema } from './json-schema-type.ts'
export type { MessageDeclaration, MessageType } from './message.ts'
export {
  type HttpMethod,
  type Operation,
  type OperationRequest,
  pathOf,
  prepareResponse,
  type RawRequest,
  receiveRequest,
  receiveResponse,
} from './operation.ts'
export { type Contract, type Prepared, prepare, validate } from './prepare.ts'
export { receive } from './receive.ts'
export type { ContractSchema, DataOf, InputOf, SchemaSource } from './schema.ts'
export { canonicalSchema, jsonSchemaOf, type SchemaDigest, schemaDigest, schemaDigests } from './schema-digest.ts'
export { type Service, service } from './service.ts'
