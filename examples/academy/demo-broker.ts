/**
 * The broker of the naive academy in the demo: in memory, in order, a few milliseconds late, and as honest as a broker is that
 * delivers at most once. What is sent to a stopped service is refused; what is lost is lost.
 */
import type { DemoSurroundings } from './demo-surroundings.ts'

/** Receives a message. */
type Receive = (message: string) => Promise<void>

/** Messages that wait for one subscriber; what comes on top of them is lost, as with any bounded queue. */
const waitingMax = 1_000

interface Subscriber {
  readonly name: string
  readonly receive: Receive
  waiting: number
  last: Promise<void>
}

/** What went through. */
export interface BrokerCounts {
  sent: number
  delivered: number
  lost: number
  refused: number
}

/** A broker in memory. */
export class DemoBroker {
  readonly counts: BrokerCounts = { sent: 0, delivered: 0, lost: 0, refused: 0 }
  readonly #around: DemoSurroundings
  readonly #subscribers = new Map<string, Subscriber[]>()
  readonly #stopped = new Set<string>()
  #losing: { readonly to: string; readonly types: readonly string[]; readonly done: (type: string) => void }[] = []

  constructor(around: DemoSurroundings) {
    this.#around = around
  }

  subscribe(
    name: string,
    events: readonly { readonly service: string; readonly name: string }[],
    receive: Receive,
  ): void {
    const subscriber = { name, receive, waiting: 0, last: Promise.resolve() }
    for (const event of events) {
      const topic = `${event.service}/${event.name}`
      this.#subscribers.set(topic, [...(this.#subscribers.get(topic) ?? []), subscriber])
    }
  }

  stop(name: string): void {
    this.#stopped.add(name)
  }

  start(name: string): void {
    this.#stopped.delete(name)
  }

  isStopped(name: string): boolean {
    return this.#stopped.has(name)
  }

  /** Loses the next message of one of these types to a subscriber, and says so when it has. */
  loseNext(to: string, types: readonly string[], done: (type: string) => void): void {
    this.#losing.push({ to, types, done })
  }

  publish(service: string, type: string, message: string): void {
    for (const subscriber of this.#subscribers.get(`${service}/${type}`) ?? []) {
      this.counts.sent += 1
      const fault = this.#losing.find(({ to, types }) => to === subscriber.name && types.includes(type))
      if (fault) {
        this.#losing = this.#losing.filter((other) => other !== fault)
        this.counts.lost += 1
        fault.done(type)
      } else if (this.#stopped.has(subscriber.name) || subscriber.waiting >= waitingMax) this.counts.refused += 1
      else this.#deliver(subscriber, message)
    }
  }

  #deliver(subscriber: Subscriber, message: string): void {
    subscriber.waiting += 1
    subscriber.last = subscriber.last.then(async () => {
      await this.#around.scheduler.sleep(1 + this.#around.random.int(20))
      try {
        await subscriber.receive(message)
        this.counts.delivered += 1
      } catch {
        // A handler that fails has had its message: this is what "at most once" means.
        this.counts.lost += 1
      } finally {
        subscriber.waiting -= 1
      }
    })
  }
}
