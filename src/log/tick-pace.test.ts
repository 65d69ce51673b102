import { expect, test } from 'vitest'
import { TickPace } from './tick-pace.ts'

/** A tick of `durationMs` that begins at `atMs`. */
function tick(pace: TickPace, atMs: number, durationMs: number): void {
  pace.started(atMs)
  pace.ended(atMs + durationMs, durationMs)
}

function busyPace(): TickPace {
  const pace = new TickPace()
  for (let n = 0; n < 20; n++) tick(pace, n * 100, 5)
  return pace
}

test('a quiet log is cut at once', () => {
  expect(new TickPace().waitMs(0)).toBe(0)
})

test('an event behind a slow tick does not wait for a pause', () => {
  const pace = new TickPace()
  tick(pace, 0, 40)

  pace.published()

  expect(pace.waitMs(40)).toBe(0)
})

test('many events wait three times as long as a tick takes, 25 ms at most', () => {
  const pace = busyPace()
  for (let n = 0; n < 3; n++) pace.published()
  expect(pace.waitMs(1905)).toBeCloseTo(15, 0)

  for (let n = 0; n < 20; n++) tick(pace, 2000 + n * 200, 90)
  for (let n = 0; n < 3; n++) pace.published()
  expect(pace.waitMs(5890)).toBeCloseTo(25, 0)
})

test('what waited for a tick does not count for the next', () => {
  const pace = busyPace()
  for (let n = 0; n < 3; n++) pace.published()
  tick(pace, 1920, 5)

  pace.published()

  expect(pace.waitMs(1925)).toBe(0)
})

test('ticks without a pause come to no more than 300 a second', () => {
  const pace = busyPace()
  let ticks = 0
  for (let now = 3000; now < 13_000; now += 0.5) {
    if (pace.waitMs(now) > 0) continue
    tick(pace, now, 0.2)
    ticks += 1
  }
  // A tick of 0.2 ms asks for the least pause of 1 ms, so those with a pause come on top: one each 1.5 ms.
  expect(ticks).toBeLessThan(10_000)
  const paced = 10_000 / 1.5
  expect(ticks).toBeLessThan(paced + 10 * 300 + 30)
})
