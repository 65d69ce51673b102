import { expect, test } from 'vitest'
import { type Counted, gaugeOf } from './busy-gauge.ts'

async function answers(...counted: readonly (Counted | undefined)[]): Promise<boolean[]> {
  const left = [...counted]
  const isBusy = gaugeOf(async () => {
    const next = left.shift()
    if (next === undefined) throw new Error('the server is gone')
    return next
  })
  const said: boolean[] = []
  for (const _ of counted) said.push(await isBusy())
  return said
}

test('the first look says nothing; then the fastest counter decides', async () => {
  const said = await answers(
    { prompt: [0, 0], seconds: 0 },
    { prompt: [0, 100], seconds: 1 },
    { prompt: [19, 119], seconds: 2 },
  )
  expect(said).toEqual([false, true, false])
})

test('one event within a moment is no sign of users', async () => {
  expect(await answers({ prompt: [0], seconds: 0 }, { prompt: [1], seconds: 0.001 })).toEqual([false, false])
})

test('a late counter is read over some seconds, and what it said holds until then', async () => {
  const late = (count: number, seconds: number): Counted => ({ prompt: [], late: [count], seconds })
  const burst = await answers(late(0, 0), late(30, 0.3), late(30, 1), late(40, 3))
  expect(burst, 'a second of our own reads, told at once').toEqual([false, false, false, false])
  const users = await answers(late(0, 0), late(500, 1), late(1_500, 3), late(1_600, 4), late(1_600, 6))
  expect(users).toEqual([false, false, true, true, true])
})

test('a look that fails says nothing, and the one before it still counts', async () => {
  const said = await answers({ prompt: [0], seconds: 0 }, undefined, { prompt: [500], seconds: 2 })
  expect(said).toEqual([false, false, true])
})

test('a server whose counters began anew says nothing', async () => {
  expect(await answers({ prompt: [900], seconds: 5 }, { prompt: [1], seconds: 6 })).toEqual([false, false])
})
