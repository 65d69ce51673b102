/** What a cause of the verdict suite is: what goes wrong, where, and what a check must say of it. */
import type { Verdict } from '../../src/invariant/invariant.ts'
import type { Draw } from './draw.ts'
import { type Fields, type Op, type Sql, type Thing, write } from './things.ts'
import { type Bug, consumerOf, type Happening, type ReaderName, type Target, targets } from './world.ts'

/** What a check says of a key. */
export type Said = Verdict | 'nothing' | 'inconclusive'

/** One thing of which something goes wrong at one copy. */
export interface Case {
  readonly cause: Cause
  readonly target: Target
  readonly draw: Draw
  thing: Thing
  /** What the owner's log says of it now. */
  row: Fields | undefined
  /** What has been told of it, oldest first. */
  readonly told: Op[]
}

/** A statement behind everybody's back. */
export interface Behind {
  readonly at: 'people' | ReaderName
  readonly sql: Sql
}

/** A way of going wrong; what happens to a case stands in the order of time. */
export interface Cause {
  /** How the documentation calls it. */
  readonly title: string
  readonly said: Said
  /** Where it goes wrong; cases take turns. */
  readonly at: readonly Target[]
  /** It is the owner's doing, so every copy shows it. */
  readonly isOwners?: boolean
  /** What is said of the other copies, where something more is wrong at the target. */
  readonly saidElsewhere?: Said
  /** Nothing is told of it before it goes wrong. */
  readonly isNew?: boolean
  /** What the target's consumer, or the one beside it, does wrong from here on, until `after`. */
  readonly bug?: Bug
  readonly bugOf?: (target: Target) => string
  /** The owner's events while it goes wrong. */
  readonly during?: (one: Case) => readonly Omit<Happening, 'thing'>[]
  /** The messages of them are lost, and left out of the counts. */
  readonly isLost?: boolean
  /** A person skips the event that waits. */
  readonly isSkipped?: boolean
  readonly behind?: (one: Case) => readonly Behind[]
  /** Later events, which find everything mended. */
  readonly after?: (one: Case) => readonly Op[]
}

export const replicas = targets.filter(({ by }) => by === 'replica')
export const handlers = targets.filter(({ by }) => by === 'handler')
export const reading = (those: readonly Target[]) => those.filter(({ reader }) => reader === 'reading')
export const hearing = (those: readonly Target[]) => those.filter(({ reader }) => reader === 'hearing')
export const ofPersons = (those: readonly Target[]) => those.filter(({ kind }) => kind.entity === 'Person')

/** New values of some columns, or of all. */
export const change = ({ draw, target }: Case): Op => draw.change(target.kind)
export const save = ({ draw, target }: Case): Op => draw.save(target.kind)
/** New values of all columns of a person, of which the email is none that it had before. */
export const saveWithEmail = ({ draw, target: { kind } }: Case): Op => {
  const fields = draw.fields(kind, Object.keys(kind.columns))
  return { does: 'save', fields: { ...fields, email: `email of ${fields.name}` } }
}
export const remove: Op = { does: 'remove' }
/** New values of some columns, but for the one that a misreading handler gets wrong first. */
export const patchOfOthers = ({ draw, target }: Case): Op => draw.patch(target.kind, ['name', 'price'])

/** The copy's row as somebody writes it who is not the consumer. */
export const written = ({ target, thing }: Case, op: Op): Behind[] => [
  { at: target.reader, sql: write(target.table, thing, op) },
]
/** Some columns of the copy's row are set to what was never told. */
export const rogue = (one: Case): Behind[] => written(one, one.draw.patch(one.target.kind))
/** A new value of one column, always the same: the one that a misreading handler gets wrong first. */
export const changeOfFirst = ({ draw, target: { kind } }: Case): Op => ({
  does: 'patch',
  fields: draw.fields(kind, [kind.entity === 'Person' ? 'name' : 'price']),
})
export const rogueInFirst = (one: Case): Behind[] => written(one, changeOfFirst(one))

/** The copy's row as the backup has it. */
export const putBack = ({ target, thing }: Case): Behind[] => [
  { at: target.reader, sql: { text: `${restored(target)}`, values: thing.key } },
]
/** The row of a replica and the book of it, as the backup has them. */
export const putBackWithBook = ({ target, thing }: Case): Behind[] => {
  const book = `update selvedge.replica_row r set ${bookColumns.map((name) => `${name} = b.${name}`).join(', ')}
    from backup_replica_row b where b.replica = r.replica and b.key = r.key and r.key = $1::text`
  return [{ at: target.reader, sql: { text: `with book as (${book}) ${restored(target)}`, values: thing.key } }]
}

const bookColumns = ['alive', 'deleted', 'deleted_counter', 'counter', 'cut', 'seen', 'changed_at', 'versions']

function restored({ table, kind: { keys, columns } }: Target): string {
  const where = keys.map((name, n) => `b.${name} = $${n + 1}`).join(' and ')
  const set = Object.keys(columns).map((name) => `${name} = excluded.${name}`)
  return `insert into ${table} as c select b.* from backup_${table} b where ${where}
    on conflict (${keys.join(', ')}) do update set ${set.join(', ')}`
}

/** The consumer that has a case's bug. */
export const buggyOf = ({ cause, target }: Case): string => (cause.bugOf ?? consumerOf)(target)
