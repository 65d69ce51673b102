import { describe, expect, it } from 'vitest'
import { handOver } from './hand-over.ts'

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

describe('a hand-over', () => {
  it('brings all items in order, holding one at a time', async () => {
    let ahead = 0
    let most = 0
    const items = handOver<number>(async (give) => {
      for (let i = 0; i < 50; i += 1) {
        ahead += 1
        most = Math.max(most, ahead)
        await give(i)
      }
    })
    const found: number[] = []
    for await (const item of items) {
      ahead -= 1
      found.push(item)
    }
    expect(found).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(most).toBeLessThanOrEqual(1)
  })

  it('brings nothing of a producer that gives nothing', async () => {
    expect(await all(handOver(async () => {}))).toEqual([])
  })

  it('throws what the producer throws, after what it gave', async () => {
    const found: number[] = []
    const items = handOver<number>(async (give) => {
      await give(1)
      throw new Error('the source died')
    })
    const read = async () => {
      for await (const item of items) found.push(item)
    }
    await expect(read()).rejects.toThrow('the source died')
    expect(found).toEqual([1])
  })

  it('tells the producer that no more is wanted, and waits until it has ended', async () => {
    const said: boolean[] = []
    let hasEnded = false
    const items = handOver<number>(async (give) => {
      for (let i = 0; i < 6; i += 1) said.push(await give(i))
      await new Promise((resolve) => setImmediate(resolve))
      hasEnded = true
    })
    for await (const item of items) if (item === 3) break
    expect(said).toEqual([true, true, true, false, false, false])
    expect(hasEnded).toBe(true)
  })
})
