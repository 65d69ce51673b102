/**
 * The time of the machines in a world whose wall clocks hurry.
 *
 * From one action to the next the world's clocks move by seconds, so that deadlines of minutes and clocks that are minutes off fit
 * into a run. Loops that beat and look around once a second would then do so before each action, and a proof of two thousand actions
 * would be spent on looking around. So what machines measure and wait for (the monotonic clock, the scheduler) runs slower by a
 * fixed factor; what they read off the wall does not.
 */
import type { Database } from 'selvedge/store'
import type { ServiceScheduler, SimulatedTime } from 'selvedge/testing'

/** The library's clock. */
type Clock = Database['clock']

/** Wall time for one unit of machine time: with 5 s from action to action, machines live through 36 ms. */
export const wallPerMachine = 140

/** A clock whose wall is off by `skewMs` and whose durations are machine time, in whole milliseconds: fractions do not add up. */
export function machineClock(time: SimulatedTime, skewMs: number | undefined): Clock {
  const wall = time.clock(skewMs)
  return { now: () => wall.now(), monotonicMs: () => Math.floor(wall.monotonicMs() / wallPerMachine) }
}

/** A scheduler that counts in machine time. */
export function machineScheduler(scheduler: ServiceScheduler): ServiceScheduler {
  return {
    task: (name, round, options) =>
      scheduler.task(
        name,
        async () => {
          const next = await round()
          return next === 'idle' ? next : next * wallPerMachine
        },
        options,
      ),
    sleep: (ms, signal) => scheduler.sleep(ms * wallPerMachine, signal),
    stop: () => scheduler.stop(),
    kill: () => scheduler.kill(),
  }
}
