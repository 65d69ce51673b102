/**
 * The false-positive suite on live data, without a log. Time is the test's own: each wait of the check moves the world,
 * in which rows are written, arrive up to half a minute late and in any order, and some changes are lost.
 */
import { describe, expect } from 'vitest'
import { type Clock, type Duration, milliseconds, type Scheduler, seconds } from '../../src/base/base.ts'
import { check, type Report } from '../../src/check/check.ts'
import { type Config, replicaOf } from '../../src/invariant/invariant.ts'
import { livePairs, type Pair } from './engine.ts'
import { type LiveOptions, LiveWorld, lateMsMax } from './live-world.ts'

const side = (source: string) => ({ source, table: 't', key: 'id', columns: ['v'] })

function configOf(world: LiveWorld, deadline: Duration): Config {
  return {
    sources: { owner: { url: world.owner.url }, copy: { url: world.copy.url } },
    invariants: [replicaOf('Copied', { owner: side('owner'), copy: side('copy') }).within(deadline)],
  }
}

/** A check in the world's time, by a clock that is wrong by `skewMs` and jumps. */
async function checked(world: LiveWorld, deadline: Duration, skewMs = 0): Promise<Report> {
  let looks = 0
  const clock: Clock = {
    now: () => new Date(1_780_000_000_000 + world.nowMs + (looks++ % 2 === 0 ? skewMs : -skewMs)),
    monotonicMs: () => world.nowMs,
  }
  const scheduler: Scheduler = {
    task: () => expect.unreachable(),
    stop: async () => undefined,
    sleep: (ms) => world.advance(world.nowMs + ms + 40),
  }
  return check(configOf(world, deadline), { clock, scheduler })
}

interface Scene {
  readonly title: string
  readonly options: LiveOptions
  readonly skewMs?: number
}

const calm: LiveOptions = {
  seed: 1,
  changesPerSecond: 200,
  lagMsMax: 1_000,
  pauseMsMax: 0,
  pauseEveryMs: 60_000_000,
  lossEveryMs: 2_000,
  stepMs: 100,
}
const scenes: readonly Scene[] = [
  { title: 'a copy a second behind', options: calm },
  { title: 'a copy half a minute behind', options: { ...calm, seed: 2, lagMsMax: 30_000 } },
  {
    title: 'a copy that pauses for up to twenty seconds',
    options: { ...calm, seed: 3, pauseMsMax: 20_000, pauseEveryMs: 5_000 },
  },
  { title: 'a thousand changes a second', options: { ...calm, seed: 4, changesPerSecond: 1_000, lagMsMax: 3_000 } },
  { title: 'a clock that jumps by five minutes', options: { ...calm, seed: 5 }, skewMs: 300_000 },
]

describe.each(livePairs)('$title', (pair: Pair) => {
  for (const { title, options, skewMs } of scenes)
    pair.test(`${title}: every loss is found, and nothing is invented`, { timeout: 120_000 }, async () => {
      const world = await LiveWorld.make(pair, options)
      try {
        await world.advance(10_000)
        const before = [...world.lost.keys()]
        const deadline = milliseconds(lateMsMax(options) + 1_000)
        const report = await checked(world, deadline, skewMs)
        const found = report.findings.map((finding) => finding.key)
        expect(report.incomplete).toBe(false)
        expect(found.filter((key) => !world.lost.has(key))).toEqual([])
        expect(before.filter((key) => !found.includes(key))).toEqual([])
        expect(before.length).toBeGreaterThanOrEqual(4)
        const others = report.findings.filter(({ verdict, proof }) => verdict !== 'diverged' || proof !== 'double-read')
        expect(others).toEqual([])
      } finally {
        await world.drop()
      }
    })

  pair.test('a deadline below the lag is what makes a late copy a finding', { timeout: 60_000 }, async () => {
    const world = await LiveWorld.make(pair, { ...calm, seed: 6, lagMsMax: 30_000, lossEveryMs: 60_000_000 })
    try {
      await world.advance(5_000)
      const { findings } = await checked(world, seconds(1))
      expect(findings.length, 'the harness must be able to fail').toBeGreaterThan(0)
    } finally {
      await world.drop()
    }
  })
})
