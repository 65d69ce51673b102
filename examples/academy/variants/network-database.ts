/** A database of another service, reached over the simulated network: unreachable is what it is while a fault stands between. */
import type { Database } from 'selvedge/store'
import type { Network } from 'selvedge/testing'

/**
 * `database` as `from` reaches it in the world. Siblings share its pool.
 *
 * @throws transient `simulate/unreachable` from each statement while a fault stands between the two.
 */
export function networkDatabase(
  database: Database,
  network: Network,
  { from, to }: { readonly from: string; readonly to: string },
): Database {
  const over: Database = {
    schema: database.schema,
    clock: database.clock,
    published: database.published,
    query: (sql, values) => network.call(from, to, () => database.query(sql, values)),
    transaction: (work, options) => network.call(from, to, () => database.transaction(work, options)),
    listen: async () => async () => undefined,
    sibling: () => over,
    close: async () => undefined,
  }
  return over
}
