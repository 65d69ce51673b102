/** What a consumer service's role may do at the owner: execute five functions, and nothing else. */
import type { Database } from '../store/database.ts'
import { quoteIdentifier, quoteLiteral } from '../store/identifier.ts'

/** The owner's functions that a reader needs. They run with the owner's rights and say nothing beyond the log. */
const consumerFunctions = ['register', 'batch', 'gap', 'backfill', 'acknowledge']

/**
 * Lets `role` read this service's log: USAGE of the schema and EXECUTE of `register`, `batch`, `gap`, `backfill`, `acknowledge`.
 *
 * May be called again. The role keeps whatever else it was granted before.
 *
 * ```ts
 * await grantConsumer(userDatabase, 'progress_service')
 * ```
 * @throws the server's error when the role does not exist, or the caller does not own the schema.
 */
export async function grantConsumer(db: Database, role: string): Promise<void> {
  const [schema, grantee] = [quoteIdentifier(db.schema), quoteIdentifier(role)]
  await db.query(`do $$ declare f text; begin
    grant usage on schema ${schema} to ${grantee};
    for f in select p.oid::regprocedure::text from pg_proc p
      where p.pronamespace = ${quoteLiteral(schema)}::regnamespace and p.proname = any(${quoteLiteral(`{${consumerFunctions}}`)}) loop
      execute format('grant execute on function %s to %I', f, ${quoteLiteral(role)});
    end loop;
  end $$`)
}
