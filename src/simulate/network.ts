/**
 * Who can reach whom. One network serves all ways between services of a simulated world: the channel asks it for
 * messages, ports ask it for HTTP calls and for reading the log of another service. A service always reaches its own
 * database and itself.
 *
 * A crash is armed by the runner and fires when the service wants to send a change: the process is dead from then on,
 * every further call of it throws, until the runner has restarted it.
 */
import { isSelvedgeError, transient } from '../base/base.ts'

/** Why a service cannot be reached. */
export type Obstacle = 'stopped' | 'partitioned'

/** The state of the ways between services. */
export class Network {
  readonly #stopped = new Set<string>()
  readonly #partitioned = new Set<string>()
  readonly #armed = new Set<string>()
  readonly #dead = new Set<string>()

  stop(service: string): void {
    this.#stopped.add(service)
  }

  start(service: string): void {
    this.#stopped.delete(service)
  }

  partition(service: string): void {
    this.#partitioned.add(service)
  }

  heal(service: string): void {
    this.#partitioned.delete(service)
  }

  isStopped(service: string): boolean {
    return this.#stopped.has(service)
  }

  /** Whether anything stands between `service` and the others. */
  isReachable(service: string): boolean {
    return !this.#stopped.has(service) && !this.#partitioned.has(service)
  }

  /** What stands between two services; undefined when nothing does. A service is never partitioned from itself. */
  obstacle(from: string, to: string): Obstacle | undefined {
    if (this.#stopped.has(from) || this.#stopped.has(to)) return 'stopped'
    if (from !== to && (this.#partitioned.has(from) || this.#partitioned.has(to))) return 'partitioned'
    return undefined
  }

  /**
   * Performs a call from one service to another: HTTP, or reading the other's log.
   *
   * @throws transient `simulate/unreachable` when something stands between them; `simulate/crashed` when the caller is dead.
   * @example
   * const seats = await network.call('enrollment', 'course', () => courseApi.seats(courseId))
   */
  async call<T>(from: string, to: string, work: () => Promise<T>): Promise<T> {
    this.assertAlive(from)
    const because = this.obstacle(from, to)
    if (because !== undefined) {
      const help = 'A fault of the simulated network: try again later, as with a real one.'
      throw transient('simulate/unreachable', `${from} cannot reach ${to}: ${because}.`, help, { from, to, because })
    }
    return work()
  }

  /** The next send of a change by `service` kills its process. */
  armCrash(service: string): void {
    this.#armed.add(service)
  }

  /** Kills `service` if a crash is armed, and says whether it did just now. */
  crashIfArmed(service: string): boolean {
    if (!this.#armed.delete(service)) return false
    this.#dead.add(service)
    return true
  }

  /** @throws transient `simulate/crashed` when the process of `service` is dead. */
  assertAlive(service: string): void {
    if (!this.#dead.has(service)) return
    const help = 'The simulated process died; the runner restarts it. Let the error pass, as a dead process would.'
    throw transient('simulate/crashed', `The process of ${service} died before it could send.`, help, { service })
  }

  /** The services whose process is dead. */
  dead(): readonly string[] {
    return [...this.#dead]
  }

  /** The process of `service` was started again. */
  restarted(service: string): void {
    this.#dead.delete(service)
  }

  /** Ends every fault; crashes that never fired are forgotten. Dead processes still wait for `restarted`. */
  endFaults(): void {
    this.#stopped.clear()
    this.#partitioned.clear()
    this.#armed.clear()
  }
}

/** Whether `error` is the death of a simulated process, which no code of that process may handle. */
export function isCrash(error: unknown): boolean {
  return isSelvedgeError(error, 'simulate/crashed')
}
