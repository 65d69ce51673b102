import { describe, expect, it } from 'vitest'
import type { Clock, Scheduler } from '../base/base.ts'
import type { Judge, Judgement } from './judge.ts'
import { textOf } from './judge.ts'
import { settle } from './settle.ts'

/** Time that moves only by sleeping; `slept` are the waits. */
function world(): { clock: Clock; scheduler: Scheduler; slept: number[] } {
  let nowMs = 0
  const slept: number[] = []
  const scheduler: Scheduler = {
    task: () => expect.unreachable(),
    stop: async () => undefined,
    sleep: async (ms) => {
      slept.push(ms)
      nowMs += ms
    },
  }
  return { clock: { now: () => new Date(nowMs), monotonicMs: () => nowMs }, scheduler, slept }
}

/** A judge that says `answers` in turn, the last one for ever. */
function saying(...answers: Judgement[]): Judge & { looks: number } {
  const judge = {
    looks: 0,
    async look(keys: readonly (readonly string[])[]) {
      const answer = answers[Math.min(judge.looks, answers.length - 1)]!
      judge.looks += 1
      return new Map(keys.map((key) => [textOf(key), answer]))
    },
  }
  return judge
}

const wait = (againInMs: number): Judgement => ({ kind: 'wait', againInMs })
const holds: Judgement = { kind: 'holds' }

describe('settling', () => {
  it('waits for all invariants together: the longest deadline, not their sum', async () => {
    const { clock, scheduler, slept } = world()
    const cases = [saying(wait(1_000), holds), saying(wait(1_000), holds), saying(wait(300), holds)]
    await settle(
      cases.map((judge) => ({ judge, keys: [['1'], ['2']] })),
      clock,
      scheduler,
    )
    expect(slept).toEqual([300, 700])
    expect(cases.map((judge) => judge.looks)).toEqual([2, 2, 2])
  })

  it('tells of each case once, as soon as it is settled, however long others wait', async () => {
    const { clock, scheduler, slept } = world()
    const told: string[] = []
    const cases = [saying(wait(1_000), holds), saying(holds), saying(wait(300), holds)]
    await settle(
      cases.map((judge) => ({ judge, keys: [['1']] })),
      clock,
      scheduler,
      (i) => told.push(`${i} after ${slept.length} waits`),
    )
    expect(told).toEqual(['1 after 0 waits', '2 after 1 waits', '0 after 2 waits'])
  })

  it('does not wait when nothing differs or all is known at once', async () => {
    const { clock, scheduler, slept } = world()
    await settle(
      [
        { judge: saying(holds), keys: [['1']] },
        { judge: saying(holds), keys: [] },
      ],
      clock,
      scheduler,
    )
    expect(slept).toEqual([])
  })

  it('ends although a judge never does: the key is inconclusive', async () => {
    const { clock, scheduler } = world()
    const endless = saying(wait(0))
    expect(await settle([{ judge: endless, keys: [['1']] }], clock, scheduler)).toEqual([
      { findings: [], inconclusive: 1 },
    ])
    expect(endless.looks).toBe(16)
  })

  it('lets one failing source cost no verdict of another', async () => {
    const { clock, scheduler } = world()
    const error = new Error('gone')
    const failing: Judge = { look: async () => Promise.reject(error) }
    const [first, second] = await settle(
      [
        { judge: failing, keys: [['1']] },
        { judge: saying(wait(5), { kind: 'inconclusive' }), keys: [['1']] },
      ],
      clock,
      scheduler,
    )
    expect(first).toEqual({ findings: [], inconclusive: 0, failed: error })
    expect(second).toEqual({ findings: [], inconclusive: 1 })
  })
})
