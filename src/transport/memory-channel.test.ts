import { describe, expect, it } from 'vitest'
import { simulatedTime } from '../simulate/simulated-clock.ts'
import { SimulatedScheduler } from '../simulate/simulated-scheduler.ts'
import { memoryChannel } from './memory-channel.ts'
import type { Packet, Punctuation } from './transport.ts'

const packet = (count: number): Punctuation => ({
  ...{ kind: 'punctuation', source: 'user', epoch: 1, lane: 0, fromTick: 0, toTick: 1, count },
})

function channelOf(options: { waitingMax?: number; batchMax?: number } = {}) {
  const time = simulatedTime()
  const scheduler = new SimulatedScheduler(time)
  const channel = memoryChannel(scheduler, options)
  const pass = async (ms: number) => {
    time.advanceBy(ms)
    await scheduler.runUntilIdle()
  }
  return { channel, pass, run: () => pass(0) }
}
const countsOf = (packets: readonly Packet[]) => packets.map((each) => (each.kind === 'punctuation' ? each.count : -1))

describe('a channel in memory', () => {
  it('hands over in batches of its size', async () => {
    const { channel, run } = channelOf({ batchMax: 2 })
    const calls: number[][] = []
    await channel.subscribe('a', async (packets) => void calls.push(countsOf(packets)))
    await channel.send([1, 2, 3].map(packet))
    await run()
    expect(calls).toEqual([[1, 2], [3]])
  })

  it('refuses a send that would exceed a buffer, whole, and takes it when there is room', async () => {
    const { channel, run } = channelOf({ waitingMax: 2 })
    const got: number[] = []
    await channel.send([packet(0)])
    await channel.subscribe('a', async (packets) => void got.push(...countsOf(packets)))
    await channel.send([packet(1)])
    await expect(channel.send([packet(2), packet(3)])).rejects.toMatchObject({
      ...{ kind: 'transient', code: 'transport/full', values: { subscriber: 'a', waiting: 1, waitingMax: 2 } },
    })
    await run()
    await channel.send([packet(2), packet(3)])
    await run()
    expect(got).toEqual([1, 2, 3])
  })

  it('offers again what was rejected, after a pause', async () => {
    const { channel, run, pass } = channelOf()
    let calls = 0
    await channel.subscribe('a', async () => {
      calls += 1
      if (calls === 1) throw new Error('not now')
    })
    await channel.send([packet(1)])
    await run()
    expect(calls).toBe(1)
    await pass(100)
    await run()
    expect(calls).toBe(2)
  })
})
