/**
 * What a service of the academy is made of, apart from how its facts travel.
 *
 * A service file holds business: its commands, what it does when it hears of a fact, its HTTP API. How a fact leaves a service, how
 * a copy is kept and how two writers of one fact are reconciled are ports; `ports/naive.ts` and `ports/cured.ts` are the two
 * answers, and the only place where the two variants of the academy differ.
 */
import type { Hono } from 'hono'
import type { Entity, EventType, Service } from 'selvedge/contract'
import type { Queryable, Transaction } from 'selvedge/store'

/** The business said no. The HTTP API answers with `status`; nothing was changed. */
export class Refusal extends Error {
  readonly code: string
  readonly status: 404 | 409

  constructor(code: string, message: string, status: 404 | 409 = 409) {
    super(message)
    this.code = code
    this.status = status
  }
}

/** What business code may ask of the world outside its own tables. */
export interface Ports {
  /** Tells the other services of a fact that `tx` is about to commit. */
  publish<D>(tx: Transaction, event: EventType<D>, data: D): Promise<void>
  /** Whether another service has this entity, as far as can be known now; what cannot be known is taken as existing. */
  exists(tx: Queryable, entity: Entity, id: string): Promise<boolean>
  /** Whether this service has already heard that the entity is gone for good. */
  isGone(tx: Queryable, entity: Entity, id: string): Promise<boolean>
  /** Changes a fact that another service may change as well; false when the standing decision is the stronger one. */
  decide(tx: Transaction, fact: SharedFact, decision: Decision): Promise<boolean>
}

/** A table in this service with some fields of an entity that another service owns. */
export interface Copy {
  readonly of: Entity
  readonly table: string
  readonly key: string
  /** Column of the copy → field of the owner's events. */
  readonly columns: Readonly<Record<string, string>>
  /** The owner's events that carry the whole state of the entity. */
  readonly from: readonly EventType<never>[]
  /** The owner's event that ends the entity. */
  readonly ended: EventType<never>
}

/** Who decided what, and in which request of the platform (requests are numbered at the door, in the order they came in). */
export interface Decision {
  readonly userId: string
  readonly value: string
  readonly changedBy: string
  readonly changedAction: number
}

/** A fact with two writers: each service holds it in `table (user_id, value, changed_by, changed_action)`. */
export interface SharedFact {
  readonly name: string
  readonly table: string
  /** The event this service publishes, and the one it hears from the other writer. */
  readonly mine: EventType<Decision>
  readonly theirs: EventType<Decision>
  /** A rule of the business about who counts more; undefined leaves it to which change is newer. */
  readonly outranks?: (one: Decision, other: Decision) => boolean
  /** Whether a decision about this learner may still be kept here. */
  readonly mayKeep: (tx: Queryable, ports: Ports, userId: string) => Promise<boolean>
}

/** What a service does when it hears of a fact. */
export interface Reaction<D = never> {
  readonly event: EventType<D>
  readonly react: (tx: Transaction, ports: Ports, data: D) => Promise<void>
}

/** Declares a reaction, with the type of the payload taken from the event. */
export function when<D>(
  event: EventType<D>,
  react: (tx: Transaction, ports: Ports, data: D) => Promise<void>,
): Reaction {
  return { event, react } as unknown as Reaction
}

/** Runs business code in one transaction of the service's own database. */
export type Run = <T>(work: (tx: Transaction, ports: Ports) => Promise<T>) => Promise<T>

/** One service of the academy. */
export interface AcademyService {
  readonly contract: Service
  /** The DDL of the service's own database. */
  readonly tables: string
  readonly copies: readonly Copy[]
  readonly facts: readonly SharedFact[]
  readonly reactions: readonly Reaction[]
  readonly api: (run: Run) => Hono
}

/** Declares a copy; the events may carry any payload, the columns say which of its fields are kept. */
export function copyOf(copy: {
  of: Entity
  table: string
  key: string
  columns: Readonly<Record<string, string>>
  from: readonly unknown[]
  ended: unknown
}): Copy {
  return copy as Copy
}
