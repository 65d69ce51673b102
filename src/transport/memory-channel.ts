/**
 * A channel in the memory of one process: for tests, and the measure of what a broker adds. Keeps the order of sending,
 * delivers once, and again only when a handler rejects. What it holds is gone with the process.
 *
 *     sent --> waiting in the subscriber's buffer --handler resolves--> forgotten
 *                                              \--handler rejects--> waiting, first in line, after a pause
 */
import { defect, type Scheduler, type Task, transient } from '../base/base.ts'
import type { Channel, Handler, Packet, Subscription } from './transport.ts'

/** The limits of a channel in memory. */
export interface MemoryChannelOptions {
  /** Packets that wait for one subscriber at most. Default 10,000: some seconds of a busy source, a few megabytes. */
  readonly waitingMax?: number
  /** Packets handed over in one call. Default 256, as many as a consumer applies in one transaction. */
  readonly batchMax?: number
}

interface Subscriber {
  readonly waiting: Packet[]
  task: Task | undefined
}

const waitingMaxDefault = 10_000
const batchMaxDefault = 256

/**
 * A new channel in memory whose deliveries are tasks of `scheduler`.
 *
 * @example
 * const channel = memoryChannel(scheduler)
 * const subscription = await channel.subscribe('progress', async (packets) => inbox.take(packets))
 * await channel.send(events.map(toMessage))
 */
export function memoryChannel(scheduler: Scheduler, options: MemoryChannelOptions = {}): Channel {
  return new MemoryChannel(scheduler, options)
}

class MemoryChannel implements Channel {
  readonly #scheduler: Scheduler
  readonly #waitingMax: number
  readonly #batchMax: number
  readonly #subscribers = new Map<string, Subscriber>()
  #isClosed = false

  constructor(scheduler: Scheduler, options: MemoryChannelOptions) {
    this.#scheduler = scheduler
    this.#waitingMax = options.waitingMax ?? waitingMaxDefault
    this.#batchMax = options.batchMax ?? batchMaxDefault
  }

  async send(packets: readonly Packet[]): Promise<void> {
    this.#assertOpen()
    // All or nothing, so that a sender who repeats does not send some of them twice.
    for (const [name, { waiting }] of this.#subscribers) {
      if (waiting.length + packets.length <= this.#waitingMax) continue
      const help = 'Send again when the subscriber has caught up; the log keeps what was not sent.'
      const values = { subscriber: name, waiting: waiting.length, waitingMax: this.#waitingMax }
      throw transient('transport/full', `The buffer of ${name} is full.`, help, values)
    }
    for (const subscriber of this.#subscribers.values()) {
      subscriber.waiting.push(...packets)
      subscriber.task?.wake()
    }
  }

  async subscribe(name: string, handler: Handler): Promise<Subscription> {
    this.#assertOpen()
    const subscriber = this.#subscribers.get(name) ?? { waiting: [], task: undefined }
    this.#subscribers.set(name, subscriber)
    await subscriber.task?.stop()
    const task = this.#scheduler.task(`deliver to ${name}`, () => this.#deliver(subscriber, handler))
    subscriber.task = task
    return { stop: () => task.stop() }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#subscribers.values()].map(({ task }) => task?.stop()))
    this.#subscribers.clear()
  }

  async #deliver({ waiting }: Subscriber, handler: Handler): Promise<0 | 'idle'> {
    const batch = waiting.slice(0, this.#batchMax)
    if (batch.length === 0) return 'idle'
    await handler(batch)
    waiting.splice(0, batch.length)
    return waiting.length === 0 ? 'idle' : 0
  }

  #assertOpen(): void {
    if (!this.#isClosed) return
    const help = 'Open a new channel.'
    throw defect('transport/closed', 'The channel has been closed.', help)
  }
}
