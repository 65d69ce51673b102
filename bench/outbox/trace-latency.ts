/**
 * Where the slow ones of 200 events a second lose their time: every statement of this process is recorded, and for each event
 * above the 98th percentile those that ran between its commit and its application are counted.
 */
import { createRequire } from 'node:module'
import { PerformanceObserver } from 'node:perf_hooks'
import { nowMs } from '../lib/measure.ts'

interface Span {
  readonly what: string
  readonly fromMs: number
  toMs: number
}

const spans: Span[] = []
// The library's own copy of the driver, not the benchmark's.
const require = createRequire(new URL('../../src/store/postgres.ts', import.meta.url))
const { Client } = require('pg') as { Client: { prototype: { query(...args: unknown[]): unknown } } }
const original = Client.prototype.query

Client.prototype.query = function recorded(this: unknown, ...args: unknown[]): unknown {
  const [config] = args as [string | { text: string; name?: string }]
  const what = (typeof config === 'string' ? config : (config.name ?? config.text)).replaceAll(/\s+/g, ' ').slice(0, 50)
  const span = { what, fromMs: nowMs(), toMs: Number.POSITIVE_INFINITY }
  spans.push(span)
  const answer = original.apply(this as never, args as never)
  if (answer instanceof Promise) {
    const end = (): void => {
      span.toMs = nowMs()
    }
    answer.then(end, end)
  }
  return answer
}

new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    spans.push({ what: 'garbage collection', fromMs: entry.startTime, toMs: entry.startTime + entry.duration })
}).observe({ entryTypes: ['gc'] })

/** One event: when its commit was acknowledged and when it was applied. */
export interface Journey {
  readonly ackedMs: number
  readonly appliedMs: number
}

/** Prints the slowest journeys with what ran meanwhile. */
export function printSlow(journeys: readonly Journey[], most = 12): void {
  const slow = [...journeys].sort((a, b) => b.appliedMs - b.ackedMs - (a.appliedMs - a.ackedMs)).slice(0, most)
  for (const { ackedMs, appliedMs } of slow) {
    const during = spans.filter((span) => span.toMs > ackedMs - 0.5 && span.fromMs < appliedMs)
    process.stderr.write(`\n${(appliedMs - ackedMs).toFixed(1)} ms, from ${ackedMs.toFixed(1)}\n`)
    for (const span of during.sort((a, b) => a.fromMs - b.fromMs))
      process.stderr.write(
        `   ${(span.fromMs - ackedMs).toFixed(1).padStart(6)} .. ${(span.toMs - ackedMs).toFixed(1).padStart(6)}  ${span.what}\n`,
      )
  }
}
