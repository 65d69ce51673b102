/** Declare service, entity and event once; validate, prepare, receive and upcast by that declaration. */
export type { Entity } from './entity.ts'
export { type EventDeclaration, type EventOp, type EventType, payloadBytesMaxDefault } from './event.ts'
export type { FromJsonSchema, JsonSchema } from './json-schema-type.ts'
export type { MessageDeclaration, MessageType } from './message.ts'
export { type Contract, type Prepared, prepare, validate } from './prepare.ts'
export { receive } from './receive.ts'
export type { ContractSchema, DataOf, InputOf, SchemaSource } from './schema.ts'
export { type Service, service } from './service.ts'
