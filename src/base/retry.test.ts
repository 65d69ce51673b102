import { describe, expect, it } from 'vitest'
import { refused, transient } from './error.ts'
import { type Random, seededRandom } from './random.ts'
import { backoff, retry } from './retry.ts'
import type { Scheduler } from './scheduler.ts'

const highest: Random = { ...seededRandom(1), next: () => 0.999_999 }

/** A scheduler whose sleeps end at once and are written down. */
function recordingScheduler(onSleep: () => void = () => {}): { scheduler: Scheduler; slept: number[] } {
  const slept: number[] = []
  const sleep = async (ms: number) => {
    slept.push(Math.round(ms))
    onSleep()
  }
  const task = () => ({ wake() {}, stop: async () => {} })
  return { slept, scheduler: { sleep, task, stop: async () => {} } }
}

function failing(times: number, error: unknown = transient('a/b', 'm', 'h')) {
  const calls: number[] = []
  const work = async (attempt: number) => {
    calls.push(attempt)
    if (attempt <= times) throw error
    return 'done'
  }
  return { work, calls }
}

describe('backoff', () => {
  it('doubles up to its maximum, and never overflows', () => {
    const ceilings = [1, 2, 3, 4, 5, 10_000].map((attempt) =>
      Math.round(backoff({ attempt, baseMs: 100, maxMs: 1_000, random: highest })),
    )
    expect(ceilings).toEqual([100, 200, 400, 800, 1_000, 1_000])
  })

  it('is drawn from the whole range, so that callers which failed together come back apart', () => {
    const random = seededRandom(3)
    const pauses = Array.from({ length: 200 }, () => backoff({ attempt: 4, baseMs: 100, maxMs: 1_000, random }))
    expect(Math.min(...pauses)).toBeLessThan(50)
    expect(Math.max(...pauses)).toBeGreaterThan(750)
  })
})

describe('retry', () => {
  it('tries until the work succeeds, with growing pauses', async () => {
    const { scheduler, slept } = recordingScheduler()
    const { work, calls } = failing(3)

    expect(await retry(work, { attempts: 5, baseMs: 100, random: highest, scheduler })).toBe('done')
    expect(calls).toEqual([1, 2, 3, 4])
    expect(slept).toEqual([100, 200, 400])
  })

  it('gives up after its attempts with the error unchanged', async () => {
    const error = new Error('socket hang up')
    const { work, calls } = failing(9, error)

    await expect(retry(work, { attempts: 3, ...recordingScheduler() })).rejects.toBe(error)
    expect(calls).toEqual([1, 2, 3])
  })

  it('does not repeat what was refused', async () => {
    const { work, calls } = failing(9, refused('a/b', 'm', 'h'))
    await expect(retry(work, { attempts: 3, ...recordingScheduler() })).rejects.toMatchObject({ code: 'a/b' })
    expect(calls).toEqual([1])
  })

  it('ends its wait when the signal aborts', async () => {
    const controller = new AbortController()
    const { scheduler } = recordingScheduler(() => controller.abort())
    const { work, calls } = failing(9)

    await expect(retry(work, { attempts: 5, scheduler, signal: controller.signal })).rejects.toThrow()
    expect(calls).toEqual([1])
  })
})
