/**
 * How facts travel in the naive academy: save, then send.
 *
 * This is what the article writes as pseudocode, in TypeScript. A change is saved and then published as
 * `{eventType, version, timestamp, userId, data}`; whoever keeps a copy updates it when it has none or when its own is older than the
 * message. The rule about learners and recommendations is applied where decisions meet. Nothing here is done carelessly on
 * purpose: a save is one transaction, what is handled is handled in one transaction, and times are those of the publisher.
 */
import type { EventType } from 'selvedge/contract'
import type { Database, Transaction } from 'selvedge/store'
import type { AcademyService, Copy, Decision, Ports, Run, SharedFact } from '../domain.ts'

/** What the naive academy needs of a message broker. */
export interface Broker {
  publish(topic: string, message: string): Promise<void>
}

/** What is around a naive service. */
export interface NaiveSurroundings {
  readonly db: Database
  readonly broker: Broker
  /** GET a path of another service; rejects when it cannot be reached. */
  readonly get: (service: string, path: string) => Promise<{ readonly status: number }>
  /** The clock on the wall of this service. */
  readonly now: () => Date
}

/** The message of the article. The id stands outside under the name of the entity's key. */
export interface Envelope {
  readonly eventType: string
  readonly version: string
  readonly timestamp: string
  readonly data: Readonly<Record<string, unknown>>
  readonly [id: string]: unknown
}

/** A running service of the naive academy. */
export interface NaiveNode {
  readonly run: Run
  /** What the subscription calls for each message. */
  receive(message: string): Promise<void>
}

/** What a naive service adds to its tables: when each copy was last updated. */
export async function prepareNaive(service: AcademyService, db: Database): Promise<void> {
  await db.query(service.tables)
  for (const { table } of [...service.copies, ...service.facts])
    await db.query(`alter table ${table} add column last_updated timestamptz`)
}

/** The topic that a service publishes to, as `user-events`. */
export const topicOf = (service: string): string => `${service}-events`

/** A service of the naive academy. */
export function naiveNode(service: AcademyService, around: NaiveSurroundings): NaiveNode {
  const unsent = new WeakMap<Transaction, Envelope[]>()
  const ports: Ports = {
    publish: async (tx, event, data) => {
      unsent.get(tx)?.push(envelopeOf(event, data, around.now()))
    },
    exists: async (_tx, entity, id) => {
      // When the owner cannot be asked the learner is given the benefit of the doubt: being closed would be worse.
      const answer = await around.get(entity.service, `/${entity.service}s/${id}`).catch(() => undefined)
      return answer?.status !== 404
    },
    // A row that was deleted leaves nothing that could be asked.
    isGone: async () => false,
    decide: async (tx, fact, decision) => {
      const standing = await standingOf(tx, fact, decision.userId)
      if (standing && fact.outranks?.(standing, decision)) return false
      await keepDecision(tx, fact, decision, around.now())
      await ports.publish(tx, fact.mine, decision)
      return true
    },
  }

  /** Save, then send: the database has committed when the first message leaves. */
  const run: Run = async (work) => {
    const envelopes: Envelope[] = []
    const result = await around.db.transaction((tx) => {
      unsent.set(tx, envelopes)
      return work(tx, ports)
    })
    for (const envelope of envelopes)
      await around.broker.publish(topicOf(service.contract.name), JSON.stringify(envelope))
    return result
  }

  return {
    run,
    receive: (message) => {
      const envelope = JSON.parse(message) as Envelope
      return run((tx) => handle(service, tx, ports, envelope))
    },
  }
}

function envelopeOf<D>(event: EventType<D>, data: D, at: Date): Envelope {
  const key = event.about?.key ?? 'id'
  const { [key]: id, ...rest } = data as Record<string, unknown>
  return {
    eventType: event.name,
    version: `${event.schemaVersion}.0`,
    timestamp: at.toISOString(),
    [key]: id,
    data: rest,
  }
}

async function handle(service: AcademyService, tx: Transaction, ports: Ports, envelope: Envelope): Promise<void> {
  const { eventType, version: _version, timestamp, data, ...id } = envelope
  const payload: Record<string, unknown> = { ...id, ...data }
  const at = new Date(timestamp)
  for (const copy of service.copies) {
    if (copy.ended.name === eventType)
      await tx.query(`delete from ${copy.table} where ${copy.key} = $1`, Object.values(id))
    if (copy.from.some((event) => event.name === eventType))
      await updateCopy(tx, copy, String(Object.values(id)[0]), payload, at)
  }
  for (const fact of service.facts)
    if (fact.theirs.name === eventType) await hearDecision(tx, ports, fact, payload as unknown as Decision, at)
  for (const { event, react } of service.reactions)
    if (event.name === eventType) await react(tx, ports, payload as never)
}

/** `if (!local || local.lastUpdated < event.timestamp) update(event.data)`, for the columns that the message has. */
async function updateCopy(
  tx: Transaction,
  copy: Copy,
  id: string,
  payload: Record<string, unknown>,
  at: Date,
): Promise<void> {
  const { rows } = await tx.query<{ last_updated: Date }>(
    `select last_updated from ${copy.table} where ${copy.key} = $1`,
    [id],
  )
  const local = rows[0]
  if (local && local.last_updated >= at) return
  const columns = Object.entries(copy.columns).filter(([, field]) => payload[field] !== undefined)
  const names = [copy.key, 'last_updated', ...columns.map(([column]) => column)]
  await tx.query(
    `insert into ${copy.table} (${names.join(', ')}) values (${names.map((_, i) => `$${i + 1}`).join(', ')})
     on conflict (${copy.key}) do update set ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`,
    [id, at, ...columns.map(([, field]) => payload[field])],
  )
}

async function hearDecision(
  tx: Transaction,
  ports: Ports,
  fact: SharedFact,
  decision: Decision,
  at: Date,
): Promise<void> {
  if (!(await fact.mayKeep(tx, ports, decision.userId))) return
  const local = await standingOf(tx, fact, decision.userId)
  if (local && fact.outranks?.(local, decision)) return
  if (!local || fact.outranks?.(decision, local) || local.lastUpdated < at) await keepDecision(tx, fact, decision, at)
}

async function standingOf(
  tx: Transaction,
  fact: SharedFact,
  userId: string,
): Promise<(Decision & { lastUpdated: Date }) | undefined> {
  const { rows } = await tx.query<Decision & { lastUpdated: Date }>(
    `select user_id as "userId", value, changed_by as "changedBy", changed_action as "changedAction", last_updated as "lastUpdated"
     from ${fact.table} where user_id = $1 for update`,
    [userId],
  )
  return rows[0]
}

async function keepDecision(tx: Transaction, fact: SharedFact, decision: Decision, at: Date): Promise<void> {
  await tx.query(
    `insert into ${fact.table} (user_id, value, changed_by, changed_action, last_updated) values ($1, $2, $3, $4, $5)
     on conflict (user_id) do update set value = excluded.value, changed_by = excluded.changed_by,
       changed_action = excluded.changed_action, last_updated = excluded.last_updated`,
    [decision.userId, decision.value, decision.changedBy, decision.changedAction, at],
  )
}
