import { describe, expect, it } from 'vitest'
import { seededRandom } from '../base/base.ts'
import { drawSkews, simulatedTime } from './simulated-clock.ts'
import { SimulatedScheduler } from './simulated-scheduler.ts'

function world() {
  const time = simulatedTime()
  const startMs = time.nowMs
  const failures: string[] = []
  const scheduler = new SimulatedScheduler(time, { onError: (name) => failures.push(name) })
  const seen: string[] = []
  const note = (text: string) => seen.push(`${text}@${time.nowMs - startMs}`)
  const pass = async (ms: number) => {
    time.advanceBy(ms)
    await scheduler.runUntilIdle()
  }
  return { time, scheduler, seen, note, pass, failures }
}

describe('simulated time', () => {
  it('moves only forward, for all clocks at once, each off by its skew', () => {
    const time = simulatedTime(new Date('2026-01-01T00:00:00Z'))
    const [exact, late] = [time.clock(), time.clock(-60_000)]
    time.advanceBy(5_000)
    time.advanceTo(0)
    expect(exact.now().toISOString()).toBe('2026-01-01T00:00:05.000Z')
    expect(late.now().toISOString()).toBe('2025-12-31T23:59:05.000Z')
    expect([exact.monotonicMs(), late.monotonicMs()]).toEqual([5_000, 5_000])
    expect(() => time.advanceBy(-1)).toThrow('forward')
  })

  it('spreads skews over their range, whatever the seed', () => {
    for (let seed = 0; seed < 50; seed++) {
      const skews = Object.values(drawSkews(['a', 'b', 'c', 'd'], seededRandom(seed), 1_000))
      expect(Math.max(...skews) - Math.min(...skews)).toBeGreaterThan(1_000)
    }
  })
})

describe('a simulated scheduler', () => {
  it('runs nothing by itself, then one round at a time in the order asked for', async () => {
    const { scheduler, seen, note } = world()
    let inside = 0
    for (const name of ['a', 'b']) {
      scheduler.task(name, async () => {
        inside += 1
        expect(inside).toBe(1)
        await new Promise((resolve) => setImmediate(resolve))
        inside -= 1
        note(name)
        return 'idle'
      })
    }
    expect(seen).toEqual([])
    expect(await scheduler.runUntilIdle()).toBe(2)
    expect(seen).toEqual(['a@0', 'b@0'])
    expect(await scheduler.runUntilIdle()).toBe(0)
  })

  it('runs a round again when simulated time has passed, once, however much has passed', async () => {
    const { scheduler, seen, note, pass } = world()
    scheduler.task('poll', async () => {
      note('poll')
      return 250
    })
    await pass(0)
    await pass(249)
    await pass(1)
    await pass(10_000)
    expect(seen).toEqual(['poll@0', 'poll@250', 'poll@10250'])
  })

  it('answers a wake at once, one during a round by another round, and many by one', async () => {
    const { scheduler, seen, note, pass } = world()
    let wakesInside = 1
    const task = scheduler.task('loop', async () => {
      note('loop')
      if (wakesInside-- > 0) task.wake()
      return wakesInside < 0 ? 'idle' : 1_000
    })
    await pass(0)
    expect(seen).toEqual(['loop@0', 'loop@0'])
    task.wake()
    task.wake()
    await pass(0)
    expect(seen).toHaveLength(3)
  })

  it('brings a round that waits for its time forward when woken', async () => {
    const { scheduler, seen, note, pass } = world()
    const task = scheduler.task('poll', async () => {
      note('poll')
      return 1_000
    })
    await pass(0)
    task.wake()
    await pass(10)
    await pass(999)
    expect(seen).toEqual(['poll@0', 'poll@10'])
  })

  it('pauses a round that throws, longer each time, and a wake does not shorten it', async () => {
    const { scheduler, seen, note, pass, failures } = world()
    const task = scheduler.task('fails', async () => {
      note('fails')
      throw new Error('always')
    })
    await pass(0)
    task.wake()
    for (let step = 0; step < 8; step++) await pass(50)
    expect(seen).toEqual(['fails@0', 'fails@100', 'fails@300'])
    expect(failures).toEqual(['fails', 'fails', 'fails'])
  })

  it('lets a round sleep in simulated time while others run', async () => {
    const { scheduler, seen, note, pass } = world()
    scheduler.task('sleeper', async () => {
      note('asleep')
      await scheduler.sleep(100)
      note('awake')
      return 'idle'
    })
    scheduler.task('other', async () => {
      note('other')
      return 'idle'
    })
    await pass(0)
    await pass(100)
    expect(seen).toEqual(['asleep@0', 'other@0', 'awake@100'])
  })

  it('ends a sleep early when its signal aborts, and moves time itself outside of any round', async () => {
    const { scheduler, seen, note, pass, time } = world()
    const controller = new AbortController()
    scheduler.task('sleeper', async () => {
      await scheduler.sleep(1_000, controller.signal)
      note('awake')
      return 'idle'
    })
    await pass(0)
    controller.abort()
    await pass(5)
    expect(seen).toEqual(['awake@5'])
    const before = time.nowMs
    await scheduler.sleep(40)
    expect(time.nowMs - before).toBe(40)
  })

  it('stops a service without the others: its rounds end, its sleeps end early', async () => {
    const { scheduler, seen, note, pass } = world()
    const service = scheduler.service()
    service.task('mine', async () => {
      await service.sleep(10_000)
      note('mine')
      return 0
    })
    scheduler.task('other', async () => {
      note('other')
      return 10
    })
    await pass(0)
    await service.stop()
    await pass(10)
    expect(seen).toEqual(['other@0', 'mine@0', 'other@10'])
    expect(() => service.task('late', async () => 'idle')).toThrow('stopped scheduler')
  })

  it('kills a service at once: a round that sleeps never wakes up', async () => {
    const { scheduler, seen, note, pass } = world()
    const service = scheduler.service()
    const task = service.task('mine', async () => {
      note('before')
      await service.sleep(10)
      note('after')
      return 0
    })
    await pass(0)
    service.kill()
    task.wake()
    await pass(1_000)
    expect(seen).toEqual(['before@0'])
  })

  it('finds a loop that never rests, and a second runner', async () => {
    const { scheduler } = world()
    scheduler.task('hot', async () => 0)
    const first = scheduler.runUntilIdle()
    await expect(scheduler.runUntilIdle()).rejects.toThrow('one runner')
    await expect(first).rejects.toThrow('never comes to rest')
  })

  it('explores other orders from a seed, the same ones each time', async () => {
    const order = async (seed: number) => {
      const time = simulatedTime()
      const scheduler = new SimulatedScheduler(time, { random: seededRandom(seed) })
      const seen: number[] = []
      for (let n = 0; n < 8; n++) {
        scheduler.task(`${n}`, async () => {
          seen.push(n)
          return 'idle'
        })
      }
      await scheduler.runUntilIdle()
      return seen.join('')
    }
    expect(await order(1)).toBe(await order(1))
    expect(new Set(await Promise.all([1, 2, 3, 4].map(order))).size).toBeGreaterThan(1)
  })
})
