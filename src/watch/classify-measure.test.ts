/** The rates here are what README.md states: simulated series of a seed, so they are the same in each run. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Random, seededRandom } from '../base/base.ts'
import { classifyMeasure, noHistory } from './classify-measure.ts'
import type { Measure } from './record.ts'

interface Series {
  readonly measure: Measure
  readonly draw: (random: Random, factor: number) => number
}

const normal = (random: Random) => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
const poisson = (random: Random, mean: number) => {
  let [n, product] = [0, random.next()]
  while (product > Math.exp(-mean)) {
    product *= random.next()
    n += 1
  }
  return n
}
const findings = (mean: number): Series => ({
  measure: 'findings',
  draw: (random, factor) => poisson(random, mean * factor),
})
const durations = (median: number, sigma: number): Series => ({
  measure: 'duration',
  draw: (random, factor) => median * factor * Math.exp(sigma * normal(random)),
})
/** One run in ten waits for a deadline. */
const twoModes: Series = {
  measure: 'duration',
  draw: (random, factor) => (random.next() < 0.1 ? 32 : 2) * factor * Math.exp(0.1 * normal(random)),
}

/** Alarms raised, of `runs` runs after `warmUp`. */
function alarmsOf({ measure, draw }: Series, seed: string, runs: number): number {
  const random = seededRandom(seed)
  let [history, alarms] = [noHistory, 0]
  for (let i = 0; i < runs; i++) {
    const verdict = classifyMeasure(measure, history, draw(random, 1))
    history = verdict.history
    if (verdict.change === 'raised') alarms += 1
  }
  return alarms
}

/** How many of `trials` series that step up fivefold raise an alarm within three runs. */
function detections({ measure, draw }: Series, trials: number): number {
  return Array.from({ length: trials }, (_, trial) => {
    const random = seededRandom(`step/${trial}`)
    let history = noHistory
    for (let i = 0; i < 100; i++) history = classifyMeasure(measure, history, draw(random, 1)).history
    if (history.isAlarm) return true
    return Array.from({ length: 3 }, () => {
      const verdict = classifyMeasure(measure, history, draw(random, 5))
      history = verdict.history
      return verdict.change === 'raised'
    }).some(Boolean)
  }).filter(Boolean).length
}

const stationary: [string, Series][] = [
  ['no findings at all', findings(0)],
  ['a finding in twenty runs', findings(0.05)],
  ['one finding a run', findings(1)],
  ['ten findings a run', findings(10)],
  ['300 findings a run', findings(300)],
  ['2 s with a spread of a fifth', durations(2, 0.2)],
  ['2 s with a long tail', durations(2, 0.8)],
  ['2 s, one run in ten 32 s', twoModes],
  ['a lag near zero', { measure: 'lag', draw: (random) => Math.max(0, 0.02 * normal(random)) }],
  ['a rate of inconclusive keys', { measure: 'inconclusive', draw: (random) => poisson(random, 3) / 10_000 }],
]

describe('on a stationary series', () => {
  it.each(stationary)('of %s, fewer than one run in a thousand raises an alarm', (name, series) => {
    const runs = 20_000
    const alarms = alarmsOf(series, name, runs)
    expect(alarms).toBeLessThan(runs / 1_000)
  })
})

describe('a fivefold step', () => {
  it.each([
    ['of three findings a run', findings(3), 0.9],
    ['of ten findings a run', findings(10), 0.99],
    ['of 300 findings a run', findings(300), 0.99],
    ['of 2 s with a spread of a fifth', durations(2, 0.2), 0.98],
  ])('%s is detected within three runs', (_, series, share) => {
    expect(detections(series, 200) / 200).toBeGreaterThanOrEqual(share)
  })
})

describe('an alarm', () => {
  const feed = (values: readonly number[], from = noHistory) => {
    let history = from
    const changes = values.map((value) => {
      const verdict = classifyMeasure('findings', history, value)
      history = verdict.history
      return verdict.change
    })
    return { history, changes }
  }
  const quiet = feed(Array.from({ length: 40 }, () => 0)).history

  it('is not raised before there is a history, nor by one run alone', () => {
    expect(feed([0, 0, 900, 900, 900]).changes).not.toContain('raised')
    expect(feed([50, 0, 0, 0], quiet).changes).not.toContain('raised')
  })

  it('is raised by the second of two, once, and ended by three quiet runs', () => {
    const { changes, history } = feed([50, 0, 50, 50, 0, 50, 0, 0, 0], quiet)
    expect(changes).toEqual(['none', 'none', 'raised', 'none', 'none', 'none', 'none', 'none', 'ended'])
    expect(history.isAlarm).toBe(false)
  })

  it('that lasts becomes what is usual', () => {
    const { changes } = feed(
      Array.from({ length: 130 }, () => 50),
      quiet,
    )
    expect(changes.filter((change) => change !== 'none')).toEqual(['raised', 'ended'])
  })

  it('is never raised by values that fell, and the history stays bounded', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { minLength: 1, maxLength: 60 }), (falling) => {
        const high = feed(Array.from({ length: 40 }, () => 2_000)).history
        const { changes, history } = feed(falling, high)
        expect(changes).not.toContain('raised')
        expect(history.values.length).toBeLessThanOrEqual(200)
      }),
    )
  })

  it('depends on the history and the value alone', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100), { maxLength: 80 }), (values) => {
        expect(feed(values)).toEqual(feed(values))
        const read = JSON.parse(JSON.stringify(feed(values).history))
        expect(read).toEqual(feed(values).history)
      }),
    )
  })
})
