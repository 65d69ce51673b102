/** What a service tells its own log before it publishes: the digests of its schemas, and how its state is read. */
import {
  compareDigests,
  type SchemaDigest,
  type Service as ServiceContract,
  schemaDigests,
} from '../contract/contract.ts'
import { type Database, type Queryable, quoteIdentifier } from '../store/store.ts'

/**
 * Stores digests that are new and refuses a changed schema under an old number.
 *
 * @throws Refused `contract/changed-schema`: nothing is published under a number that means something else to readers.
 */
export async function storeContracts(db: Database, contract: ServiceContract): Promise<void> {
  const s = quoteIdentifier(db.schema)
  const declared = schemaDigests(contract.events)
  const stored = async (on: Queryable) =>
    on.query<SchemaDigest>(`select type, schema_version as "schemaVersion", digest from ${s}.contract`)
  // The usual start finds everything stored, and then writes nothing.
  const { added, changed } = compareDigests((await stored(db)).rows, declared)
  if (changed[0]) throw changed[0]
  if (added.length === 0) return
  await db.transaction(async (tx) => {
    // Two versions that start in one instant must not both find the number free.
    await tx.query(`lock table ${s}.contract in share row exclusive mode`)
    const again = compareDigests((await stored(tx)).rows, declared)
    if (again.changed[0]) throw again.changed[0]
    for (const { type, schemaVersion, digest } of again.added)
      tx.send(`insert into ${s}.contract(type, schema_version, digest) values ($1, $2, $3)`, [
        type,
        schemaVersion,
        digest,
      ])
  })
}

/** Keeps the backfill queries where the owner's `backfill` function finds them. */
export async function registerBackfill(db: Database, queries: Readonly<Record<string, string>>): Promise<void> {
  const s = quoteIdentifier(db.schema)
  const { rows } = await db.query<{ entity: string; query: string }>(`select entity, query from ${s}.backfill_source`)
  const known = new Map(rows.map((row) => [row.entity, row.query]))
  for (const [entity, query] of Object.entries(queries))
    if (known.get(entity) !== query)
      await db.query(
        `insert into ${s}.backfill_source(entity, query) values ($1, $2) on conflict (entity) do update set query = excluded.query`,
        [entity, query],
      )
}
