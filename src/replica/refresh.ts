/** Adopting rows that were there before, and refreshing the copy from the owner's rows beside the stream of events. */
import type { FromSnapshot } from '../inbox/inbox.ts'
import type { Database, Transaction } from '../store/database.ts'
import { applyChanges, type Bind, batchRowsMax } from './binding.ts'
import { type Cut, changeOfRow, type SnapshotRow } from './change.ts'
import type { Change } from './conflict-state.ts'
import type { Declaration } from './declaration.ts'
import {
  type Adoption,
  adoptRows,
  beginRefresh,
  compareRows,
  type Difference,
  differencesMax,
  logDifferences,
  type Refresh,
  rowsNotTold,
} from './snapshot.ts'

/** The methods of a replica that take rows instead of events. */
export interface Refreshing {
  /** Takes over rows that were in the table before; given the owner's rows, says and logs where they differ. */
  adopt(tx: Transaction, owners?: readonly SnapshotRow[]): Promise<Adoption>
  /** Begins a refresh. Read the owner's rows after this, not before. */
  beginRefresh(tx: Transaction): Promise<Refresh>
  /** Applies rows of the owner's, also while events arrive: versions decide, so the two commute. */
  applySnapshot(
    tx: Transaction,
    rows: readonly SnapshotRow[],
    of?: { readonly refresh?: Refresh; readonly cut?: Cut },
  ): Promise<void>
  /** Deletes, as `onDelete` says, what the refresh did not tell; gives back how many. */
  finishRefresh(tx: Transaction, refresh: Refresh): Promise<number>
}

/** The refreshing of a replica. */
export function refreshes(declaration: Declaration, bind: Bind): Refreshing {
  return {
    adopt: async (tx, owners = []) => {
      const bound = await bind(tx)
      const adopted = await adoptRows(tx, bound)
      const found: Difference[] = []
      let differenceCount = 0
      for (let start = 0; start < owners.length; start += batchRowsMax) {
        const differences = await compareRows(tx, bound, owners.slice(start, start + batchRowsMax))
        differenceCount += differences.length
        if (differences.length > 0) await logDifferences(tx, bound, differences)
        found.push(...differences.slice(0, differencesMax - found.length))
      }
      return { adopted, differences: found, differenceCount }
    },
    beginRefresh: async (tx) => beginRefresh(tx, await bind(tx)),
    applySnapshot: async (tx, rows, { refresh, cut } = {}) => {
      const at = tx.clock.now()
      const changes = rows.map((row) => changeOfRow(row, { cut, at }, declaration))
      await applyChanges(tx, await bind(tx), changes, refresh?.number ?? 0)
    },
    finishRefresh: async (tx, refresh) => {
      const bound = await bind(tx)
      for (let deleted = 0; ; ) {
        const rows = await rowsNotTold(tx, bound, { refresh, most: batchRowsMax })
        if (rows.length === 0) return deleted
        await applyChanges(tx, bound, rows.map(deletionOf(declaration, tx.clock.now())))
        deleted += rows.length
      }
    },
  }
}

/** The owner's tombstone is out of reach, so the deletion takes the newest version that we know: the next one still wins. */
function deletionOf({ entity: { service } }: Declaration, at: Date) {
  return ({ key, version, counter }: { key: string; version: number; counter: number }): Change => ({
    ...{
      key,
      op: 'delete',
      isErasure: false,
      source: service,
      service,
      from: 'owner',
      version,
      counter,
      isStamped: false,
    },
    ...{ id: '', cut: 0, at, fields: {} },
  })
}

/** Brings a replica to the owner's state page by page, each in a transaction of its own, then deletes what the owner has no more. */
export function fromOwner(declaration: Declaration, db: Database, refreshing: Refreshing): FromSnapshot {
  return async (read) => {
    const refresh = await db.transaction((tx) => refreshing.beginRefresh(tx))
    let after: string | undefined
    for (;;) {
      const page = await read(declaration.entity.name, after)
      const last = page.at(-1)
      if (last === undefined) break
      const rows = page as readonly SnapshotRow[]
      await db.transaction((tx) => refreshing.applySnapshot(tx, rows, { refresh }))
      after = last.key
    }
    await db.transaction((tx) => refreshing.finishRefresh(tx, refresh))
  }
}
