/**
 * How facts travel in the cured academy: through Selvedge.
 *
 * A change and its event commit together (outbox). What others say takes effect once, in the order of each stream (inbox). Copies are
 * replicas of their owner, facts with two writers are replicas with a conflict policy, and a deletion is remembered, so that what
 * comes late finds out that it came too late.
 */
import type { Entity, EventType } from 'selvedge/contract'
import { type Consumer, consumer, on } from 'selvedge/inbox'
import { publish } from 'selvedge/outbox'
import {
  type ConflictPolicy,
  lastWriterWins,
  mapped,
  ownerWins,
  type Replica,
  replica,
  replicaMigrations,
} from 'selvedge/replica'
import type { Database, MigrationSet, Queryable, Transaction } from 'selvedge/store'
import type { AcademyService, Copy, Decision, Ports, Run, SharedFact } from '../domain.ts'
import { bound } from '../setting.ts'
import type { UserContract } from '../user/contract.ts'

/** A service of the cured academy: its business over its ports, and what `defineService` is given. */
export interface CuredNode {
  readonly run: Run
  readonly consumers: readonly Consumer[]
  /** Looks at the tables of all replicas, so that a wrong declaration fails at the start. */
  prepare(): Promise<void>
}

/** The event as a consumer of the inbox sees it. */
type Heard = Parameters<Parameters<typeof on>[1]>[1]

/** What the library and this port keep beside the service's own tables. */
export const curedMigrations: readonly MigrationSet[] = [replicaMigrations]

/** Makes the service's tables, and the one in which its port remembers who is gone. */
export async function prepareCured(service: AcademyService, db: Database): Promise<void> {
  await db.query(service.tables)
  await db.query('create table gone (entity text, id text, primary key (entity, id))')
}

/** A service of the cured academy that has learnt the given version of the user contract. */
export function curedNode(service: AcademyService, user: UserContract, db: Database): CuredNode {
  const copies = service.copies.map((copy) => ({ copy, kept: copyReplica(copy, service) }))
  const facts = service.facts.map((fact) => ({ fact, kept: factReplica(fact, service, user) }))
  const ports: Ports = {
    publish: async (tx, event, data) => {
      for (const { kept } of facts) await followOwnEntity(tx, kept, event as EventType, data)
      await publish(tx, event, data)
    },
    // The copy is asked, not the owner: a learner who enrolls must not wait for another service. What is not known may be on its way.
    exists: async (tx, entity, id) => !(await isGone(tx, entity, id)),
    isGone,
    decide: async (tx, fact, decision) => {
      const kept = facts.find((one) => one.fact.name === fact.name)?.kept
      if (!kept) throw new Error(`${service.contract.name} does not hold ${fact.name}.`)
      const standing = await standingOf(tx, fact, decision.userId)
      if (standing && fact.outranks?.(standing, decision)) return false
      const { value, changedBy, changedAction } = decision
      const { headers } = await kept.change(tx, decision.userId, { value, changedBy, changedAction })
      await publish(tx, fact.mine, decision, { headers })
      return true
    },
  }

  /** What happens when an event arrives: copies first, then the memory of who is gone, then the business. */
  const hear = async (tx: Transaction, event: Heard): Promise<void> => {
    const says = (one: { readonly service: string; readonly name: string }) =>
      one.service === event.source && one.name === event.type
    for (const { copy, kept } of copies) if ([...copy.from, copy.ended].some(says)) await kept.apply(tx, event)
    if (event.op === 'tombstone') await rememberGone(tx, event.stream)
    for (const { fact, kept } of facts) {
      if (!kept.events.some(says)) continue
      if (says(fact.theirs) && !(await fact.mayKeep(tx, ports, (event.data as Decision).userId))) continue
      await kept.apply(tx, event)
    }
    for (const reaction of service.reactions)
      if (says(reaction.event)) await reaction.react(tx, ports, event.data as never)
  }

  return {
    run: (work) => db.transaction((tx) => work(tx, ports)),
    consumers: consumersOf(
      service,
      facts.flatMap(({ kept }) => kept.events),
      hear,
    ),
    prepare: async () => {
      for (const { kept } of [...copies, ...facts]) await kept.prepare(db)
    },
  }
}

/** One consumer for each owner that the service hears, under the service's own name. */
function consumersOf(
  service: AcademyService,
  more: readonly EventType[],
  hear: (tx: Transaction, event: Heard) => Promise<void>,
): Consumer[] {
  const all = [
    ...service.copies.flatMap((copy) => [...copy.from, copy.ended]),
    ...service.facts.map((fact) => fact.theirs),
    ...service.reactions.map((reaction) => reaction.event),
    ...more,
  ] as readonly EventType[]
  const owners = [...new Set(all.map((event) => event.service))]
  return owners.map((owner) => {
    const events = new Map(all.filter((event) => event.service === owner).map((event) => [event.name, event]))
    return consumer(service.contract.name, {
      from: { name: owner },
      handlers: [...events.values()].map((event) => on(event, hear as Parameters<typeof on>[1])),
    })
  })
}

/** A copy with one owner, whose word stands in every field. */
function copyReplica(copy: Copy, service: AcademyService): Replica {
  const fields = Object.values(copy.columns)
  return replica(copy.of as Entity<unknown, string, string>, {
    name: copy.table,
    // The position that speaks for the copy is that of the consumer which fills it.
    consumer: service.contract.name,
    table: copy.table,
    key: copy.key,
    keep: fields,
    columns: Object.fromEntries(Object.entries(copy.columns).map(([column, field]) => [field, column])),
    conflict: Object.fromEntries(fields.map((field) => [field, ownerWins])),
    from: [...copy.from, copy.ended],
    // What hangs on the copied row is the business of the service's reactions; the copy itself goes with its owner's row.
    onDelete: 'cascade',
    freshWithin: bound,
  })
}

/** The learner's own service is the one whose candidate counts more; among equals the later change stands. */
const learnerFirst: ConflictPolicy<unknown> = (mine, theirs) =>
  mine.service === 'progress' && theirs.service !== 'progress' ? mine : theirs

/**
 * A fact with two writers, as three fields of the learner: a decision exists as long as its learner does. The three travel together,
 * so they have one policy.
 */
function factReplica(fact: SharedFact, service: AcademyService, user: UserContract): Replica {
  const policy = fact.outranks ? learnerFirst : lastWriterWins
  const owns = service.contract.name === user.User.service
  const lives = [user.UserRegistered, user.UserDeleted] as readonly EventType<{
    userId: string
  }>[]
  return replica(user.User as unknown as Entity<unknown, string, string>, {
    name: fact.table,
    consumer: service.contract.name,
    table: fact.table,
    key: 'user_id',
    keep: ['value', 'changedBy', 'changedAction'],
    columns: { changedBy: 'changed_by', changedAction: 'changed_action' },
    conflict: { value: policy, changedBy: policy, changedAction: policy },
    from: [
      // That the learner is there, or is not, has one writer; its order is that of the stream.
      ...(owns
        ? []
        : lives.map((event) =>
            mapped(event, ({ userId }, { version }) => ({ key: userId, fields: {}, counter: version })),
          )),
      mapped(fact.theirs, ({ userId, value, changedBy, changedAction }) => ({
        key: userId,
        fields: { value, changedBy, changedAction },
      })),
    ],
    writer: service.contract,
    onDelete: 'cascade',
    freshWithin: bound,
  })
}

/** The owner of the learner tells its own replica when a learner comes and goes. */
async function followOwnEntity(tx: Transaction, kept: Replica, event: EventType, data: unknown): Promise<void> {
  if (kept.entity.service !== event.service || event.about?.name !== kept.entity.name) return
  const key = String((data as Record<string, unknown>)[kept.entity.key])
  if (event.op === 'tombstone') await kept.remove(tx, key)
  else if (event.op === 'state') await kept.change(tx, key, {})
}

async function isGone(tx: Queryable, entity: Entity, id: string): Promise<boolean> {
  return (await tx.query('select 1 from gone where entity = $1 and id = $2', [entity.name, id])).rowCount > 0
}

async function rememberGone(tx: Transaction, stream: string): Promise<void> {
  const [entity, ...id] = stream.split('/')
  await tx.query('insert into gone (entity, id) values ($1, $2) on conflict do nothing', [entity, id.join('/')])
}

async function standingOf(tx: Transaction, fact: SharedFact, userId: string): Promise<Decision | undefined> {
  const { rows } = await tx.query<Decision>(
    `select user_id as "userId", value, changed_by as "changedBy", changed_action as "changedAction"
     from ${fact.table} where user_id = $1 and value is not null for update`,
    [userId],
  )
  return rows[0]
}
