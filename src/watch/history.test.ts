import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../base/base.ts'
import { simulatedTime } from '../simulate/simulated-clock.ts'
import { expositionOf, observed } from './exposition.ts'
import { History } from './history.ts'
import type { RunRecord } from './record.ts'

let folder: string
const open: History[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'selvedge-history-'))
})
afterEach(() => {
  for (const one of open.splice(0)) one.close()
  rmSync(folder, { recursive: true, force: true })
})

function opened(options: { segmentBytes?: number; keepBytes?: number } = {}) {
  const history = History.open({ path: folder, keepDays: 90, clock: systemClock, ...options })
  open.push(history)
  return history
}
const closed = () => {
  for (const one of open.splice(0)) one.close()
}
const segments = () =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()

const run = (id: number, key?: string): RunRecord => ({
  ...{ kind: 'run', id: String(id), startedAt: '2026-11-27T08:00:00.000Z', endedAt: '2026-11-27T08:00:01.000Z' },
  ...{ durationMs: 1_000, schedules: ['5 min'], delayMs: 0, outcome: 'findings', lags: [], unseen: [], tell: false },
  invariants: [
    { name: 'A', state: 'checked', rows: 9, inconclusive: 0, accepted: 0, findings: key ? { diverged: 1 } : {} },
  ],
  events: key
    ? [{ kind: 'opened', invariant: 'A', key, verdict: 'diverged', because: '', openedAt: '2026-11-27T08:00:01.000Z' }]
    : [],
})

describe('a history', () => {
  it('leaves out a line that a crash tore off, and holds everything before it', () => {
    const first = opened()
    first.append(run(1, 'k'))
    first.append({ kind: 'begun', id: '2', at: '2026-11-27T08:05:00.000Z' })
    closed()
    const last = join(folder, segments().at(-1)!)
    appendFileSync(last, '{"kind":"run","id":"2","inv')
    const second = opened()
    expect(second).toMatchObject({ broken: 1, interrupted: '2' })
    expect(second.state.episodes.size).toBe(1)
    second.append(run(3))
    closed()
    expect(opened().state.last.get('A')?.runId).toBe('3')
  })

  it('holds after a crash at any byte what was whole by then', () => {
    const first = opened()
    for (let id = 1; id <= 3; id++) first.append(run(id, `k${id}`))
    closed()
    const last = join(folder, segments().at(-1)!)
    const whole = readFileSync(last)
    for (let bytes = 0; bytes <= whole.length; bytes += 37) {
      for (const name of segments()) rmSync(join(folder, name))
      writeFileSync(last, whole.subarray(0, bytes))
      const lines = whole.subarray(0, bytes).toString().split('\n').slice(0, -1)
      expect(opened().state.episodes.size).toBe(Math.max(0, lines.length - 1))
      closed()
    }
  })

  it('stays bounded, and forgets nothing that is open', () => {
    const history = opened({ segmentBytes: 20_000, keepBytes: 100_000 })
    history.append(run(0, 'the first'))
    for (let id = 1; id < 600; id++) history.append(run(id))
    const bytes = segments().reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
    expect(bytes).toBeLessThan(140_000)
    closed()
    expect([...opened().state.episodes.values()]).toMatchObject([{ key: 'the first' }])
  })
})

describe('the lock of a history', () => {
  const lockWith = (holder: object, ageMs = 0) => {
    const time = simulatedTime(new Date(Date.now() + ageMs))
    writeFileSync(join(folder, 'lock'), JSON.stringify({ token: 'x', born: '', ...holder }))
    return () => {
      const history = History.open({ path: folder, keepDays: 90, clock: time.clock() })
      open.push(history)
      return history
    }
  }
  const gone = 2 ** 22 - 1

  it('refuses a second watcher, and is free after the first', () => {
    opened()
    expect(() => opened()).toThrow(expect.objectContaining({ code: 'watch/history-locked' }))
    closed()
    expect(opened().beat()).toBe(true)
  })

  it('is taken over when its process is gone, or another has its number now', () => {
    expect(lockWith({ pid: gone, host: hostname() })().beat()).toBe(true)
    closed()
    expect(lockWith({ pid: process.pid, host: hostname(), born: '1' })().beat()).toBe(true)
  })

  it('of another machine is taken over only when it has not beaten for two minutes', () => {
    const holder = { pid: process.pid, host: 'elsewhere' }
    expect(lockWith(holder, 60_000)).toThrow(expect.objectContaining({ code: 'watch/history-locked' }))
    expect(lockWith(holder, 180_000)().beat()).toBe(true)
  })

  it('tells its holder when another has taken it', () => {
    const history = opened()
    writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: 1, born: '', host: hostname(), token: 'other' }))
    expect(history.beat()).toBe(false)
  })
})

describe('the text for Prometheus', () => {
  it('escapes what people write, and counts buckets up', () => {
    const labels = { invariant: 'a "b" \\ c\nd' }
    const distribution = [0.5, 2, 9].reduce<ReturnType<typeof observed> | undefined>(
      (before, value) => observed(before, value, [1, 5]),
      undefined,
    )!
    const text = expositionOf([
      { name: 'x_total', help: 'one\ntwo', type: 'counter', samples: [{ labels, value: 3 }] },
      { name: 'empty', help: '', type: 'gauge', samples: [] },
      { name: 'd_seconds', help: 'd', type: 'histogram', distributions: [{ labels: {}, distribution }] },
    ])
    expect(text.split('\n')).toEqual([
      '# HELP x_total one\\ntwo',
      '# TYPE x_total counter',
      'x_total{invariant="a \\"b\\" \\\\ c\\nd"} 3',
      '# HELP d_seconds d',
      '# TYPE d_seconds histogram',
      'd_seconds_bucket{le="1"} 1',
      'd_seconds_bucket{le="5"} 2',
      'd_seconds_bucket{le="+Inf"} 3',
      'd_seconds_sum 11.5',
      'd_seconds_count 3',
      '',
    ])
  })
})

describe('runs that look at what is due', () => {
  const at = (time: string) => `2026-11-27T${time}.000Z`
  const step = (
    id: number,
    hour: string,
    verified: { parts: number; verified: number; oldest?: string },
  ): RunRecord => {
    const plain = run(id)
    const times = { startedAt: at(`${hour}:00:00`), endedAt: at(`${hour}:00:01`) }
    return { ...plain, ...times, invariants: plain.invariants.map((one) => ({ ...one, verified })) }
  }

  it('are heard of also while something is found, and what is new may be as old as the oldest verification', () => {
    const history = opened()
    const known = () => history.state.last.get('A')
    history.append(step(1, '08', { parts: 4, verified: 4, oldest: at('08:00:00') }))
    history.append(step(2, '10', { parts: 4, verified: 4, oldest: at('08:30:00') }))
    expect(known()).toMatchObject({ wholeStartedAtMs: Date.parse(at('08:30:00')) })
    history.append(step(3, '11', { parts: 4, verified: 3 }))
    expect(known()).toMatchObject({
      wholeStartedAtMs: Date.parse(at('08:30:00')),
      wholeEndedAtMs: Date.parse(at('11:00:01')),
    })
  })
})
