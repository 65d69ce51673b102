/**
 * The scheduler of a simulated world: loops run one round at a time, only when the runner asks, in an order that depends
 * on nothing but the simulated time and the order of wakes. Real input and output (a PostgreSQL) is awaited in between.
 *
 * A task is in one of these states; time is simulated time:
 *
 *     waiting(due) --due--> running --n--> waiting(now + n)
 *                           running --'idle'--> idle --wake--> waiting(now)
 *                           running --throws--> waiting(now + pause), deaf to wakes
 *                           running --sleep--> asleep(due) --due--> running
 *     any --stop--> stopped (after the round in flight)      any --kill--> stopped (at once)
 */
import { assert, type Random, type Scheduler, type Task, type TaskOptions } from '../base/base.ts'
import type { SimulatedTime } from './simulated-clock.ts'

/** What a simulated scheduler may be told. */
export interface SimulatedSchedulerOptions {
  /** Picks among the rounds that are due, to explore other interleavings. Default: first due, first run. */
  readonly random?: Random
  /** Hears of each round that threw. */
  onError?(taskName: string, error: unknown): void
}

/** The loops of one service, which stop and die together. */
export interface ServiceScheduler extends Scheduler {
  /** Ends the loops at once, as SIGKILL does: nothing is awaited, a round that is asleep never wakes up. */
  kill(): void
}

/** The same pauses as on real timers. */
const pauseMsFirst = 100
const pauseMsMax = 5_000

/** Far above the rounds of any honest drain: reaching it means that a loop answers 0 forever. */
const roundsMax = 1_000_000

type State = 'waiting' | 'idle' | 'running' | 'stopped'

interface Loop {
  readonly name: string
  readonly group: Group
  readonly round: () => Promise<number | 'idle'>
  readonly options: TaskOptions
  state: State
  woken: boolean
  paused: boolean
  failures: number
  inFlight: Promise<void> | undefined
  /** Resolves the wait of the runner when the running round falls asleep. */
  fellAsleep: () => void
}

/** Something that continues at `dueMs`: a round to start, or a sleep to end. */
interface Turn {
  readonly dueMs: number
  readonly loop: Loop | undefined
  /** Ends the sleep; undefined when a round is to be started. */
  readonly wakeUp: (() => void) | undefined
}

interface Group {
  stopped: boolean
}

/** A scheduler on simulated time. */
export class SimulatedScheduler implements Scheduler {
  readonly #time: SimulatedTime
  readonly #options: SimulatedSchedulerOptions
  readonly #root: Group = { stopped: false }
  readonly #loops = new Set<Loop>()
  /** In the order in which they were asked for. */
  #turns: Turn[] = []
  #running: Loop | undefined
  #isDraining = false

  constructor(time: SimulatedTime, options: SimulatedSchedulerOptions = {}) {
    this.#time = time
    this.#options = options
  }

  task(name: string, round: () => Promise<number | 'idle'>, options: TaskOptions = {}): Task {
    return this.#task(this.#root, name, round, options)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#sleep(this.#root, ms, signal)
  }

  stop(): Promise<void> {
    this.#root.stopped = true
    return this.#stop(() => true)
  }

  /** A scheduler for the loops of one process, so that stopping or killing it leaves the others alone. */
  service(): ServiceScheduler {
    const group: Group = { stopped: false }
    return {
      task: (name, round, options = {}) => this.#task(group, name, round, options),
      sleep: (ms, signal) => this.#sleep(group, ms, signal),
      stop: () => {
        group.stopped = true
        return this.#stop((loop) => loop.group === group)
      },
      kill: () => {
        group.stopped = true
        for (const loop of [...this.#loops]) if (loop.group === group) this.#end(loop)
        this.#turns = this.#turns.filter((turn) => turn.loop?.group !== group)
      },
    }
  }

  /**
   * Runs every round that is due at the present simulated time, one at a time, and what follows from them at this time;
   * gives the number of turns. Rounds that are due later wait until time has been advanced.
   *
   * @throws defect `base/assertion` when called again before it has ended, or when loops never come to rest.
   */
  async runUntilIdle(): Promise<number> {
    assert(!this.#isDraining, 'runUntilIdle() is called by one runner, which awaits it.')
    this.#isDraining = true
    try {
      let turns = 0
      for (let turn = this.#next(); turn !== undefined; turn = this.#next()) {
        turns += 1
        assert(turns < roundsMax, `The loop "${turn.loop?.name ?? 'sleep'}" never comes to rest.`)
        await this.#run(turn)
      }
      return turns
    } finally {
      this.#isDraining = false
    }
  }

  #task(group: Group, name: string, round: () => Promise<number | 'idle'>, options: TaskOptions): Task {
    assert(!group.stopped, `The task "${name}" was started on a stopped scheduler.`)
    const loop: Loop = {
      ...{ name, group, round, options },
      ...{ state: 'idle', woken: false, paused: false, failures: 0, inFlight: undefined, fellAsleep: () => {} },
    }
    this.#loops.add(loop)
    this.#startAfter(loop, 0)
    return {
      wake: () => this.#wake(loop),
      stop: () => this.#stop((other) => other === loop),
    }
  }

  #wake(loop: Loop): void {
    if (loop.state === 'running' || loop.paused) loop.woken = true
    else if (loop.state === 'idle') this.#startAfter(loop, 0)
    else if (loop.state === 'waiting') {
      const planned = this.#turns.find((turn) => turn.loop === loop)
      if (planned === undefined || planned.dueMs <= this.#time.nowMs) return
      this.#forget(loop)
      this.#startAfter(loop, 0)
    }
  }

  /** A sleep outside of any round moves time itself: its caller is the runner, and nobody else would. */
  #sleep(group: Group, ms: number, signal?: AbortSignal): Promise<void> {
    assert(ms >= 0, `A sleep must be zero or more milliseconds, got ${ms}.`)
    if (group.stopped || signal?.aborted) return Promise.resolve()
    const loop = this.#running
    if (loop === undefined && !this.#isDraining) {
      this.#time.advanceBy(ms)
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      const turn: Turn = { dueMs: this.#time.nowMs + ms, loop, wakeUp: resolve }
      this.#turns.push(turn)
      signal?.addEventListener('abort', () => this.#hasten(turn), { once: true })
      loop?.fellAsleep()
    })
  }

  /** The earliest due, and among equals the first asked for; with a random source, any that is due. */
  #next(): Turn | undefined {
    const due = this.#turns.filter((turn) => turn.dueMs <= this.#time.nowMs)
    if (due.length === 0) return undefined
    const next =
      this.#options.random?.pick(due) ?? due.reduce((first, turn) => (turn.dueMs < first.dueMs ? turn : first))
    this.#turns.splice(this.#turns.indexOf(next), 1)
    return next
  }

  async #run(turn: Turn): Promise<void> {
    const { loop } = turn
    if (loop === undefined) {
      turn.wakeUp?.()
      // The sleeper is unknown code: it is given one turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve))
      return
    }
    const asleep = new Promise<void>((resolve) => {
      loop.fellAsleep = resolve
    })
    this.#running = loop
    if (turn.wakeUp !== undefined) turn.wakeUp()
    else loop.inFlight = this.#round(loop)
    await Promise.race([loop.inFlight, asleep])
    this.#running = undefined
  }

  async #round(loop: Loop): Promise<void> {
    loop.state = 'running'
    loop.woken = false
    loop.paused = false
    const next = await this.#outcome(loop)
    loop.inFlight = undefined
    if (isStopped(loop)) return
    loop.state = 'idle'
    if (loop.woken && !loop.paused) this.#startAfter(loop, 0)
    else if (next !== 'idle') this.#startAfter(loop, next)
  }

  async #outcome(loop: Loop): Promise<number | 'idle'> {
    try {
      const next = await loop.round()
      const isKnown = next === 'idle' || (typeof next === 'number' && next >= 0)
      assert(isKnown, `The task "${loop.name}" must return milliseconds or 'idle', not ${String(next)}.`)
      loop.failures = 0
      return next
    } catch (error) {
      loop.paused = true
      this.#options.onError?.(loop.name, error)
      const pause = Math.min(pauseMsMax, pauseMsFirst * 2 ** Math.min(loop.failures, 16))
      loop.failures += 1
      return loop.options.onError?.(error) ?? pause
    }
  }

  #startAfter(loop: Loop, ms: number): void {
    loop.state = 'waiting'
    this.#turns.push({ dueMs: this.#time.nowMs + ms, loop, wakeUp: undefined })
  }

  async #stop(isMeant: (loop: Loop) => boolean): Promise<void> {
    const meant = [...this.#loops].filter(isMeant)
    for (const loop of meant) this.#end(loop)
    const [ended, kept] = partition(this.#turns, (turn) => turn.loop !== undefined && isMeant(turn.loop))
    this.#turns = kept
    for (const turn of ended) turn.wakeUp?.()
    await Promise.all(meant.map((loop) => loop.inFlight))
  }

  #end(loop: Loop): void {
    loop.state = 'stopped'
    this.#loops.delete(loop)
  }

  #forget(loop: Loop): void {
    this.#turns = this.#turns.filter((turn) => turn.loop !== loop)
  }

  /** Makes a sleep due now. */
  #hasten(turn: Turn): void {
    const at = this.#turns.indexOf(turn)
    if (at >= 0) this.#turns[at] = { ...turn, dueMs: this.#time.nowMs }
  }
}

/** A function, because the compiler cannot see that `stop()` may have run during an await. */
function isStopped(loop: Loop): boolean {
  return loop.state === 'stopped'
}

function partition<T>(xs: readonly T[], belongs: (x: T) => boolean): [T[], T[]] {
  return [xs.filter(belongs), xs.filter((x) => !belongs(x))]
}
