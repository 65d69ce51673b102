/**
 * A copy of another service's entity, in a table of your own, that says how old it is and what becomes of conflicts.
 *
 * ```ts
 * export const userCopy = replica(User, {
 *   keep: ['name', 'email'],
 *   conflict: { name: ownerWins, email: ownerWins },
 *   from: [UserRegistered, EmailChanged, UserDeleted],
 *   freshWithin: seconds(5),
 *   table: 'user_copy',
 * })
 * ```
 */
import type { Entity, EventType } from '../contract/contract.ts'
import { type Consumer, consumer, type FromSnapshot, onErased, onMany } from '../inbox/inbox.ts'
import type { LoggedEvent } from '../log/event.ts'
import { metrics } from '../observe/metrics.ts'
import type { Database, Transaction } from '../store/database.ts'
import { applyChanges, binder } from './binding.ts'
import { changeOf, streamName, withdrawal } from './change.ts'
import type { Change } from './conflict-state.ts'
import type { Declaration, FieldType, KeepableField, ReplicaOptions } from './declaration.ts'
import { declare, eventOf } from './declaration.ts'
import type { Conflict, Finding, Resolved } from './findings.ts'
import { forgetConflicts, keysOfSource, readConflicts, readFindings, resolveDeleted } from './findings.ts'
import { type Freshness, type Reader, readCopies } from './freshness.ts'
import { type LocalChanges, localChanges } from './local-change.ts'
import { fromOwner, type Refreshing, refreshes } from './refresh.ts'

export { batchRowsMax } from './binding.ts'
export { type Cut, counterHeader, type SnapshotRow } from './change.ts'
export type { Candidate, ConflictPolicy, Ordered } from './conflict.ts'
export { counter, lastWriterWins, max, mergeSets, min, ownerWins } from './conflict.ts'
export type { Declaration, Dependant, MappedEvent, Mapping, OnDelete, ReplicaOptions } from './declaration.ts'
export { mapped } from './declaration.ts'
export type { Conflict, Finding, Resolved } from './findings.ts'
export type { Freshness, Reader } from './freshness.ts'
export type { LocalChanges, Stamp } from './local-change.ts'
export { replicaMigrations } from './migrations.ts'
export type { Refreshing } from './refresh.ts'
export { type Adoption, type Difference, differencesMax, type Refresh } from './snapshot.ts'

/** A copied row: the kept fields, and how old they are. Fields that nobody has told yet are null. */
export type Copy<Fields> = Fields & { readonly freshness: Freshness }

/** A declared copy. All methods work on the copying service's database. */
export interface Replica<Fields = Readonly<Record<string, unknown>>> extends LocalChanges<Fields>, Refreshing {
  readonly kind: 'replica'
  readonly name: string
  readonly entity: Entity
  readonly declaration: Declaration
  /** The events that change it, of all services. */
  readonly events: readonly EventType[]

  /** Looks at the table and registers the replica; `apply` does so too, but a start is the better moment to fail. */
  prepare(db: Reader): Promise<void>
  /** One consumer per service that the replica hears; the owner's restarts from the owner's rows by itself. `service` is who copies. */
  consumers(db: Database, service?: string): readonly Consumer[]
  /** Applies one event; any order and any duplication of the same events gives the same rows. */
  apply(tx: Transaction, event: LoggedEvent): Promise<void>
  /** Applies a batch: two statements in one flight per `batchRowsMax` events. */
  applyMany(tx: Transaction, events: readonly LoggedEvent[]): Promise<void>

  /** The rows with these keys, by key; answers while the owner is down. */
  getMany(db: Reader, keys: readonly (string | number)[]): Promise<ReadonlyMap<string, Copy<Fields>>>
  /** The row with this key, or undefined when the copy has none. */
  get(db: Reader, key: string | number): Promise<Copy<Fields> | undefined>
  /** Says that the owner was asked at `at` and had nothing more; in memory, so an idle service writes nothing. */
  heard(at: Date): void

  /** Values that lost, newest first. */
  conflicts(
    db: Reader,
    options?: { readonly key?: string | number; readonly most?: number },
  ): Promise<readonly Conflict[]>
  /** Drops what the conflict log holds from before `before`; gives back how many. */
  forgetConflicts(tx: Transaction, before: Date): Promise<number>
  /** Rows kept after their owner deleted them and not resolved, and rows held back for lack of a required field. */
  findings(db: Reader, options?: { readonly most?: number }): Promise<readonly Finding[]>
  /** Resolves a row that was kept: `remove` deletes it, `keep` accepts it. */
  resolve(tx: Transaction, key: string | number, resolved: Resolved): Promise<boolean>
}

/**
 * Declares a replica.
 *
 * @throws Refused `replica/no-policy`, `replica/no-source`, `replica/unmapped-event`, `replica/unheard-source`,
 *   `replica/own-event`, `replica/dependants`, `replica/tombstone-column`.
 */
export function replica<T, Key extends string, const Field extends KeepableField<T, Key>>(
  entity: Entity<T, string, Key>,
  options: ReplicaOptions<T, Key, Field>,
): Replica<{ readonly [F in Field]: FieldType<T, F> }> {
  return bindReplica(declare(entity, options))
}

function bindReplica<Fields>(declaration: Declaration): Replica<Fields> {
  let consumerName = declaration.consumer
  const bind = binder(declaration, () => consumerName)
  const { name, entity } = declaration
  let heardAt: Date | undefined
  const heard = (at: Date): void => {
    heardAt = at
  }

  const applyMany = async (tx: Transaction, events: readonly LoggedEvent[]): Promise<void> => {
    const bound = await bind(tx)
    const changes: Change[] = []
    for (const event of events) {
      const change = changeOf(event, declaration)
      if (change !== undefined) changes.push(change)
      else if (event.op === 'erase' && !declaration.isOwnerOnly) {
        const keys = await keysOfSource(tx, bound, streamName(event, false))
        changes.push(...keys.map((key) => withdrawal(event, key, declaration)))
      }
    }
    if (changes.length === 0) return
    await applyChanges(tx, bound, changes)
    const oldest = Math.min(...changes.map(({ at }) => at.getTime()))
    tx.afterCommit(() => {
      const staleness = Math.max(0, tx.clock.now().getTime() - oldest) / 1_000
      metrics.replicaStaleness.record(staleness, { replica: name })
    })
  }
  const getMany: Replica<Fields>['getMany'] = async (db, keys) => {
    const { shape } = await bind(db)
    const copies = await readCopies(db, declaration, shape, { keys: keys.map(String), heardAt })
    return copies as ReadonlyMap<string, Copy<Fields>>
  }
  const refreshing = refreshes(declaration, bind)
  return Object.freeze({
    kind: 'replica',
    name,
    entity,
    declaration,
    events: [...declaration.sources.values()].map(eventOf),
    prepare: async (db) => void (await bind(db)),
    apply: (tx, event) => applyMany(tx, [event]),
    applyMany,
    ...localChanges(declaration, bind),
    getMany,
    get: async (db, key) => (await getMany(db, [key])).get(String(key)),
    heard,
    ...refreshing,
    consumers: (db, service) => {
      consumerName = declaration.consumer ?? (service === undefined ? name : `${service}.${name}`)
      const owners = { fromSnapshot: fromOwner(declaration, db, refreshing), caughtUp: heard }
      return consumersOf(declaration, { name: consumerName, applyMany, owners })
    },
    conflicts: async (db, options) => readConflicts(db, await bind(db), options ?? {}),
    forgetConflicts: async (tx, before) => forgetConflicts(tx, await bind(tx), before),
    findings: async (db, options) => readFindings(db, await bind(db), options?.most),
    resolve: async (tx, key, resolved) => resolveDeleted(tx, await bind(tx), String(key), resolved),
  } satisfies Replica<Fields>)
}

interface Feeding extends Pick<Replica, 'name' | 'applyMany'> {
  readonly owners: { readonly fromSnapshot: FromSnapshot; readonly caughtUp: (at: Date) => void }
}

/** A consumer reads one service; the owner's can start late, from the owner's rows. */
function consumersOf({ sources, entity }: Declaration, { name, applyMany, owners }: Feeding): readonly Consumer[] {
  const events = [...sources.values()].map(eventOf)
  const services = new Set(events.map((event) => event.service))
  return [...services].map((service) => {
    const theirs = events.filter((event) => event.service === service)
    return consumer(name, {
      from: { name: service },
      handlers: [onMany(theirs, applyMany), onErased((tx, event) => applyMany(tx, [event]))],
      ...(service === entity.service ? owners : {}),
    })
  })
}
