/**
 * The false-positive suite on live data in real time, without a log: minutes of a thousand changes a second, a copy
 * that lags, stands still for up to twenty seconds and applies what is due in any order, and checks one after the other
 * all the while. The world says how slow it really was, so that a machine that cannot keep up is told from a false word.
 *
 * SELVEDGE_LIVE_MINUTES=10 is the form whose figures the README tells; 3, the least that shows anything, is what every run of the
 * long tier has time for.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { milliseconds } from '../../src/base/base.ts'
import { check } from '../../src/check/check.ts'
import { type Config, replicaOf } from '../../src/invariant/invariant.ts'
import { livePairs, type Pair } from './engine.ts'
import { type LiveOptions, LiveWorld, lateMsMax } from './live-world.ts'

const minutes = Number(process.env.SELVEDGE_LIVE_MINUTES || 3)
const runMs = minutes * 60_000
const options: LiveOptions = {
  seed: 11,
  changesPerSecond: 1_000,
  lagMsMax: 5_000,
  pauseMsMax: 20_000,
  pauseEveryMs: 30_000,
  lossEveryMs: 2_000,
  stepMs: 100,
  // A check judges ten thousand keys: of 25 seconds of these changes fewer differ.
  warmShare: 0.75,
}
/** Above lag and longest pause by what a busy machine may add to them. */
const deadlineMs = lateMsMax(options) + 10_000

const side = (source: string) => ({ source, table: 't', key: 'id', columns: ['v'] })

function configOf(world: LiveWorld): Config {
  return {
    sources: { owner: { url: world.owner.url }, copy: { url: world.copy.url } },
    invariants: [replicaOf('Copied', { owner: side('owner'), copy: side('copy') }).within(milliseconds(deadlineMs))],
  }
}

/** Moves the world by the clock of the machine until it is told to stop. */
function driven(world: LiveWorld): { stop(): Promise<void> } {
  const startedMs = performance.now()
  let isRunning = true
  const loop = async () => {
    while (isRunning) {
      await world.advance(performance.now() - startedMs)
      await sleep(options.stepMs / 4)
    }
  }
  const running = loop()
  // A failure is told by `stop`.
  running.catch(() => undefined)
  return {
    stop: () => {
      isRunning = false
      return running
    },
  }
}

interface Looked {
  /** Keys that were lost before the check began, and that it did not find. */
  readonly missed: readonly string[]
  readonly found: readonly string[]
  readonly inconclusive: number
  readonly why: string | undefined
}

async function looked(world: LiveWorld): Promise<Looked> {
  const before = [...world.lost.keys()]
  const { findings, invariants } = await check(configOf(world))
  const found = findings.map(({ key }) => key)
  const missed = before.filter((key) => !found.includes(key))
  return { missed, found, inconclusive: invariants[0]?.inconclusive ?? 0, why: invariants[0]?.why }
}

const enginePairs = livePairs.filter(({ left, right }) => left === right)

describe.each(enginePairs)('$title', (pair: Pair) => {
  pair.test(
    'changes all the while: every loss is found, and nothing is invented',
    { timeout: runMs + 300_000 },
    async ({ skip }) => {
      const world = await LiveWorld.make(pair, options)
      const driver = driven(world)
      try {
        const startedMs = performance.now()
        const checks: Looked[] = []
        while (performance.now() - startedMs < runMs) checks.push(await looked(world))
        const tookMs = performance.now() - startedMs
        await driver.stop()

        const invented = checks.map(({ found }) => found.filter((key) => !world.lost.has(key)))
        const measured = {
          pair: pair.title,
          seconds: Math.round(tookMs / 1_000),
          changes: world.changes,
          pauses: world.pauses,
          overtaken: world.overtaken,
          slowestMs: Math.round(world.slowestMs),
          checks: checks.length,
          lost: world.lost.size,
          found: checks.at(-1)?.found.length,
          missed: checks.reduce((sum, { missed }) => sum + missed.length, 0),
          invented: invented.flat().length,
          inconclusive: checks.reduce((sum, { inconclusive }) => sum + inconclusive, 0),
        }
        console.log(JSON.stringify(measured))
        const slow = `The machine is too slow for this test: a change took ${measured.slowestMs} ms to arrive, and the deadline is ${deadlineMs} ms. Run it on a quieter one.`
        skip(measured.slowestMs >= deadlineMs, slow)
        const few = `The machine is too slow for this test: it made ${world.changes} changes in ${measured.seconds} s.`
        skip(world.changes / measured.seconds <= options.changesPerSecond * 0.95, few)
        expect(world.pauses).toBeGreaterThan(minutes)
        expect(world.overtaken).toBeGreaterThan(100 * minutes)
        expect(checks.map(({ why }) => why)).toEqual(checks.map(() => undefined))
        expect(invented).toEqual(checks.map(() => []))
        expect(checks.map(({ missed }) => missed)).toEqual(checks.map(() => []))
        expect(checks.at(-1)?.found.length).toBeGreaterThan(10 * minutes)
      } finally {
        await driver.stop()
        await world.drop()
      }
    },
  )
})
