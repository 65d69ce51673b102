import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Scheduler, systemScheduler, type TaskOptions } from './scheduler.ts'

let scheduler: Scheduler
const reported: string[] = []

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'Date'] })
  reported.length = 0
  scheduler = systemScheduler({ onError: (name, error) => reported.push(`${name}: ${(error as Error).message}`) })
})
afterEach(async () => {
  await scheduler.stop()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

const settle = () => vi.advanceTimersByTimeAsync(0)
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** A task whose rounds answer from a list, the last answer repeating; an Error in the list is thrown. */
function loop(answers: readonly (number | 'idle' | Error)[], options?: TaskOptions) {
  const starts: number[] = []
  const task = scheduler.task(
    'loop',
    async () => {
      const answer = answers[Math.min(starts.length, answers.length - 1)]!
      starts.push(Date.now())
      if (answer instanceof Error) throw answer
      return answer
    },
    options,
  )
  const gaps = () => starts.slice(1).map((at, index) => at - starts[index]!)
  return { task, starts, gaps }
}

/** A round that ends when the test says so. */
function gate() {
  let open: (answer: number | 'idle') => void = () => {}
  let rounds = 0
  const round = () => {
    rounds += 1
    return new Promise<number | 'idle'>((resolve) => {
      open = resolve
    })
  }
  return { round, open: (answer: number | 'idle') => open(answer), rounds: () => rounds }
}

describe('a task', () => {
  it('runs its first round at once and the next after the milliseconds its round asks for', async () => {
    const { gaps, starts } = loop([10, 250, 'idle'])
    await pass(1_000)
    expect(starts).toHaveLength(3)
    expect(gaps()).toEqual([10, 250])
  })

  it('lets input and output happen between rounds that ask for no pause', async () => {
    const { starts } = loop([0])
    await settle()
    const before = starts.length
    let happened = false
    setImmediate(() => {
      happened = true
    })
    await vi.advanceTimersToNextTimerAsync()
    await vi.advanceTimersToNextTimerAsync()
    expect(happened).toBe(true)
    expect(starts.length - before).toBeLessThanOrEqual(2)
  })

  it('idles without a timer until it is woken, and many wakes make one round', async () => {
    const { task, starts } = loop(['idle'])
    await pass(60_000)
    expect(starts).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
    task.wake()
    task.wake()
    task.wake()
    await pass(60_000)
    expect(starts).toHaveLength(2)
  })

  it('ends its pause when woken', async () => {
    const { task, starts } = loop([5_000])
    await settle()
    task.wake()
    await settle()
    expect(starts).toHaveLength(2)
  })

  it('never overlaps its rounds, and follows a wake during a round with another round at once', async () => {
    const { round, open, rounds } = gate()
    const task = scheduler.task('gated', round)
    await settle()
    task.wake()
    task.wake()
    await pass(1_000)
    expect(rounds()).toBe(1)
    open('idle')
    await settle()
    expect(rounds()).toBe(2)
    open('idle')
    await pass(1_000)
    expect(rounds()).toBe(2)
  })

  it('stops only after the round in flight, and never runs again', async () => {
    const { round, open, rounds } = gate()
    const task = scheduler.task('gated', round)
    await settle()
    let stopped = false
    const stopping = task.stop().then(() => {
      stopped = true
    })
    await pass(100)
    expect(stopped).toBe(false)
    open(0)
    await stopping
    task.wake()
    await pass(1_000)
    expect(rounds()).toBe(1)
  })
})

describe('a round that throws', () => {
  const broken = new Error('database gone')

  it('is repeated after 100 ms doubling to 5 s, and starts small again after a success', async () => {
    const { gaps } = loop([broken, broken, broken, broken, broken, broken, broken, broken, 7, broken, 'idle'])
    await pass(60_000)
    expect(gaps()).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 7, 100])
    expect(reported).toHaveLength(9)
    expect(reported[0]).toBe('loop: database gone')
  })

  it('pauses as its own handler says, whatever wakes it meanwhile', async () => {
    const { task, gaps } = loop([broken, 'idle', 'idle'], { onError: () => 30 })
    await pass(10)
    task.wake()
    await pass(1_000)
    expect(gaps()).toEqual([30])
  })

  it('goes on when its handler throws too, or answers nonsense', async () => {
    const throwing = loop([broken, 'idle'], {
      onError: () => {
        throw new Error('handler broke')
      },
    })
    const nonsense = loop([Number.NaN, 'idle'], { onError: () => Number.NaN })
    await pass(1_000)
    expect(throwing.gaps()).toEqual([100])
    expect(nonsense.gaps()).toEqual([100])
  })
})

describe('the scheduler', () => {
  it('sleeps for the time asked, or until the signal aborts', async () => {
    const controller = new AbortController()
    const ended: string[] = []
    void scheduler.sleep(100).then(() => ended.push('time'))
    void scheduler.sleep(10_000, controller.signal).then(() => ended.push('abort'))
    void scheduler.sleep(10_000, AbortSignal.abort()).then(() => ended.push('aborted before'))
    await settle()
    expect(ended).toEqual(['aborted before'])
    await pass(100)
    controller.abort()
    await settle()
    expect(ended).toEqual(['aborted before', 'time', 'abort'])
  })

  it('wakes sleepers and waits for every round when it stops', async () => {
    const log: string[] = []
    scheduler.task('sleepy', async () => {
      await scheduler.sleep(60_000)
      log.push('round ended')
      return 0
    })
    await settle()
    await scheduler.stop()
    log.push('stopped')
    await scheduler.sleep(60_000)
    expect(log).toEqual(['round ended', 'stopped'])
  })

  it('refuses a task after it was stopped, since nobody would ever stop that task', async () => {
    await scheduler.stop()
    expect(() => loop([0])).toThrow(expect.objectContaining({ code: 'base/scheduler-stopped' }))
  })

  it('waits for days without firing early', async () => {
    const ended: string[] = []
    void scheduler.sleep(40 * 86_400_000).then(() => ended.push('time'))
    await pass(60_000)
    expect(ended).toEqual([])
  })
})
