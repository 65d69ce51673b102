/**
 * Every metric of the library, by way of `@opentelemetry/api` alone. Labels are few and small: services, consumers,
 * replicas and invariants are declared in code; keys, ids and payloads are never labels.
 *
 * Instruments are made at first use and made anew when an SDK is registered later: the API has no proxy for metrics,
 * so an instrument that was made too early would stay silent for ever.
 */
import { type Meter, type MeterProvider, metrics as otel } from '@opentelemetry/api'

/** What a metric is called, counts and means. */
export interface MetricDescription {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** UCUM, as OpenTelemetry asks: `s`, or a thing in braces as `{event}`. */
  readonly unit: string
  readonly description: string
}

/** A count that only grows. */
export interface Counter<Label extends string> extends MetricDescription {
  add(count: number, labels: Readonly<Record<Label, string>>): void
}

/** A value as it is now, or a sample of a distribution. */
export interface Recorder<Label extends string> extends MetricDescription {
  record(value: number, labels: Readonly<Record<Label, string>>): void
}

/** 5 ms to 10 s, as the messaging conventions say. */
const operationBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

/** For copies and checks: from milliseconds to the hour after which nobody calls a copy fresh. */
const longBuckets = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 1_800, 3_600]

/**
 * The instruments, by the words of this project.
 *
 * @example
 * metrics.consumerLag.record(12, { service: 'user', consumer: 'progress' })
 */
export const metrics = {
  outboxPending: gauge<'service'>('selvedge.outbox.pending', '{event}', 'Logged events that the relay has not sent.'),
  outboxOldestAge: gauge<'service'>('selvedge.outbox.oldest_age', 's', 'Age of the oldest event not sent.'),
  outboxDelay: histogram<'service' | 'destination'>(
    'selvedge.outbox.delay',
    's',
    'From the commit of an event to its acknowledgement by the receiver.',
    operationBuckets,
  ),
  consumerLag: gauge<'service' | 'consumer'>(
    'selvedge.consumer.lag',
    '{event}',
    'Events of the service that the consumer has not applied.',
  ),
  consumerLagTime: gauge<'service' | 'consumer'>(
    'selvedge.consumer.lag_time',
    's',
    'Age of the oldest event not applied.',
  ),
  consumerParkedKeys: gauge<'consumer' | 'error.type'>(
    'selvedge.consumer.parked_keys',
    '{key}',
    'Streams that are parked because an event of theirs keeps failing.',
  ),
  replicaStaleness: histogram<'replica'>(
    'selvedge.replica.staleness',
    's',
    "From the owner's commit to its application in the copy.",
    longBuckets,
  ),
  inboxDuplicates: counter<'consumer'>('selvedge.inbox.duplicates', '{message}', 'Messages dropped as applied before.'),
  inboxOutOfOrder: counter<'consumer'>(
    'selvedge.inbox.out_of_order',
    '{message}',
    'Messages that came before an earlier event of their stream.',
  ),
  inboxPulled: counter<'consumer'>(
    'selvedge.inbox.pulled',
    '{event}',
    "Events read from the owner's log because their message was lost or late.",
  ),
  checkFindings: gauge<'invariant' | 'verdict'>(
    'selvedge.check.findings',
    '{finding}',
    'Findings of the last check of an invariant.',
  ),
  checkRows: counter<'invariant'>('selvedge.check.rows_checked', '{row}', 'Rows that checks have compared.'),
  checkDuration: histogram<'invariant'>('selvedge.check.duration', 's', 'How long a check took.', longBuckets),
  checkLastSuccessTime: gauge<'invariant'>(
    'selvedge.check.last_success_time',
    's',
    'When the last complete check ended, in seconds since 1970.',
  ),
  contractViolations: counter<'contract' | 'version' | 'side'>(
    'selvedge.contract.violations',
    '{violation}',
    'Payloads that break their contract, at publish or at receipt.',
  ),
  clockSkew: gauge<'service'>('selvedge.clock.skew', 's', "A service's clock minus its database's."),
  operationDuration: histogram<'messaging.operation.name' | 'messaging.destination.name'>(
    'messaging.client.operation.duration',
    's',
    'Duration of a send or receive.',
    operationBuckets,
  ),
  processDuration: histogram<'messaging.consumer.group.name' | 'messaging.destination.name'>(
    'messaging.process.duration',
    's',
    'Duration of a handler.',
    operationBuckets,
  ),
  sentMessages: counter<'messaging.destination.name'>(
    'messaging.client.sent.messages',
    '{message}',
    'Messages handed to a transport.',
  ),
  consumedMessages: counter<'messaging.consumer.group.name' | 'messaging.destination.name'>(
    'messaging.client.consumed.messages',
    '{message}',
    'Messages delivered to a consumer.',
  ),
}

/** The OpenTelemetry name of every metric, for alert rules and dashboards to be tested against. */
export const metricNames: readonly string[] = Object.values(metrics).map((metric) => metric.name)

function counter<Label extends string>(name: string, unit: string, description: string): Counter<Label> {
  const instrument = atFirstUse((meter) => meter.createCounter(name, { unit, description }))
  return { name, type: 'counter', unit, description, add: (count, labels) => instrument().add(count, labels) }
}

function gauge<Label extends string>(name: string, unit: string, description: string): Recorder<Label> {
  const instrument = atFirstUse((meter) => meter.createGauge(name, { unit, description }))
  return { name, type: 'gauge', unit, description, record: (value, labels) => instrument().record(value, labels) }
}

function histogram<Label extends string>(
  name: string,
  unit: string,
  description: string,
  explicitBucketBoundaries: number[],
): Recorder<Label> {
  const advice = { explicitBucketBoundaries }
  const instrument = atFirstUse((meter) => meter.createHistogram(name, { unit, description, advice }))
  return { name, type: 'histogram', unit, description, record: (value, labels) => instrument().record(value, labels) }
}

/** One instrument for each provider that has been registered; in production there is one. */
function atFirstUse<Instrument>(make: (meter: Meter) => Instrument): () => Instrument {
  let madeFor: MeterProvider | undefined
  let instrument: Instrument | undefined
  return () => {
    const provider = otel.getMeterProvider()
    if (instrument === undefined || provider !== madeFor) {
      instrument = make(provider.getMeter('selvedge'))
      madeFor = provider
    }
    return instrument
  }
}
