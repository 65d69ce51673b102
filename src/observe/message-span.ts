/**
 * The shapes of the spans around an event, as OpenTelemetry's conventions for messaging ask: the same names on every
 * transport, so that one dashboard reads them all.
 *
 *     create   the publisher, in the business transaction; its traceparent is stored with the event
 *     send     the relay hands a batch to a broker or to a function of the user
 *     receive  the inbox fetches what it asked for
 *     process  the handler; linked to the events' create spans
 *     settle   positions are stored, a broker is told
 */
import type { Attributes } from '@opentelemetry/api'
import type { SpanOptions, SpanRole } from './trace.ts'

/** The moment in the life of an event that a span covers. */
export type MessageOperation = 'create' | 'send' | 'receive' | 'process' | 'settle'

/** What is known about the messages of a span. */
export interface MessageSpanDetails {
  /** The service or channel, never a name with a tenant or a key in it. */
  readonly destination: string
  /** `selvedge` when log to log, else `nats`, `rabbitmq`, `kafka`, `aws_sqs`. */
  readonly system?: string
  readonly messageId?: string
  readonly conversation?: string
  /** The consumer's name. */
  readonly group?: string
  readonly lane?: number
  /** Only for batches. */
  readonly count?: number
  readonly links?: readonly (string | undefined)[]
  readonly parent?: string
}

// A batch is sent by CLIENT: the creation context came from `create`, which is the PRODUCER.
const roles: Record<MessageOperation, SpanRole> = {
  create: 'producer',
  send: 'client',
  receive: 'client',
  process: 'consumer',
  settle: 'client',
}

/**
 * The name and options of a span around messages, to be given to `withSpan`.
 *
 * @example
 * const { name, options } = messageSpan('process', { destination: 'user', group: 'progress', links })
 * await withSpan(name, options, () => handle(batch))
 */
export function messageSpan(
  operation: MessageOperation,
  details: MessageSpanDetails,
): { readonly name: string; readonly options: SpanOptions } {
  const { links, parent } = details
  return {
    name: `${operation} ${details.destination}`,
    options: {
      kind: roles[operation],
      attributes: attributesOf(operation, details),
      ...(links === undefined ? {} : { links }),
      ...(parent === undefined ? {} : { parent }),
    },
  }
}

function attributesOf(operation: MessageOperation, details: MessageSpanDetails): Attributes {
  const attributes: Attributes = {
    'messaging.system': details.system ?? 'selvedge',
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
    'messaging.destination.name': details.destination,
  }
  if (details.messageId !== undefined) attributes['messaging.message.id'] = details.messageId
  if (details.conversation !== undefined) attributes['messaging.message.conversation_id'] = details.conversation
  if (details.group !== undefined) attributes['messaging.consumer.group.name'] = details.group
  if (details.lane !== undefined) attributes['messaging.destination.partition.id'] = String(details.lane)
  if (details.count !== undefined) attributes['messaging.batch.message_count'] = details.count
  return attributes
}
