/** The user service: accounts, profiles, and one of the two places where a learner says how to be written to. */
import { Hono } from 'hono'
import type { Transaction } from 'selvedge/store'
import { type ZodType, z } from 'zod'
import { type AcademyService, type Ports, Refusal, type Run } from '../domain.ts'
import { preferencesAtUser } from '../facts.ts'
import { action, command, row } from '../http.ts'
import type { UserContract } from './contract.ts'
import { profileV1 } from './profile-v1.ts'
import { profileV2 } from './profile-v2.ts'
import { userTables } from './tables.ts'

interface AccountRow {
  readonly user_id: string
  readonly name: string
  readonly first_name: string
  readonly last_name: string
  readonly full_name: string
  readonly email: string
  readonly picture: string
}

interface ProfileInput {
  readonly id: string
  readonly email: string
  readonly picture: string
  readonly action: number
}

/** What differs between the two versions of the service: the form of a name. */
export interface ProfileWriter<N> {
  readonly contract: UserContract
  readonly input: ZodType<N & ProfileInput>
  readonly columns: (names: N) => Readonly<Record<string, string>>
  readonly publish: (tx: Transaction, ports: Ports, row: AccountRow, updatedFields?: string[]) => Promise<void>
}

/** Opens an account. */
async function register<N>(writer: ProfileWriter<N>, tx: Transaction, ports: Ports, input: N & ProfileInput) {
  const columns = { ...writer.columns(input), email: input.email, picture: input.picture }
  const names = Object.keys(columns)
  const values = [input.id, input.action, ...Object.values(columns)]
  const { rows } = await tx.query<AccountRow>(
    `insert into account (user_id, changed_action, ${names.join(', ')}) select $1, $2, ${names.map((_, i) => `$${i + 3}`).join(', ')}
     where not exists (select from closed_account where user_id = $1)
     on conflict do nothing returning *`,
    values,
  )
  if (!rows[0]) throw new Refusal('user/already-registered', `${input.id} already has an account.`)
  await writer.publish(tx, ports, rows[0])
}

/** Changes a profile; only what differs is named in the event, the whole profile is in it. */
async function updateProfile<N>(writer: ProfileWriter<N>, tx: Transaction, ports: Ports, input: N & ProfileInput) {
  const before = (await tx.query<AccountRow>('select * from account where user_id = $1 for update', [input.id])).rows[0]
  if (!before) throw new Refusal('user/unknown', `${input.id} has no account.`, 404)
  const columns = { ...writer.columns(input), email: input.email, picture: input.picture }
  const changed = Object.entries(columns).filter(([column, value]) => before[column as keyof AccountRow] !== value)
  if (changed.length === 0) return
  const { rows } = await tx.query<AccountRow>(
    `update account set changed_action = $2, ${changed.map(([column], i) => `${column} = $${i + 3}`).join(', ')} where user_id = $1 returning *`,
    [input.id, input.action, ...changed.map(([, value]) => value)],
  )
  await writer.publish(
    tx,
    ports,
    rows[0] as AccountRow,
    changed.map(([column]) => column),
  )
}

/** Closes an account for good. What other services hold of the learner is theirs to clear. */
async function deleteUser(contract: UserContract, tx: Transaction, ports: Ports, input: z.infer<typeof closing>) {
  const userId = input.id
  const { rowCount } = await tx.query('delete from account where user_id = $1', [userId])
  if (rowCount === 0) throw new Refusal('user/unknown', `${userId} has no account.`, 404)
  await tx.query('insert into closed_account (user_id, changed_action) values ($1, $2)', [userId, input.action])
  await ports.publish(tx, contract.UserDeleted, { userId })
}

/** Takes the decision of the settings page. */
async function changePreferences(contract: UserContract, tx: Transaction, ports: Ports, input: PreferenceInput) {
  const fact = preferencesAtUser(contract)
  if (!(await fact.mayKeep(tx, ports, input.id))) throw new Refusal('user/unknown', `${input.id} has no account.`, 404)
  await ports.decide(tx, fact, {
    userId: input.id,
    value: input.value,
    changedBy: 'settings',
    changedAction: input.action,
  })
}

type PreferenceInput = z.infer<typeof preference>
const preference = z.object({ id: z.string(), value: z.enum(['mail', 'push', 'none']), action })
const closing = z.object({ id: z.string(), action })

function routes<N>(app: Hono, run: Run, writer: ProfileWriter<N>) {
  const { contract } = writer
  const base = `/v${contract.schemaVersion}/users/:id`
  app.put(
    base,
    command(run, writer.input, (tx, ports, input) => register(writer, tx, ports, input)),
  )
  app.patch(
    base,
    command(run, writer.input, (tx, ports, input) => updateProfile(writer, tx, ports, input)),
  )
  app.delete(
    base,
    command(run, closing, (tx, ports, input) => deleteUser(contract, tx, ports, input)),
  )
  app.put(
    `${base}/preferences`,
    command(run, preference, (tx, ports, input) => changePreferences(contract, tx, ports, input)),
  )
}

/** The user service. Both versions of its API are served side by side; `contract` is the newest that is deployed. */
export function userService(contract: UserContract): AcademyService {
  return {
    contract: contract.service,
    tables: userTables,
    copies: [],
    facts: [preferencesAtUser(contract)],
    reactions: [],
    api: (run) => {
      const app = new Hono()
      app.get('/users/:id', row(run, 'select user_id, full_name, email, picture from account where user_id = $1'))
      routes(app, run, profileV1)
      if (contract.schemaVersion === 2) routes(app, run, profileV2)
      return app
    },
  }
}
