/** Writing the copied fields here: for the services of which more than one may change them, the owner included. */
import { refused } from '../base/error.ts'
import type { Transaction } from '../store/database.ts'
import { applyLocal, type Bind } from './binding.ts'
import { counterHeader } from './change.ts'
import type { Change } from './conflict-state.ts'
import { sourceOf } from './conflict-state.ts'
import type { Declaration } from './declaration.ts'

/** What a local change returns: pass `headers` to `publish`, so that the counter travels with the change. */
export interface Stamp {
  readonly counter: number
  readonly headers: Readonly<Record<string, string>>
}

/** The methods of a replica by which its own service writes. */
export interface LocalChanges<Fields> {
  /**
   * Changes kept fields here, for a replica with a `writer`. The row follows the policies at once.
   *
   * `by` says who wrote within this service, as `writer` does in `mapped`.
   *
   * @throws Refused `replica/not-a-writer` when the replica names no writer.
   * @example
   * const stamp = await preferences.change(tx, userId, { marketing: false })
   * await publish(tx, PreferencesChanged, { userId, marketing: false }, { headers: stamp.headers })
   */
  change(
    tx: Transaction,
    key: string | number,
    fields: { readonly [F in keyof Fields]?: Fields[F] | null },
    options?: { readonly by?: string },
  ): Promise<Stamp>
  /** Deletes the row here, for a replica whose writer owns the entity. @throws Refused `replica/not-the-owner`. */
  remove(tx: Transaction, key: string | number): Promise<Stamp>
}

/** The local changes of a replica. */
export function localChanges(declaration: Declaration, bind: Bind): LocalChanges<Readonly<Record<string, unknown>>> {
  const { name, entity, writer } = declaration
  const write = async (
    tx: Transaction,
    key: string,
    said: { readonly op: Change['op']; readonly fields: Change['fields']; readonly by: string | undefined },
  ): Promise<Stamp> => {
    if (writer === undefined) throw notAWriter(name)
    const change = await applyLocal(tx, await bind(tx), key, (counterSeen): Change => {
      const counter = counterSeen + 1
      return {
        ...{
          key,
          op: said.op,
          isErasure: false,
          fields: said.fields,
          service: writer,
          source: sourceOf(writer, said.by),
          writer: said.by,
        },
        ...{ from: writer === entity.service ? 'owner' : 'other', version: counter, counter, isStamped: true },
        ...{ id: '', cut: 0, at: tx.clock.now() },
      }
    })
    return { counter: change.counter, headers: { [counterHeader]: String(change.counter) } }
  }
  return {
    change: (tx, key, fields, options) => write(tx, String(key), { op: 'tell', fields, by: options?.by }),
    remove: async (tx, key) => {
      if (writer !== entity.service) throw notTheOwner(name, entity.service)
      return write(tx, String(key), { op: 'delete', fields: {}, by: undefined })
    },
  }
}

function notAWriter(name: string) {
  return refused(
    'replica/not-a-writer',
    `Replica ${name} names no writer, so this service does not change what it copied.`,
    'Ask the owner to change it, or declare writer: yourService if the domain says that both may.',
    { replica: name },
  )
}

function notTheOwner(name: string, owner: string) {
  return refused(
    'replica/not-the-owner',
    `Only ${owner} deletes the rows that replica ${name} copies.`,
    'Ask the owner to delete it.',
    { replica: name, owner },
  )
}
