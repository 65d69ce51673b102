/**
 * The only place with timers. Every loop of the library - ticker, relay, inbox, heartbeat, retention - is a task here,
 * so that a service can drain, a test ends with no open timer, and the simulator can run one round at a time.
 *
 * A task is a state machine:
 *
 *     waiting(ms) --time or wake--> running --n--> waiting(n)
 *                                   running --'idle'--> idle --wake--> running
 *                                   running --throws--> failed(backoff) --time--> running
 *     any --stop--> stopped (after the round in flight)
 *
 * A wake during a round is remembered: another round follows at once. A wake while failed is remembered too but does
 * not shorten the pause: otherwise a busy publisher would turn a dead database into a hot loop.
 */
import { assert, defect } from './error.ts'

/** A loop under the care of a scheduler. */
export interface Task {
  /** Asks for a round now; during a round, for another one after it. Many wakes make one round. */
  wake(): void
  /** Ends the task and waits for the round in flight. Never await it inside the task's own round. */
  stop(): Promise<void>
}

/** How a task treats a round that throws. */
export interface TaskOptions {
  /** Is told the error and answers how many milliseconds to pause. Default: 100 ms doubling to 5 s. */
  onError?(error: unknown): number
}

/** What runs the loops. `systemScheduler` uses timers; the simulator's moves when its world does. */
export interface Scheduler {
  /**
   * Starts a loop; its first round follows at once. Rounds never overlap. The number a round returns is the
   * milliseconds until the next (0: at once, after pending input and output), 'idle' waits for `wake()`.
   */
  task(name: string, round: () => Promise<number | 'idle'>, options?: TaskOptions): Task
  /** Resolves after `ms`, or early when the signal aborts or the scheduler stops: it never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Stops all tasks, waits for their rounds in flight, and ends all sleeps. */
  stop(): Promise<void>
}

/** What a system scheduler may be told. */
export interface SystemSchedulerOptions {
  /** Hears of each round that threw, of any task; for logs. Default: nobody, since the pause is the treatment. */
  onError?(taskName: string, error: unknown): void
}

/** 100 ms is unnoticed by people and long for a database that is restarting; 5 s bounds how late a recovery is seen. */
const pauseMsFirst = 100
const pauseMsMax = 5_000

/** The longest delay a Node timer can hold; a longer one would fire at once. */
const timerMsMax = 2_147_483_647

/** A scheduler on the timers of the process. Its pending timers keep the process alive until it is stopped. */
export function systemScheduler(options: SystemSchedulerOptions = {}): Scheduler {
  return new SystemScheduler(options)
}

class SystemScheduler implements Scheduler {
  readonly #options: SystemSchedulerOptions
  readonly #tasks = new Set<SystemTask>()
  readonly #sleepers = new Set<() => void>()
  #stopped = false

  constructor(options: SystemSchedulerOptions) {
    this.#options = options
  }

  task(name: string, round: () => Promise<number | 'idle'>, options: TaskOptions = {}): Task {
    if (this.#stopped) {
      const help = 'Start loops before the scheduler is stopped, or make a new scheduler.'
      throw defect('base/scheduler-stopped', `The task "${name}" was started on a stopped scheduler.`, help, { name })
    }
    const task: SystemTask = new SystemTask({
      name,
      round,
      pauseOf: options.onError?.bind(options),
      failed: (error) => this.#options.onError?.(name, error),
      ended: () => this.#tasks.delete(task),
    })
    this.#tasks.add(task)
    return task
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (this.#stopped || signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', wake)
        this.#sleepers.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, timerMs(ms))
      signal?.addEventListener('abort', wake, { once: true })
      this.#sleepers.add(wake)
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    const stopping = [...this.#tasks].map((task) => task.stop())
    // A round may be asleep: it is woken so that stopping takes no longer than its real work.
    for (const wake of [...this.#sleepers]) wake()
    await Promise.all(stopping)
  }
}

interface TaskParts {
  readonly name: string
  readonly round: () => Promise<number | 'idle'>
  readonly pauseOf: ((error: unknown) => number) | undefined
  readonly failed: (error: unknown) => void
  readonly ended: () => void
}

class SystemTask implements Task {
  readonly #parts: TaskParts
  #state: 'waiting' | 'idle' | 'running' | 'failed' | 'stopped' = 'waiting'
  #woken = false
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined
  #inFlight: Promise<void> | undefined

  constructor(parts: TaskParts) {
    this.#parts = parts
    this.#after(0)
  }

  wake(): void {
    if (this.#state === 'running' || this.#state === 'failed') this.#woken = true
    else if (this.#state !== 'stopped' && this.#immediate === undefined) this.#after(0)
  }

  async stop(): Promise<void> {
    this.#state = 'stopped'
    this.#clear()
    this.#parts.ended()
    await this.#inFlight
  }

  /** A pause of 0 goes through the event loop: rounds that never wait for anything must not starve input and output. */
  #after(ms: number): void {
    this.#clear()
    const run = () => {
      this.#clear()
      this.#inFlight = this.#run()
    }
    if (ms === 0) this.#immediate = setImmediate(run)
    else this.#timer = setTimeout(run, timerMs(ms))
  }

  async #run(): Promise<void> {
    this.#state = 'running'
    this.#woken = false
    const outcome = await this.#outcome()
    this.#inFlight = undefined
    if (this.#isStopped()) return
    this.#state = outcome.state
    if (this.#woken && outcome.state !== 'failed') this.#after(0)
    else if (outcome.state !== 'idle') this.#after(outcome.ms)
  }

  async #outcome(): Promise<{ state: 'waiting' | 'failed'; ms: number } | { state: 'idle' }> {
    try {
      const next = await this.#parts.round()
      const known = next === 'idle' || (typeof next === 'number' && next >= 0)
      assert(known, `The task "${this.#parts.name}" must return milliseconds or 'idle', not ${String(next)}.`)
      this.#failures = 0
      return next === 'idle' ? { state: 'idle' } : { state: 'waiting', ms: next }
    } catch (error) {
      return { state: 'failed', ms: this.#pauseMs(error) }
    }
  }

  #pauseMs(error: unknown): number {
    const grown = Math.min(pauseMsMax, pauseMsFirst * 2 ** Math.min(this.#failures, 16))
    this.#failures += 1
    try {
      this.#parts.failed(error)
      const asked = this.#parts.pauseOf?.(error) ?? grown
      return asked >= 0 ? asked : grown
    } catch {
      // An error handler that throws must not end the loop it watches.
      return grown
    }
  }

  /** A method, because the compiler cannot see that `stop()` may have run during an await. */
  #isStopped(): boolean {
    return this.#state === 'stopped'
  }

  #clear(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    this.#timer = undefined
    this.#immediate = undefined
  }
}

function timerMs(ms: number): number {
  assert(ms >= 0, `A delay must be zero or more milliseconds, got ${ms}.`)
  return Math.min(timerMsMax, ms)
}
