/**
 * A check that runs while a simulated world goes on.
 *
 *     started --reads--> waiting(until) --the world's time has passed `until`--> reading again --> … --> done
 *
 * A check waits for deadlines in between its reads. Here that wait lasts as long as the world takes to get there: its services act
 * and deliver meanwhile, and the check reads only between two actions, so that a seed replays.
 */
import { check, type Report } from 'selvedge/check'
import type { Config } from 'selvedge/invariant'
import type { World } from 'selvedge/testing'

interface Sleeper {
  readonly dueMs: number
  readonly wake: () => void
}

/** One check that is under way. */
export class SteppedCheck {
  readonly #world: World<never>
  readonly #report: Promise<Report>
  #result: Report | undefined
  #sleeper: Sleeper | undefined
  #fellAsleep: () => void = () => undefined

  constructor(world: World<never>, config: Config) {
    this.#world = world
    this.#report = check(config, {
      clock: world.time.clock(),
      scheduler: {
        task: () => {
          throw new Error('A check has no loops.')
        },
        sleep: (ms) => this.#sleep(ms),
        stop: async () => undefined,
      },
    })
  }

  /** Goes on as far as the world's time allows; resolves with the report once there is one. */
  async step(): Promise<Report | undefined> {
    while (this.#result === undefined) {
      const { time } = this.#world
      if (this.#sleeper && this.#sleeper.dueMs > time.nowMs) return undefined
      const asleep = new Promise<undefined>((resolve) => {
        this.#fellAsleep = () => resolve(undefined)
      })
      const sleeper = this.#sleeper
      this.#sleeper = undefined
      sleeper?.wake()
      this.#result = await Promise.race([this.#report, asleep])
    }
    return this.#result
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#sleeper = { dueMs: this.#world.time.nowMs + ms, wake: resolve }
      this.#fellAsleep()
    })
  }
}
