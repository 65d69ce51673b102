/**
 * The runner of a simulated world: performs actions one at a time on a variant of a system, lets the faults of the plan
 * happen, and counts at the two moments at which counting means something.
 *
 *     for each action:  a step of time · windows open and close · act · deliver and settle until quiet · every n: a hook
 *     atBound           the faults are still on, held messages are late
 *     the drain         faults end · stopped services start · held messages in plan order · settle · time passes the bound
 *     count             now the only differences are lasting ones
 *
 * The runner knows nothing of the domain: a variant is whatever can act, receive and settle.
 */
import { assert } from '../base/base.ts'
import { type ChannelCounts, type Delivery, type Envelope, LossyChannel } from './channel.ts'
import type { VersionSkewFault, WindowFault } from './fault.ts'
import { isCrash, Network } from './network.ts'
import type { Plan } from './plan.ts'
import { type SimulatedTime, simulatedTime } from './simulated-clock.ts'
import { SimulatedScheduler, type SimulatedSchedulerOptions } from './simulated-scheduler.ts'
import { type FaultCount, Tally } from './tally.ts'

/** Something a user does at one service. */
export interface Action {
  readonly service: string
}

/** A system under test: the naive or the cured one. */
export interface Variant<A extends Action = Action, P = unknown> {
  readonly name: string
  /** Performs an action, commit included. A crash of the process may leave it early by the error of the channel. */
  act(action: A, index: number): Promise<'accepted' | 'refused'>
  /** One message arrives at a service. What it throws is noted and otherwise ignored, as a broker without retries would. */
  deliver(to: string, message: Envelope<P>, from: string): Promise<void>
  /** Runs every loop that has something to do at this simulated time; may send. */
  settle(): Promise<void>
  stopService(name: string): Promise<void>
  startService(name: string): Promise<void>
  /** The process died: forget all memory, send nothing more, start it again. Its database is as it was. */
  crash(service: string): Promise<void>
  /** The rollout of a schema version: `begins` before its first write, `ends` when the last consumer is upgraded. */
  versionSkew?(phase: 'begins' | 'ends', fault: VersionSkewFault): Promise<void>
}

/** The parts of one run. Each variant gets a world of its own, made from the same plan. */
export interface World<P = unknown> {
  readonly plan: Plan
  readonly time: SimulatedTime
  readonly network: Network
  readonly channel: LossyChannel<P>
  readonly scheduler: SimulatedScheduler
  readonly tally: Tally
}

/** What happens beside the actions. */
export interface Hooks {
  /** Runs after every `actions` actions, faults in full swing; told how many have been performed. */
  readonly every?: { readonly actions: number; run(performed: number): Promise<void> }
  /** Runs once after the last action, before the drain. */
  atBound?(): Promise<void>
  /** Runs once, when all is over. */
  count?(): Promise<void>
}

/** A delivery that the variant did not take. */
export interface DeliveryFailure {
  readonly to: string
  readonly about: string
  readonly error: unknown
}

/** What a run did. */
export interface RunReport {
  readonly variant: string
  readonly accepted: number
  readonly refused: number
  /** The places of refused actions in the run, ascending. */
  readonly refusedActions: readonly number[]
  readonly faults: readonly FaultCount[]
  readonly messages: ChannelCounts
  readonly crashes: number
  /** How many deliveries ended in an error, and the first few of them. */
  readonly failed: number
  readonly failures: readonly DeliveryFailure[]
}

/** Enough to see what goes wrong, and no more memory than that. */
const failuresKeptMax = 20

/** A step in which services keep answering each other longer than this never ends. */
const exchangesMax = 10_000

/** The last stretch of time passes in steps, so that pauses which follow from each other all end. */
const drainSteps = 10

/** Makes the parts of one run. */
export function simulatedWorld<P = unknown>(plan: Plan, options: SimulatedSchedulerOptions = {}): World<P> {
  const time = simulatedTime()
  const network = new Network()
  const tally = new Tally()
  return {
    ...{ plan, time, network, tally },
    channel: new LossyChannel<P>(plan, network, tally),
    scheduler: new SimulatedScheduler(time, options),
  }
}

/**
 * Performs `actions` on `variant` under the plan of `world`.
 *
 * An action at a stopped service is refused without asking the variant. An action whose process dies while sending
 * counts as accepted: its change is committed.
 *
 * @throws whatever the variant's `act`, `settle` and the hooks throw, except the death of a simulated process.
 * @example
 * const world = simulatedWorld(drawPlan({ seed: 7, actions: actions.length, services, bound: minutes(2) }))
 * const report = await runWorld({ world, variant: naive(world), actions, hooks: { count } })
 */
export async function runWorld<A extends Action, P>(run: Run<A, P>): Promise<RunReport> {
  return new Runner(run).run()
}

/** What `runWorld` is given. */
export interface Run<A extends Action, P> {
  readonly world: World<P>
  readonly variant: Variant<A, P>
  readonly actions: readonly A[]
  readonly hooks?: Hooks
}

class Runner<A extends Action, P> {
  readonly #run: Run<A, P>
  readonly #startMs: number
  readonly #refusedActions: number[] = []
  readonly #failures: DeliveryFailure[] = []
  /** Rollouts that have begun and not ended. */
  readonly #skews = new Set<VersionSkewFault>()
  #failed = 0
  #crashes = 0

  constructor(run: Run<A, P>) {
    this.#run = run
    this.#startMs = run.world.time.nowMs
    assert(run.actions.length <= run.world.plan.actions, 'A run has at most as many actions as its plan was drawn for.')
  }

  async run(): Promise<RunReport> {
    const { actions, hooks = {}, world } = this.#run
    for (const [index, action] of actions.entries()) {
      await this.#perform(action, index)
      const performed = index + 1
      if (hooks.every !== undefined && performed % hooks.every.actions === 0) await hooks.every.run(performed)
    }
    await hooks.atBound?.()
    await this.#drain()
    await hooks.count?.()
    return this.#report(world)
  }

  async #perform(action: A, index: number): Promise<void> {
    const { world } = this.#run
    world.time.advanceTo(this.#startMs + (index + 1) * world.plan.actionMs)
    world.channel.beginAction(index)
    await this.#turnWindows(index)
    if (world.network.isStopped(action.service)) this.#refusedActions.push(index)
    else if ((await this.#act(action, index)) === 'refused') this.#refusedActions.push(index)
    await this.#untilQuiet()
  }

  async #act(action: A, index: number): Promise<'accepted' | 'refused'> {
    try {
      return await this.#run.variant.act(action, index)
    } catch (error) {
      if (!isCrash(error)) throw error
      return 'accepted'
    }
  }

  /** Windows that end are closed before others open: a service may be stopped twice in a row. */
  async #turnWindows(index: number): Promise<void> {
    const { faults } = this.#run.world.plan
    for (const fault of faults) {
      if (fault.kind === 'version-skew' && fault.until === index) await this.#endSkew(fault)
      else if (isWindow(fault) && fault.until === index) await this.#close(fault)
    }
    for (const fault of faults) {
      if (fault.at !== index) continue
      if (fault.kind === 'crashed') this.#run.world.network.armCrash(fault.service)
      else if (fault.kind === 'version-skew') await this.#beginSkew(fault)
      else if (isWindow(fault)) await this.#open(fault)
    }
  }

  async #open({ kind, service }: WindowFault): Promise<void> {
    const { network } = this.#run.world
    if (kind === 'partitioned') network.partition(service)
    else {
      await this.#run.variant.stopService(service)
      network.stop(service)
    }
  }

  async #close({ kind, service }: WindowFault): Promise<void> {
    const { network } = this.#run.world
    if (kind === 'partitioned') network.heal(service)
    else if (network.isStopped(service)) await this.#start(service)
  }

  async #start(service: string): Promise<void> {
    this.#run.world.network.start(service)
    await this.#run.variant.startService(service)
  }

  async #beginSkew(fault: VersionSkewFault): Promise<void> {
    this.#skews.add(fault)
    await this.#run.variant.versionSkew?.('begins', fault)
  }

  async #endSkew(fault: VersionSkewFault): Promise<void> {
    if (this.#skews.delete(fault)) await this.#run.variant.versionSkew?.('ends', fault)
  }

  /** Delivers and settles in turns until nobody has anything more to say at this time. */
  async #untilQuiet(): Promise<void> {
    const { channel, network } = this.#run.world
    for (let exchange = 0; ; exchange++) {
      assert(exchange < exchangesMax, 'The services of a simulated world never stop answering each other.')
      await this.#restartDead()
      await channel.deliverDue((delivery) => this.#deliver(delivery))
      const sentBefore = channel.counts.sent
      await this.#settle()
      // Settling comes after delivering, so only what it has sent or killed can be left.
      if (channel.counts.sent === sentBefore && network.dead().length === 0) return
    }
  }

  async #settle(): Promise<void> {
    try {
      await this.#run.variant.settle()
    } catch (error) {
      if (!isCrash(error)) throw error
    }
  }

  async #restartDead(): Promise<void> {
    const { network } = this.#run.world
    for (const service of network.dead()) {
      this.#crashes += 1
      network.restarted(service)
      await this.#run.variant.crash(service)
    }
  }

  async #deliver({ from, to, message }: Delivery<P>): Promise<void> {
    try {
      await this.#run.variant.deliver(to, message, from)
    } catch (error) {
      if (isCrash(error)) return
      this.#failed += 1
      if (this.#failures.length < failuresKeptMax) this.#failures.push({ to, about: message.about, error })
    }
  }

  async #drain(): Promise<void> {
    const { channel, network, plan, time } = this.#run.world
    const stopped = plan.faults.flatMap((fault) => (fault.kind === 'stopped' ? [fault.service] : []))
    const stillStopped = [...new Set(stopped)].filter((service) => network.isStopped(service))
    network.endFaults()
    channel.endFaults()
    for (const service of stillStopped) await this.#start(service)
    for (const fault of [...this.#skews]) await this.#endSkew(fault)
    await this.#restartDead()
    await channel.drainInPlanOrder((delivery) => this.#deliver(delivery))
    await this.#untilQuiet()
    for (let step = 0; step < drainSteps; step++) {
      time.advanceBy(Math.ceil((plan.boundMs + plan.actionMs) / drainSteps))
      await this.#untilQuiet()
    }
  }

  #report({ channel, plan, tally }: World<P>): RunReport {
    const refused = this.#refusedActions.length
    return {
      variant: this.#run.variant.name,
      accepted: this.#run.actions.length - refused,
      refused,
      refusedActions: this.#refusedActions,
      faults: tally.counts(plan),
      messages: channel.counts,
      crashes: this.#crashes,
      failed: this.#failed,
      failures: this.#failures,
    }
  }
}

function isWindow(fault: { readonly kind: string }): fault is WindowFault {
  return fault.kind === 'stopped' || fault.kind === 'partitioned'
}
