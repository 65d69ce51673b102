import { metrics as otel } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { afterEach, describe, expect, it } from 'vitest'
import { lagOf, recordLag } from './lag.ts'
import { metricNames, metrics } from './metrics.ts'

let provider: MeterProvider | undefined

function register() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] })
  otel.setGlobalMeterProvider(provider)
  return async (name: string) => {
    await provider!.forceFlush()
    const scopes = exporter.getMetrics().at(-1)?.scopeMetrics ?? []
    const metric = scopes.flatMap((scope) => scope.metrics).find((candidate) => candidate.descriptor.name === name)
    return metric?.dataPoints.map((point) => ({ ...point.attributes, value: point.value })) ?? []
  }
}

afterEach(async () => {
  await provider?.shutdown()
  provider = undefined
  otel.disable()
})

describe('the metrics', () => {
  it('are silent without an SDK, and heard by one that is registered later', async () => {
    metrics.inboxDuplicates.add(1, { consumer: 'progress' })
    const read = register()
    metrics.inboxDuplicates.add(2, { consumer: 'progress' })
    expect(await read('selvedge.inbox.duplicates')).toEqual([{ consumer: 'progress', value: 2 }])
  })

  it('move on with the provider, as tests and hot reloads need', async () => {
    register()
    metrics.checkFindings.record(5, { invariant: 'paid', verdict: 'lost-in-transport' })
    await provider!.shutdown()
    otel.disable()
    const read = register()
    metrics.checkFindings.record(1, { invariant: 'paid', verdict: 'orphan' })
    expect(await read('selvedge.check.findings')).toEqual([{ invariant: 'paid', verdict: 'orphan', value: 1 }])
  })

  it('are each named once, in the words that alerts and dashboards use', () => {
    expect(new Set(metricNames).size).toBe(metricNames.length)
    for (const name of metricNames) expect(name).toMatch(/^(selvedge|messaging)(\.[a-z][a-z_]*)+$/)
    expect(metricNames).toEqual(
      expect.arrayContaining([
        'selvedge.outbox.pending',
        'selvedge.consumer.lag',
        'selvedge.consumer.lag_time',
        'selvedge.consumer.parked_keys',
        'selvedge.replica.staleness',
        'selvedge.inbox.duplicates',
        'selvedge.check.findings',
      ]),
    )
  })
})

describe('lag', () => {
  const now = new Date('2026-11-23T08:00:30Z')

  it('is the age of the oldest event not applied', () => {
    const lag = lagOf({ events: 12, oldestAt: new Date('2026-11-23T08:00:00Z'), now })
    expect(lag).toEqual({ events: 12, behind: { milliseconds: 30_000 } })
  })

  it('is zero when everything is applied, however long ago that was', () => {
    expect(lagOf({ events: 0, oldestAt: undefined, now })).toEqual({ events: 0, behind: { milliseconds: 0 } })
  })

  it('is never negative, whatever the clock did', () => {
    const lag = lagOf({ events: 1, oldestAt: new Date('2026-11-23T09:00:00Z'), now })
    expect(lag).toEqual({ events: 1, behind: { milliseconds: 0 } })
  })

  it('is recorded in events and in seconds', async () => {
    const read = register()
    recordLag({ service: 'user', consumer: 'progress' }, { events: 12, behind: { milliseconds: 1_500 } })
    const labels = { service: 'user', consumer: 'progress' }
    expect(await read('selvedge.consumer.lag')).toEqual([{ ...labels, value: 12 }])
    expect(await read('selvedge.consumer.lag_time')).toEqual([{ ...labels, value: 1.5 }])
  })
})
