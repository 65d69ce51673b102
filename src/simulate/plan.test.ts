import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { minutes, seconds } from '../base/base.ts'
import { ArmedFaults } from './armed-faults.ts'
import { type FaultKind, faultKinds, isMessageFault } from './fault.ts'
import { drawPlan, type PlanOptions } from './plan.ts'

const services = ['user', 'course', 'progress', 'notification']
const versionSkew = { service: 'progress', schemaVersion: 2 }
const about = ['UserRegistered', 'UserDeleted', 'CourseCompleted']
const plan = (options: Partial<PlanOptions> = {}) =>
  drawPlan({ seed: 7, actions: 2000, services, bound: minutes(2), about, versionSkew, ...options })

const anyPlan = fc.record({
  seed: fc.integer({ min: 0, max: 1_000_000 }),
  actions: fc.integer({ min: 1, max: 3000 }),
  bound: fc.integer({ min: 1, max: 600 }).map(seconds),
})

describe('a plan', () => {
  it('is the same text for the same seed, and another for another seed', () => {
    fc.assert(
      fc.property(anyPlan, (options) => {
        expect(JSON.stringify(plan(options))).toBe(JSON.stringify(plan(options)))
        expect(plan(options).skews).not.toEqual(plan({ ...options, seed: options.seed + 1 }).skews)
      }),
    )
    expect(plan({ seed: '7' })).toEqual(plan({ seed: 7 }))
    expect(plan({ seed: 8 }).faults).not.toEqual(plan().faults)
  })

  it('survives JSON', () => {
    expect(JSON.parse(JSON.stringify(plan()))).toEqual(plan())
  })

  it.each(faultKinds)('holds for %s alone what it contributes to the whole', (kind) => {
    const alone = plan({ kinds: [kind] })
    expect(alone.kinds).toEqual([kind])
    expect(alone.faults.length).toBeGreaterThan(0)
    expect(alone.faults).toEqual(plan().faults.filter((fault) => fault.kind === kind))
    expect(alone.skews).toEqual(plan().skews)
  })

  it('keeps every fault inside the run, and windows of a kind apart', () => {
    fc.assert(
      fc.property(anyPlan, (options) => {
        const { faults, actions } = plan(options)
        for (const fault of faults) {
          expect(fault.at >= 0 && fault.at < actions).toBe(true)
          if ('until' in fault) expect(fault.until > fault.at && fault.until <= actions).toBe(true)
        }
        for (const kind of ['stopped', 'partitioned']) {
          const windows = faults.filter((fault) => fault.kind === kind) as { at: number; until: number }[]
          for (const [n, window] of windows.slice(1).entries()) expect(window.at >= windows[n]!.until).toBe(true)
        }
      }),
    )
  })

  it('refuses few enough actions: each service is up for more than nine tenths of 2,000 actions', () => {
    for (const service of services) {
      const stops = plan().faults.flatMap((fault) =>
        fault.kind === 'stopped' && fault.service === service ? [fault.until - fault.at] : [],
      )
      expect(stops.reduce((sum, length) => sum + length, 0)).toBeLessThan(200)
    }
  })

  it('delays beyond the bound, some of them until the end, and early enough to be late there', () => {
    const delays = plan({ kinds: ['delayed'] }).faults.filter(isMessageFault)
    expect(delays.some((fault) => fault.afterActions === undefined)).toBe(true)
    for (const { at, afterActions } of delays) {
      expect(at).toBeLessThan(2000 - 120)
      if (afterActions !== undefined) expect(afterActions).toBeGreaterThan(120)
    }
  })

  it('loses tails too, and keeps a window open until the end', () => {
    const { faults } = plan()
    expect(faults.some((fault) => fault.kind === 'lost' && fault.tail)).toBe(true)
    expect(faults.some((fault) => fault.kind === 'stopped' && fault.until === 2000)).toBe(true)
  })

  it('aims at each kind of message that is named', () => {
    const aims = plan({ kinds: ['lost'] }).faults.flatMap((fault) => (isMessageFault(fault) ? [fault.about] : []))
    expect(new Set(aims)).toEqual(new Set([undefined, ...about]))
  })

  it('lets clocks be off by up to five minutes both ways, or not at all', () => {
    const skews = Object.values(plan().skews)
    expect(Math.max(...skews)).toBeGreaterThan(120_000)
    expect(Math.min(...skews)).toBeLessThan(-120_000)
    for (const skew of skews) expect(Math.abs(skew)).toBeLessThanOrEqual(300_000)
    expect(new Set(Object.values(plan({ skewMs: 0 }).skews).map(Math.abs))).toEqual(new Set([0]))
  })

  it('takes counts, crashing services and no skew when nobody is named for it', () => {
    const kinds: FaultKind[] = ['lost', 'crashed', 'version-skew']
    const { faults } = drawPlan({
      ...{ seed: 1, actions: 100, services, bound: seconds(30), kinds },
      ...{ counts: { lost: 1 }, crashing: ['user'] },
    })
    expect(faults.filter((fault) => fault.kind === 'lost')).toHaveLength(1)
    expect(faults.flatMap((fault) => (fault.kind === 'crashed' ? [fault.service] : []))).toEqual([
      'user',
      'user',
      'user',
    ])
    expect(faults.filter((fault) => fault.kind === 'version-skew')).toHaveLength(0)
  })
})

describe('armed faults', () => {
  const lost = (at: number, ordinal: number, kind?: string) =>
    ({ kind: 'lost', at, ordinal, ...(kind === undefined ? {} : { about: kind }) }) as const
  const armed = (...faults: ReturnType<typeof lost>[]) => new ArmedFaults({ ...plan({ kinds: [] }), faults })

  it('wait for their action, let their ordinal pass, and hit once', () => {
    const faults = armed(lost(5, 1))
    const hits = [4, 5, 6, 7, 8].map((action) => faults.take(action, 'UserRegistered') !== undefined)
    expect(hits).toEqual([false, false, true, false, false])
  })

  it('hit only what they are aimed at', () => {
    const faults = armed(lost(0, 0, 'UserDeleted'))
    expect(faults.take(0, 'UserRegistered')).toBeUndefined()
    expect(faults.take(9, 'UserDeleted')?.fault.kind).toBe('lost')
  })

  it('hit a delivery one at a time, in the order they were armed', () => {
    const faults = armed(lost(1, 0), lost(0, 0))
    expect([faults.take(2, 'A')?.place, faults.take(2, 'A')?.place, faults.take(2, 'A')?.place]).toEqual([
      1,
      0,
      undefined,
    ])
  })
})
