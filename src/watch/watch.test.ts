/** A watch on simulated time: its schedule, its history, what changed, its silence. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { minutes, seconds, seededRandom } from '../base/base.ts'
import type { Report } from '../check/check.ts'
import { agree, type Config, type Finding, type WatchDeclaration } from '../invariant/invariant.ts'
import { simulatedTime } from '../simulate/simulated-clock.ts'
import { SimulatedScheduler } from '../simulate/simulated-scheduler.ts'
import { type AlertRecord, type RunRecord, readHistory, type Watch, type WatchOptions, watch } from './watch.ts'

let folder: string
const open: Watch[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'selvedge-watch-'))
})
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop()
  rmSync(folder, { recursive: true, force: true })
})

const side = (source: string) => ({ source, table: 'seats', key: 'id' })
const invariant = agree('Seats agree', side('billing'), side('enrollment'))
const finding = (key: string, verdict: Finding['verdict'] = 'diverged'): Finding => ({
  ...{ invariant: invariant.name, key, verdict, proof: 'double-read', because: 'they differ' },
  ...{ present: [], absent: [], columns: [] },
})

interface Found {
  readonly findings?: readonly Finding[]
  readonly accepted?: readonly Finding[]
  readonly inconclusive?: number
  readonly why?: string
}

const reportOf = ({ findings = [], accepted = [], inconclusive = 0, why }: Found): Report => {
  const incomplete = why !== undefined
  const one = {
    ...{ name: invariant.name, state: incomplete ? 'incomplete' : 'checked', rows: incomplete ? 0 : 100 },
    ...(incomplete ? { why } : {}),
    ...{ proof: 'double-read', inconclusive, findings: findings.length, accepted: accepted.length },
  }
  const rest = { incidents: [], baseline: { expired: [], stale: [] }, incomplete }
  return { findings, accepted, invariants: [one], ...rest } as unknown as Report
}

/** A watch in a world of its own; `found` answers the checks, and may take simulated time. */
async function watched(
  found: (run: number) => Found | Promise<Found>,
  setting: Partial<WatchDeclaration> = {},
  options: Partial<WatchOptions> = {},
) {
  const time = simulatedTime(new Date('2026-11-27T08:00:00Z'))
  const scheduler = new SimulatedScheduler(time)
  const [runs, alerts]: [RunRecord[], AlertRecord[]] = [[], []]
  let count = 0
  const config: Config = {
    sources: { billing: { url: 'postgres://b/b' }, enrollment: { url: 'postgres://e/e' } },
    invariants: [invariant],
    watch: { every: minutes(5), port: 0, history: { path: folder }, ...setting },
  }
  const watching = await watch(config, {
    ...{ clock: time.clock(), scheduler, random: seededRandom(7), lags: async () => [] },
    check: async () => reportOf(await found(++count)),
    onRun: (run) => runs.push(run),
    onAlert: (alert) => alerts.push(alert),
    ...options,
  })
  open.push(watching)
  const pass = async (ms: number, step = 1_000) => {
    for (let passed = 0; passed <= ms; passed += step) {
      await scheduler.runUntilIdle()
      if (passed < ms) time.advanceBy(step)
    }
  }
  const events = () => [...runs, ...alerts].flatMap((one) => one.events.map((event) => event.kind))
  return { watching, time, scheduler, runs, alerts, pass, events }
}

describe('a watch', () => {
  it('checks at once, and then on its schedule', async () => {
    const { runs, pass } = await watched(() => ({}))
    await pass(11 * 60_000)
    expect(runs.map((run) => run.startedAt.slice(11, 19))).toEqual(['08:00:00', '08:05:00', '08:10:00'])
  })

  it('never runs two checks at once: one that takes long delays the next, which then comes once and counts as late', async () => {
    let [inside, most] = [0, 0]
    const world = await watched(
      async () => {
        most = Math.max(most, ++inside)
        await world.scheduler.sleep(12 * 60_000)
        inside -= 1
        return {}
      },
      { silentAfter: minutes(60) },
    )
    await world.pass(25 * 60_000)
    expect(most).toBe(1)
    expect(world.runs.map((run) => [run.startedAt.slice(11, 16), run.delayMs / 60_000])).toEqual([
      ['08:00', 0],
      ['08:12', 7],
    ])
    const metrics = await (await fetch(`${world.watching.url}/metrics`)).text()
    expect(metrics).toContain('selvedge_watch_late_runs_total{schedule="5 min"} 1')
  })

  it('catches up once after the machine slept, and does not call that silence', async () => {
    const { runs, alerts, time, pass } = await watched(() => ({}))
    await pass(1_000)
    time.advanceBy(9 * 3_600_000)
    await pass(60_000)
    expect(runs.map((run) => run.startedAt.slice(11, 16))).toEqual(['08:00', '17:00'])
    expect(alerts).toEqual([])
  })

  it('says what is new, goes on, changes, is resolved; and keeps open what it could not look at', async () => {
    const answers: Found[] = [
      { findings: [finding('1', 'lagging')] },
      { findings: [finding('1', 'lagging'), finding('2')] },
      { findings: [finding('1', 'lost-in-transport'), finding('2')] },
      { why: 'the source is down' },
      { inconclusive: 1 },
      { accepted: [finding('2')] },
    ]
    const { runs, pass, watching } = await watched((run) => answers[run - 1] ?? {})
    await pass(25 * 60_000)
    const told = runs.map((run) =>
      run.events.map((event) => `${event.kind} ${'key' in event ? event.key : event.invariant}`),
    )
    expect(told).toEqual([
      ['opened 1'],
      ['opened 2'],
      ['changed 1'],
      ['incomplete Seats agree'],
      ['complete Seats agree'],
      ['resolved 1', 'resolved 2'],
    ])
    expect(runs[1]?.events).toMatchObject([{ detectedWithinMs: minutes(5).milliseconds }])
    expect(runs[5]?.events).toMatchObject([{ how: 'agrees', openForMs: minutes(25).milliseconds }, { how: 'accepted' }])
    expect(watching.status()).toMatchObject({ open: 0, isHealthy: true })
  })

  it('says that a key flaps once, and then only counts', async () => {
    const { runs, pass, events } = await watched((run) => ({ findings: run % 2 === 1 ? [finding('1')] : [] }))
    await pass(45 * 60_000)
    expect(events().slice(0, 6)).toEqual(['opened', 'resolved', 'opened', 'resolved', 'flapping', 'resolved'])
    expect(events().filter((kind) => kind === 'flapping')).toHaveLength(1)
    expect(runs.at(-1)?.events).toMatchObject([{ isFlapping: true }])
  })

  it('that hangs is an alert, in the status, over HTTP and as an event; and so is its end', async () => {
    const world = await watched(
      async (run) => {
        if (run === 2) await world.scheduler.sleep(30 * 60_000)
        return {}
      },
      { silentAfter: seconds(90) },
    )
    await world.pass(6 * 60_000)
    expect(world.alerts).toEqual([])
    await world.pass(2 * 60_000)
    expect(world.alerts).toMatchObject([{ events: [{ kind: 'silent', verdict: 'check-silent' }] }])
    const health = await fetch(`${world.watching.url}/healthz`)
    expect(health.status).toBe(503)
    expect(await health.json()).toMatchObject({ troubles: [expect.stringContaining('check-silent')] })
    expect(await (await fetch(`${world.watching.url}/metrics`)).text()).toContain(
      'selvedge_check_silent{invariant="Seats agree"} 1',
    )
    await world.pass(30 * 60_000)
    expect(world.events()).toEqual(['silent', 'heard'])
    expect((await fetch(`${world.watching.url}/healthz`)).status).toBe(200)
  })

  it('whose check throws goes on, and is ill until one ends', async () => {
    const { runs, pass, watching } = await watched((run) => {
      if (run === 1) throw new Error('out of sockets')
      return {}
    })
    await pass(60_000)
    expect(runs).toMatchObject([{ outcome: 'failed', error: { message: 'out of sockets' } }])
    expect(watching.status().isHealthy).toBe(false)
    await pass(5 * 60_000)
    expect(watching.status().isHealthy).toBe(true)
  })

  it('keeps its history over restarts, and names what is open from before', async () => {
    const first = await watched(() => ({ findings: [finding('1')] }))
    await first.pass(1_000)
    await open.pop()?.stop()
    const second = await watched(() => ({}))
    expect(second.watching.status().open).toBe(1)
    await second.pass(6 * 60_000)
    expect(second.events()).toEqual(['resolved'])
    expect(readHistory(folder).filter((record) => record.kind === 'run')).toHaveLength(2)
  })

  it('refuses a history that another watch keeps, and says whose', async () => {
    await watched(() => ({}))
    await expect(watched(() => ({}))).rejects.toMatchObject({
      code: 'watch/history-locked',
      message: expect.stringContaining(`process ${process.pid}`),
    })
  })

  it('refuses a page of another site that leads its own name to it', async () => {
    const { watching } = await watched(() => ({}))
    const { request } = await import('node:http')
    const status = await new Promise((resolve) => {
      const asked = request(`${watching.url}/status.json`, { headers: { host: 'evil.example' } }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
      asked.end()
    })
    expect(status).toBe(403)
  })
})

describe('a webhook', () => {
  it('is told what changed at least once, signed, with one id, and never holds up a check', async () => {
    const got: { id: string; body: string }[] = []
    const send: WatchOptions['send'] = async (_url, { headers, body }) => {
      got.push({ id: headers['idempotency-key']!, body })
      return { status: got.length <= 2 ? 503 : 200 }
    }
    const webhook = { url: 'https://hooks.example/secret-path', secret: { env: 'HOOK' }, on: 'change' } as const
    const notes: string[] = []
    const { pass, runs } = await watched(
      (run) => ({ findings: run <= 2 ? [finding('<!channel>')] : [] }),
      { webhook },
      {
        ...{ send, environment: { HOOK: 'hunter2' }, onProgress: (line) => notes.push(line) },
      },
    )
    await pass(16 * 60_000)
    expect(runs).toHaveLength(4)
    const messages = got.map(({ body }) => JSON.parse(body) as { id: string; text: string; events: { kind: string }[] })
    expect(messages.map(({ events }) => events.map(({ kind }) => kind))).toEqual([
      ...[['opened'], ['opened'], ['opened']],
      ['resolved'],
    ])
    expect(new Set(got.slice(0, 3).map(({ id }) => id)).size).toBe(1)
    expect(messages[0]?.text).toContain('&lt;!channel&gt;')
    expect(notes.join()).toContain('hooks.example answered 503')
    expect(notes.join()).not.toMatch(/secret-path|hunter2/)
  })

  it('that was down when the watch ended is told after the next start', async () => {
    const webhook = { url: 'https://hooks.example/' }
    const down = await watched(
      () => ({ findings: [finding('1')] }),
      { webhook },
      { send: async () => ({ status: 500 }) },
    )
    await down.pass(1_000)
    await open.pop()?.stop()
    const got: string[] = []
    const up = await watched(
      () => ({ findings: [finding('1')] }),
      { webhook },
      {
        send: async (_url, { headers }) => ({ status: got.push(headers['idempotency-key']!) > 0 ? 204 : 0 }),
      },
    )
    await up.pass(1_000)
    expect(got).toEqual([down.runs[0]?.id])
  })

  it('whose variable is not set is refused by its name', async () => {
    const webhook = { url: { env: 'NOT_SET' } }
    await expect(watched(() => ({}), { webhook }, { environment: {} })).rejects.toMatchObject({
      code: 'watch/no-variable',
    })
  })
})
