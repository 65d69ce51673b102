/**
 * The lossy channel: a broker in memory, on whose deliveries the faults of a plan fall. Without faults it delivers each
 * message once to each subscriber, in the order of sending.
 *
 * A delivery - one message to one receiver - goes through these states:
 *
 *     sent --receiver stopped or cut off--> refused
 *     sent --lost--> lost
 *     sent --> ready --> delivered
 *     sent --delayed, reordered--> held --due, overtaken or drained--> ready
 *     sent --duplicated--> ready, and a copy is held
 *
 * A ready or due delivery whose receiver is down waits for it: what the broker has accepted is lost only by a fault.
 */
import { ArmedFaults, type PlannedFault } from './armed-faults.ts'
import type { MessageFault, VersionSkewFault } from './fault.ts'
import type { Network, Obstacle } from './network.ts'
import type { Plan } from './plan.ts'
import { Tally } from './tally.ts'

/** A message as the channel sees it; the payload is none of its business. */
export interface Envelope<P = unknown> {
  /** Equal for every copy and every further attempt of the same message. */
  readonly id: string
  /** The kind of message, in the words of the domain, equal in all variants: `UserProfileUpdated`. */
  readonly about: string
  /** Whose history it belongs to: `User/42`. Order and tail losses are per stream. */
  readonly stream: string
  /** False for punctuation, beats and whatever else says nothing new: faults do not count it. */
  readonly carriesChange: boolean
  /** Given where versions may be skewed. */
  readonly schemaVersion?: number
  readonly payload: P
}

/** One message on its way to one receiver. */
export interface Delivery<P = unknown> {
  readonly from: string
  readonly to: string
  readonly message: Envelope<P>
  /** The place in the order of sending. */
  readonly order: number
}

/** Who took the message and who refused it. A loss shows as taken: the sender cannot know. */
export interface SendOutcome {
  readonly accepted: readonly string[]
  readonly refused: readonly { readonly to: string; readonly because: Obstacle }[]
}

/** What went through the channel, in deliveries. */
export interface ChannelCounts {
  readonly sent: number
  readonly refused: number
  readonly lost: number
  readonly duplicated: number
  readonly delivered: number
}

/** Receives one delivery. What it throws goes to the caller of `deliverDue`; the delivery counts as made. */
export type Receive<P> = (delivery: Delivery<P>) => Promise<void>

interface Held<P> {
  readonly delivery: Delivery<P>
  readonly place: number
  readonly isReordered: boolean
  /** The action at which it is due; undefined: when the faults end. */
  readonly dueAction: number | undefined
}

/** A broker in memory with the faults of a plan. */
export class LossyChannel<P = unknown> {
  readonly #network: Network
  readonly #tally: Tally
  readonly #armed: ArmedFaults
  readonly #skews: readonly VersionSkewFault[]
  readonly #subscribers = new Map<string, string[]>()
  /** Receiver and stream of which nothing arrives any more. */
  readonly #lostTails = new Set<string>()
  /** Sender and receiver between which the next message without a change is lost as well. */
  readonly #lostWords = new Set<string>()
  #ready: Delivery<P>[] = []
  #held: Held<P>[] = []
  #action = 0
  #haveFaultsEnded = false
  #order = 0
  readonly #counts = { sent: 0, refused: 0, lost: 0, duplicated: 0, delivered: 0 }

  constructor(plan: Plan, network: Network, tally: Tally = new Tally()) {
    this.#network = network
    this.#tally = tally
    this.#armed = new ArmedFaults(plan)
    this.#skews = plan.faults.filter((fault) => fault.kind === 'version-skew')
  }

  get counts(): ChannelCounts {
    return { ...this.#counts }
  }

  /** How many deliveries wait for their time or their receiver. */
  get waiting(): number {
    return this.#ready.length + this.#held.length
  }

  /** From now on `service` receives what is published to `topic`; twice is the same as once. */
  subscribe(service: string, topic: string): void {
    const services = this.#subscribers.get(topic) ?? []
    if (!services.includes(service)) this.#subscribers.set(topic, [...services, service])
  }

  /** The runner says which action is being performed. */
  beginAction(action: number): void {
    this.#action = action
  }

  /**
   * Sends a message to every subscriber of `topic`, in the order they subscribed.
   *
   * @throws transient `simulate/crashed` when the sender's process dies of it or is dead: then nobody got it.
   * @example
   * channel.publish('user', 'user-events', { id, about: 'UserRegistered', stream: `User/${userId}`, carriesChange: true, payload })
   */
  publish(from: string, topic: string, message: Envelope<P>): SendOutcome {
    this.#dieIfArmed(from, message)
    return outcomeOf((this.#subscribers.get(topic) ?? []).map((to) => ({ to, because: this.#send(from, to, message) })))
  }

  /** Sends a message to one service. Fails as `publish` does. */
  send(from: string, to: string, message: Envelope<P>): SendOutcome {
    this.#dieIfArmed(from, message)
    return outcomeOf([{ to, because: this.#send(from, to, message) }])
  }

  /** Delivers all that is due during this action, and what is sent meanwhile; gives the number of deliveries. */
  async deliverDue(receive: Receive<P>): Promise<number> {
    this.#releaseDue()
    const blocked: Delivery<P>[] = []
    let delivered = 0
    try {
      for (let next = this.#ready.shift(); next !== undefined; next = this.#ready.shift()) {
        if (!this.#network.isReachable(next.to)) {
          blocked.push(next)
          continue
        }
        delivered += 1
        this.#noteDelivery(next)
        await receive(next)
      }
    } finally {
      this.#ready = [...blocked, ...this.#ready]
    }
    return delivered
  }

  /** Ends all faults of messages: nothing more is lost, held or copied. What is held stays held until drained. */
  endFaults(): void {
    this.#haveFaultsEnded = true
    this.#armed.clear()
    this.#lostTails.clear()
    this.#lostWords.clear()
  }

  /** Delivers what is ready and then what is held, in the order in which the plan names the faults that held it. */
  async drainInPlanOrder(receive: Receive<P>): Promise<number> {
    const held = this.#held.toSorted((a, b) => a.place - b.place || a.delivery.order - b.delivery.order)
    this.#held = []
    this.#ready.push(...held.map(({ delivery }) => delivery))
    return this.deliverDue(receive)
  }

  #dieIfArmed(from: string, message: Envelope<P>): void {
    if (message.carriesChange && this.#network.crashIfArmed(from)) this.#tally.hit('crashed', message.id, from)
    this.#network.assertAlive(from)
  }

  #send(from: string, to: string, message: Envelope<P>): Obstacle | undefined {
    const { carriesChange, id } = message
    this.#counts.sent += 1
    const obstacle = this.#network.obstacle(from, to)
    if (obstacle !== undefined) {
      this.#counts.refused += 1
      if (carriesChange) this.#tally.hit(obstacle, id, to)
      return obstacle
    }
    this.#order += 1
    const delivery = { from, to, message, order: this.#order }
    // Punctuation would tell of a loss at once: the first one after a loss shares its fate.
    const isLostWord = !carriesChange && this.#lostWords.delete(wayOf(delivery))
    if (isLostWord || this.#lostTails.has(tailOf(delivery))) this.#lose(delivery)
    else {
      const planned = carriesChange ? this.#armed.take(this.#action, message.about) : undefined
      if (planned === undefined) this.#ready.push(delivery)
      else this.#strike(delivery, planned)
    }
    return undefined
  }

  #strike(delivery: Delivery<P>, planned: PlannedFault): void {
    const { fault } = planned
    if (fault.kind === 'lost') {
      this.#lostWords.add(wayOf(delivery))
      if (fault.tail) this.#lostTails.add(tailOf(delivery))
      this.#lose(delivery)
      return
    }
    if (fault.kind === 'duplicated') {
      this.#counts.duplicated += 1
      this.#ready.push(delivery)
    }
    // A swap hits only when something has overtaken the message, which is known later.
    if (fault.kind !== 'reordered') this.#tally.hit(fault.kind, delivery.message.id, delivery.to)
    this.#hold(delivery, fault, planned.place)
  }

  #lose(delivery: Delivery<P>): void {
    this.#counts.lost += 1
    if (delivery.message.carriesChange) this.#tally.hit('lost', delivery.message.id, delivery.to)
  }

  #hold(delivery: Delivery<P>, fault: MessageFault, place: number): void {
    const dueAction = fault.afterActions === undefined ? undefined : this.#action + fault.afterActions
    this.#held.push({ delivery, place, isReordered: fault.kind === 'reordered', dueAction })
  }

  #releaseDue(): void {
    if (this.#held.length === 0) return
    const isDue = ({ dueAction }: Held<P>) => dueAction !== undefined && dueAction <= this.#action
    const due = this.#held.filter(isDue).sort((a, b) => a.dueAction! - b.dueAction! || a.place - b.place)
    if (due.length === 0) return
    this.#held = this.#held.filter((held) => !isDue(held))
    this.#ready.push(...due.map(({ delivery }) => delivery))
  }

  /** Counts, and lets a message that waited to be overtaken on its stream follow its overtaker. */
  #noteDelivery(delivery: Delivery<P>): void {
    const { message, to } = delivery
    this.#counts.delivered += 1
    if (!message.carriesChange) return
    const isSkewed = this.#skews.some((skew) => this.#isHitBy(skew, delivery))
    if (isSkewed) this.#tally.hit('version-skew', message.id, to)
    const overtaken = this.#held.filter((held) => held.isReordered && isOvertaken(held.delivery, delivery))
    for (const { delivery: late } of overtaken) this.#tally.hit('reordered', late.message.id, to)
    const following = overtaken.filter(({ delivery: late }) => late.message.stream === message.stream)
    if (following.length === 0) return
    this.#held = this.#held.filter((held) => !following.includes(held))
    this.#ready.unshift(...following.map(({ delivery: late }) => late))
  }

  #isHitBy(skew: VersionSkewFault, { to, message }: Delivery<P>): boolean {
    const isOpen = !this.#haveFaultsEnded && skew.at <= this.#action && this.#action < skew.until
    return isOpen && skew.service === to && message.schemaVersion === skew.schemaVersion
  }
}

function isOvertaken(held: Delivery, by: Delivery): boolean {
  return held.to === by.to && held.order < by.order
}

function tailOf({ to, message }: Delivery): string {
  return `${to} ${message.stream}`
}

function wayOf({ from, to }: Delivery): string {
  return `${from} ${to}`
}

function outcomeOf(sends: readonly { readonly to: string; readonly because: Obstacle | undefined }[]): SendOutcome {
  return {
    accepted: sends.filter(({ because }) => because === undefined).map(({ to }) => to),
    refused: sends.flatMap(({ to, because }) => (because === undefined ? [] : [{ to, because }])),
  }
}
