import { expect, test } from 'vitest'
import { isRunning, ownFolder, processTree, startCli } from '../../test/support/built-cli.ts'
import { serverUrl } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { openDatabase } from '../store/store.ts'

test('one process per service keeps copies of the others, and leaves nothing behind, not even after SIGKILL', async () => {
  const admin = openDatabase(serverUrl(), { max: 1 })
  const names = async (like: string) =>
    (
      await admin.query<{ name: string }>('select datname as name from pg_database where datname ~ $1', [like])
    ).rows.map(({ name }) => name)
  const run = startCli(['demo', '--processes', '--database-url', serverUrl(), '--json'], ownFolder())
  const [line] = await run.says(/^\{.*"selvedge\/processes@1".*\}$/m, 60_000)
  const { processes } = JSON.parse(line) as { processes: { service: string; pid: number; url: string }[] }
  expect(new Set(processes.map(({ pid }) => pid)).size).toBe(8)

  const answer = await fetch(`${processes.find(({ service }) => service === 'user')?.url}/nowhere`)
  expect(answer.status).toBe(404)
  const tree = processTree(run.child.pid as number)
  const [progress = ''] = await names('^selvedge_demo_[0-9a-f]{8}_progress$')
  const url = new URL(serverUrl())
  url.pathname = `/${progress}`
  const copies = openDatabase(url.href, { max: 1 })
  const learners = async () =>
    (await copies.query<{ n: number }>('select count(*)::int as n from learner').catch(() => undefined))?.rows[0]?.n ??
    0
  await waitFor(async () => (await learners()) > 3, {
    within: 60_000,
    what: 'progress has copied learners from the process of user',
  })
  await copies.close()

  run.child.kill('SIGKILL')
  const prefix = progress.replace(/progress$/, '')
  await waitFor(() => tree.every((pid) => !isRunning(pid)), { within: 20_000, what: 'all processes are gone' })
  await waitFor(async () => (await names(`^${prefix}`)).length === 0, {
    within: 20_000,
    what: 'all databases are gone',
  })
  await admin.close()
}, 180_000)

test('processes without a given server are refused with what to do', async () => {
  const run = startCli(['demo', '--processes'], ownFolder())
  expect(await run.ended).not.toBe(0)
  expect(run.errors()).toContain('--database-url')
}, 60_000)
