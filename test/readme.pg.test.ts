import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { check } from '../src/check/check.ts'
import { type FreshDatabase, freshDatabase } from './support/database.ts'
import { waitFor } from './support/wait-for.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

/** The code blocks of the README with the file that each is a copy of. */
const blocks = [...readme.matchAll(/<!-- (examples\/\S+) -->\n```ts\n([\s\S]*?)```/g)].map(
  ([, file = '', text = '']) => ({ file, text }),
)

const open: FreshDatabase[] = []
const database = async (): Promise<FreshDatabase> => {
  const fresh = await freshDatabase()
  open.push(fresh)
  return fresh
}
const environment = { ...process.env }
beforeEach(() => vi.resetModules())
afterEach(async () => {
  process.env = { ...environment }
  vi.restoreAllMocks()
  for (const one of open.splice(0)) await one.drop()
})

test('each example of the README is a file that is compiled and run here', () => {
  expect(blocks.map((block) => block.file).sort()).toEqual([
    'examples/readme/outbox.ts',
    'examples/readme/replica.ts',
    'examples/readme/selvedge.config.ts',
  ])
  for (const { file, text } of blocks)
    expect(text, file).toBe(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'))
})

test('the first example publishes with its row and hands the event on', async () => {
  const shop = await database()
  const db = await shop.connect()
  await db.query('create table orders (id text primary key, total int not null)')
  process.env.DATABASE_URL = shop.url
  const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  await import('../examples/readme/outbox.ts')
  await waitFor(() => printed.mock.calls.length > 0, { within: 10_000 })
  expect(printed.mock.calls[0]?.[0]).toEqual([['OrderPlaced', { orderId: '42', total: 99 }]])
  expect((await db.query('select from orders')).rowCount).toBe(1)
  process.emit('SIGTERM')
  await waitFor(async () => (await db.query('select from selvedge.instance')).rowCount === 0, { within: 10_000 })
})

test('the replica example keeps a copy that says how old it is', async () => {
  const [user, progress] = [await database(), await database()]
  await (await user.connect()).query('create table users (id text primary key, name text, email text)')
  await (await progress.connect()).query('create table user_copy (id text primary key, name text, email text)')
  process.env.USER_URL = user.url
  process.env.PROGRESS_URL = progress.url
  const example = await import('../examples/readme/replica.ts')
  await waitFor(async () => (await example.showLearner())?.name === 'learner-042', { within: 10_000 })
  expect((await example.showLearner())?.behindMs).toBe(0)
  await example.stop()
})

test('the configuration example finds the missing progress and the dangling enrollment', async () => {
  const [user, enrollment, progress] = [await database(), await database(), await database()]
  await (await user.connect()).query(
    `create table users (id text primary key); insert into users values ('u1'), ('u2')`,
  )
  await (await enrollment.connect()).query(
    `create table enrollment (user_id text, course_id text, primary key (user_id, course_id)); insert into enrollment values ('u1', 'c1'), ('u2', 'c1'), ('gone', 'c1')`,
  )
  await (await progress.connect()).query(
    `create table course_progress (user_id text, course_id text, primary key (user_id, course_id)); insert into course_progress values ('u1', 'c1'), ('gone', 'c1')`,
  )
  Object.assign(process.env, { USER_URL: user.url, ENROLLMENT_URL: enrollment.url, PROGRESS_URL: progress.url })
  const { default: config } = await import('../examples/readme/selvedge.config.ts')
  const { systemTimeLeft } = await clockThatRuns()
  const report = await check(config, systemTimeLeft)
  expect(report.incomplete).toBe(false)
  expect(report.findings.map((finding) => finding.key)).toEqual(['u2/c1', 'gone/c1'])
})

/** A clock and a scheduler of simulated time: the deadline of 30 s passes without anybody waiting for it. */
async function clockThatRuns() {
  const { SimulatedScheduler, simulatedTime } = await import('../src/simulate/simulate.ts')
  const time = simulatedTime()
  return { systemTimeLeft: { clock: time.clock(), scheduler: new SimulatedScheduler(time) } }
}
