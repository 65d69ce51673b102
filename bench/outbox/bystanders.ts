/**
 * Transactions beside the measured work.
 *
 * `snapshots`: one idle session holds a snapshot in each database, and write transactions of 2.5 s follow one another in the
 * owner's. `xid`: an idle session that has written holds its transaction id as well, which stops every reader that waits for the
 * oldest transaction.
 */
import pg from 'pg'
import { databaseUrl } from '../lib/server.ts'

export type Bystanders = 'none' | 'snapshots' | 'xid'

const writeMs = 2_500

export async function holdTransactions(
  kind: Bystanders,
  owner: string,
  copy: string,
): Promise<{ release(): Promise<Readonly<Record<string, unknown>>> }> {
  if (kind === 'none') return { release: async () => ({}) }
  const holders = await Promise.all([owner, copy].map((name) => holder(name, kind === 'xid')))
  const writer = await connected(owner)
  let writing = true
  const writes = (async () => {
    while (writing) {
      await writer.query('begin')
      await writer.query('insert into bystander default values')
      await new Promise((resolve) => setTimeout(resolve, writeMs))
      await writer.query('commit')
    }
  })()
  return {
    async release() {
      writing = false
      await writes
      await writer.end()
      for (const client of holders) await client.end()
      return { beside: kind }
    },
  }
}

async function connected(database: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: databaseUrl(database),
    options: '-c idle_in_transaction_session_timeout=0',
  })
  await client.connect()
  return client
}

async function holder(database: string, withXid: boolean): Promise<pg.Client> {
  const client = await connected(database)
  await client.query('create table if not exists bystander(id bigint generated always as identity)')
  await client.query('begin isolation level repeatable read')
  await client.query(withXid ? 'insert into bystander default values' : 'select count(*) from bystander')
  return client
}
