/**
 * Traces, by way of `@opentelemetry/api` alone: without an SDK in the process nothing is created, parsed or allocated.
 *
 * An event outlives the span that made it, often by hours, so a handler's span *links* to the span of the publisher
 * instead of becoming its child; the link is the W3C `traceparent` stored with the event.
 */
import {
  type Attributes,
  context,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { isSelvedgeError } from '../base/base.ts'

/** What a span is to its neighbours, in OpenTelemetry's words. */
export type SpanRole = 'internal' | 'client' | 'server' | 'producer' | 'consumer'

/** What is known when a span starts. */
export interface SpanOptions {
  /** Default `internal`. */
  readonly kind?: SpanRole
  /** Never a payload; ids of entities only where the user asked for them. */
  readonly attributes?: Attributes
  /** Traceparents of the spans that caused this one; malformed ones are left out. */
  readonly links?: readonly (string | undefined)[]
  /** A traceparent to continue as its child. It yields to a span that is active already, and is then a link. */
  readonly parent?: string
}

const roles: Record<SpanRole, SpanKind> = {
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
}

/** The version of the semantic conventions that names and attributes follow. */
const schemaUrl = 'https://opentelemetry.io/schemas/1.44.0'

/** The SDK keeps 128 links of a span and drops the rest; parsing more would be work for nothing. */
const linksMax = 128

const silentSpan = trace.wrapSpanContext(INVALID_SPAN_CONTEXT)

/**
 * The active span as a W3C traceparent (`00-<trace id>-<span id>-<flags>`), or `undefined` without one.
 *
 * Costs a few nanoseconds when no span is active.
 */
export function currentTraceparent(): string | undefined {
  const span = trace.getActiveSpan()
  return span === undefined ? undefined : traceparentOf(span)
}

/** The traceparent of a span, or `undefined` for one that no SDK made. */
export function traceparentOf(span: Span): string | undefined {
  const spanContext = span.spanContext()
  if (!isSpanContextValid(spanContext)) return undefined
  const flags = (spanContext.traceFlags & 0xff).toString(16).padStart(2, '0')
  return `00-${spanContext.traceId}-${spanContext.spanId}-${flags}`
}

/** The span context that a traceparent names, or `undefined` when it is malformed or all zero. */
export function parseTraceparent(traceparent: string): SpanContext | undefined {
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(traceparent)
  if (match === null) return undefined
  const [, version, traceId, spanId, flags, rest] = match
  // Version ff is forbidden, and version 00 ends after its flags; later versions may say more.
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  const spanContext = { traceId: traceId!, spanId: spanId!, traceFlags: Number.parseInt(flags!, 16), isRemote: true }
  return isSpanContextValid(spanContext) ? spanContext : undefined
}

/**
 * Runs `work` inside a span that ends with it, and gives its result.
 *
 * A failure marks the span with `error.type` (our code, else the error's name) and is thrown on; its message is left
 * out, because messages quote data. Without an SDK `work` is called at once with a span that records nothing.
 *
 * @example
 * await withSpan('process user', { kind: 'consumer', links: [event.traceparent] }, () => apply(event))
 */
export async function withSpan<T>(
  name: string,
  options: SpanOptions,
  work: (span: Span) => T | Promise<T>,
): Promise<T> {
  const tracer = registeredTracer()
  if (tracer === undefined) return work(silentSpan)
  const span = started(tracer, name, options)
  try {
    return await context.with(trace.setSpan(context.active(), span), work, undefined, span)
  } catch (error) {
    span.setAttribute('error.type', errorType(error))
    span.setStatus({ code: SpanStatusCode.ERROR })
    throw error
  } finally {
    span.end()
  }
}

function started(tracer: Tracer, name: string, options: SpanOptions): Span {
  const { kind = 'internal', attributes = {}, links = [], parent } = options
  const adopted = parent !== undefined && trace.getActiveSpan() === undefined ? parseTraceparent(parent) : undefined
  const linked = adopted === undefined && parent !== undefined ? [parent, ...links] : links
  return tracer.startSpan(
    name,
    { kind: roles[kind], attributes, links: parsedLinks(linked) },
    adopted === undefined ? context.active() : trace.setSpanContext(ROOT_CONTEXT, adopted),
  )
}

/** A batch may hold thousands of events of a few traces: each traceparent is linked once. */
function parsedLinks(traceparents: readonly (string | undefined)[]): Link[] {
  const links: Link[] = []
  for (const traceparent of new Set(traceparents)) {
    if (links.length === linksMax) break
    const spanContext = traceparent === undefined ? undefined : parseTraceparent(traceparent)
    if (spanContext !== undefined) links.push({ context: spanContext })
  }
  return links
}

/**
 * The tracer of the registered SDK. The API's own proxy would always give a tracer; asking the proxy for its delegate
 * tells whether anybody listens. An SDK may be registered after the library was loaded, so the answer is not kept.
 */
function registeredTracer(): Tracer | undefined {
  const provider = trace.getTracerProvider()
  if ('getDelegateTracer' in provider) {
    const proxy = provider as typeof provider & { getDelegateTracer(...values: unknown[]): Tracer | undefined }
    return proxy.getDelegateTracer('selvedge', undefined, { schemaUrl })
  }
  return provider.getTracer('selvedge', undefined, { schemaUrl })
}

function errorType(error: unknown): string {
  if (isSelvedgeError(error)) return error.code
  return error instanceof Error ? error.name : '_OTHER'
}
