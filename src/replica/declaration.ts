/** What a replica is declared as, checked once: everything the SQL and the merging need to know, and nothing of a database. */
import { type Duration, seconds } from '../base/duration.ts'
import { refused } from '../base/error.ts'
import type { Entity, EventType, Service } from '../contract/contract.ts'
import type { LoggedEvent } from '../log/event.ts'
import { type AnyPolicy, type ConflictPolicy, dependsOnOrder, ownerWins } from './conflict.ts'

/** The fields of an entity that can be kept: all but its key, which is always kept. */
export type KeepableField<T, Key extends string> = unknown extends T ? string : Exclude<keyof T & string, Key>
/** The type of one field; of an entity whose schema says nothing, unknown. */
export type FieldType<T, Field extends string> = Field extends keyof T ? T[Field] : unknown

/**
 * What becomes of the copy of a row that its owner deletes.
 *
 * - `cascade`: the copy goes, and with it the rows of the dependants.
 * - `nullify`: the copy goes, and the dependants' references become null.
 * - `tombstone`: the copy stays with its last values, flagged in `tombstoneColumn` where one is named.
 * - `keep`: the copy stays and is a finding, `ownerDeleted`, until somebody resolves it.
 */
export type OnDelete = 'cascade' | 'nullify' | 'tombstone' | 'keep'

/** A table of this service whose `column` refers to the copy. Give the column an index: deletions look it up. */
export interface Dependant {
  readonly table: string
  readonly column: string
}

/** What a mapping makes of an event: which row it changes, and which kept fields. */
export interface Mapping<Fields = Readonly<Record<string, unknown>>> {
  readonly key: string | number
  readonly fields: Fields
  /** The Lamport counter, where the contract carries it in the data instead of the header. */
  readonly counter?: number
  /** Who wrote it within the service, such as `person` or `recommendation`: candidates are kept for each. */
  readonly writer?: string
}

/** An event with a mapping of its own, for one that names its fields differently or belongs to another entity. */
export interface MappedEvent<Fields = unknown> {
  readonly kind: 'mapped-event'
  readonly event: EventType
  map(data: unknown, event: LoggedEvent): Mapping<Fields> | undefined
}

/**
 * Says how an event changes the copy; `undefined` says that this one does not.
 *
 * @example
 * from: [UserRegistered, mapped(PreferenceChosen, (data) => ({ key: data.learnerId, fields: { marketing: data.optIn } }))]
 */
export function mapped<D, Fields extends Readonly<Record<string, unknown>>>(
  event: EventType<D>,
  map: (data: D, event: LoggedEvent<D>) => Mapping<Fields> | undefined,
): MappedEvent<Fields> {
  return {
    kind: 'mapped-event',
    event: event as EventType,
    map: (data, logged) => map(data as D, logged as LoggedEvent<D>),
  }
}

/** What `replica` takes beside the entity. */
export interface ReplicaOptions<T, Key extends string, Field extends KeepableField<T, Key>> {
  /** The fields to copy. An empty list keeps the fact that the row exists. */
  readonly keep: readonly Field[]
  /** One policy per kept field. */
  readonly conflict: { readonly [F in Field]: ConflictPolicy<FieldType<T, F>> }
  /**
   * The events that change the copy. A bare event is about the entity and carries kept fields under their own names;
   * for anything else there is `mapped`.
   */
  readonly from: readonly (EventType | MappedEvent<{ readonly [F in Field]?: FieldType<T, F> | null | undefined }>)[]
  /** How old the copy may be before its readers are told. */
  readonly freshWithin: Duration
  /** The user's own table. Default: the entity's name in snake case and `_copy`. */
  readonly table?: string
  /** The column of the key. Default: the key field of the entity. */
  readonly key?: string
  /** Columns whose names differ from the fields'. */
  readonly columns?: { readonly [F in Field]?: string }
  /** Default: `keep`, since a deletion that nobody decided about should not delete. */
  readonly onDelete?: OnDelete
  readonly dependants?: readonly Dependant[]
  /** A boolean column that is true while the owner has deleted the row; for `tombstone` and `keep`. */
  readonly tombstoneColumn?: string
  /** This service, when it writes the copied fields too, through `change`. */
  readonly writer?: Service
  /** Names the bookkeeping rows; default: the table. Two replicas of one database need two names. */
  readonly name?: string
  /** The consumer that feeds the copy; default: `service.name`, since an owner knows its consumers by name alone. */
  readonly consumer?: string
}

/** One kept field. */
export interface KeptField {
  readonly field: string
  readonly column: string
  readonly policy: AnyPolicy
}

/** A replica as declared and checked. */
export interface Declaration {
  readonly name: string
  readonly consumer: string | undefined
  readonly entity: Entity
  readonly table: string
  readonly keyColumn: string
  readonly fields: readonly KeptField[]
  readonly keep: readonly string[]
  readonly policies: Readonly<Record<string, AnyPolicy>>
  /** True when only the owner's word counts: then versions decide and no candidates are kept. */
  readonly isOwnerOnly: boolean
  /** True when candidates of different services are compared: then each change needs a counter. */
  readonly needsCounters: boolean
  readonly onDelete: OnDelete
  readonly keepsDeleted: boolean
  readonly dependants: readonly Dependant[]
  readonly tombstoneColumn: string | undefined
  readonly writer: string | undefined
  readonly freshWithin: Duration
  /** By `service/event`. */
  readonly sources: ReadonlyMap<string, EventType | MappedEvent>
}

/** The declaration of a replica from its options. @throws Refused `replica/…` with the field or event at fault. */
export function declare<T, Key extends string, Field extends KeepableField<T, Key>>(
  entity: Entity<T, string, Key>,
  options: ReplicaOptions<T, Key, Field>,
): Declaration {
  const table = options.table ?? `${snakeCase(entity.name)}_copy`
  const policies = options.conflict as Readonly<Record<string, AnyPolicy>>
  const columns: Readonly<Record<string, string | undefined>> = options.columns ?? {}
  const keep: readonly string[] = options.keep
  const fields = keep.map((field): KeptField => {
    const policy = policies[field]
    if (policy === undefined || !Object.hasOwn(policies, field)) throw noPolicy(entity, field)
    return { field, column: columns[field] ?? field, policy }
  })
  const sources = sourcesOf(options.from as readonly (EventType | MappedEvent)[], entity)
  const services = new Set([...sources.values()].map((source) => eventOf(source).service))
  if (options.writer !== undefined) services.add(options.writer.name)
  const onDelete = options.onDelete ?? 'keep'
  const declaration: Declaration = {
    name: options.name ?? table,
    consumer: options.consumer,
    entity: entity as unknown as Entity,
    table,
    keyColumn: options.key ?? entity.key,
    fields,
    keep,
    policies: Object.fromEntries(fields.map(({ field, policy }) => [field, policy])),
    isOwnerOnly: options.writer === undefined && fields.every(({ policy }) => policy === ownerWins),
    needsCounters: services.size > 1 && fields.some(({ policy }) => dependsOnOrder(policy)),
    onDelete,
    keepsDeleted: onDelete === 'tombstone' || onDelete === 'keep',
    dependants: options.dependants ?? [],
    tombstoneColumn: options.tombstoneColumn,
    writer: options.writer?.name,
    freshWithin: options.freshWithin ?? seconds(5),
    sources,
  }
  checkDeclaration(declaration)
  return declaration
}

/** The event type behind a source. */
export function eventOf(source: EventType | MappedEvent): EventType {
  return source.kind === 'mapped-event' ? source.event : source
}

function sourcesOf(from: readonly (EventType | MappedEvent)[], entity: Pick<Entity, 'name' | 'service'>) {
  const sources = new Map<string, EventType | MappedEvent>()
  for (const source of from) {
    const event = eventOf(source)
    const isAbout = event.about?.name === entity.name && event.about.service === entity.service
    if (source.kind === 'event' && !isAbout)
      throw refused(
        'replica/unmapped-event',
        `${event.service}.${event.name} is not about ${entity.name}, so nothing says which row it changes.`,
        `Say it: mapped(${event.name}, (data) => ({ key: data.…, fields: { … } })).`,
        { event: event.name, entity: entity.name },
      )
    sources.set(`${event.service}/${event.name}`, source)
  }
  return sources
}

function checkDeclaration(declaration: Declaration): void {
  checkSources(declaration)
  const { name, onDelete, dependants, keepsDeleted, tombstoneColumn } = declaration
  const fits = dependants.length > 0 ? onDelete === 'cascade' || onDelete === 'nullify' : onDelete !== 'nullify'
  if (!fits)
    throw refused(
      'replica/dependants',
      `Replica ${name} says onDelete: '${onDelete}' ${dependants.length === 0 ? 'without' : 'with'} dependants.`,
      "Name dependants for 'nullify' and 'cascade' only; the other two leave every row where it is.",
      { replica: name, onDelete },
    )
  if (tombstoneColumn !== undefined && !keepsDeleted)
    throw refused(
      'replica/tombstone-column',
      `Replica ${name} has a tombstoneColumn, and onDelete: '${onDelete}' leaves no row to flag.`,
      "Say onDelete: 'tombstone' or 'keep', or leave the column out.",
      { replica: name, onDelete },
    )
}

function checkSources({ name, entity, sources, isOwnerOnly, writer }: Declaration): void {
  if (sources.size === 0)
    throw refused(
      'replica/no-source',
      `Replica ${name} of ${entity.name} has no event to learn from.`,
      `Name the events that change it: from: [${entity.name}Registered, …].`,
      { replica: name },
    )
  for (const source of sources.values()) {
    const { service, about, name: event } = eventOf(source)
    if (isOwnerOnly && (service !== entity.service || about?.name !== entity.name))
      throw refused(
        'replica/unheard-source',
        `${service}.${event} can never change replica ${name}: it is outside the stream of ${entity.name}, and in every field the owner wins.`,
        'Remove the event, or give the fields it may change another policy.',
        { replica: name, event },
      )
    if (writer !== undefined && service === writer)
      throw refused(
        'replica/own-event',
        `Replica ${name} would hear ${service}.${event}, which this service says itself through change().`,
        'Remove the event: what is changed here is in the copy before it is published.',
        { replica: name, event },
      )
  }
}

function noPolicy(entity: Pick<Entity, 'name'>, field: string) {
  return refused(
    'replica/no-policy',
    `The kept field ${entity.name}.${field} has no conflict policy.`,
    `Give it one: conflict: { ${field}: ownerWins }.`,
    { entity: entity.name, field },
  )
}

function snakeCase(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toLowerCase()
}
