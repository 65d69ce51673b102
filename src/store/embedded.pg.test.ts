/** Embedded servers in real processes: started by root and by an ordinary user, killed, restarted, two at once. */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { HoldOrder } from '../../test/support/hold-server.ts'
import { testThatNeeds } from '../../test/support/needs.ts'
import { startMsMax, startProcess, type TestProcess } from '../../test/support/process.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { keptFolder, startEmbedded } from './embedded.ts'
import { findEmbeddedPackage, findOnPath } from './embedded-package.ts'
import { sweepRunFolders } from './embedded-sweep.ts'
import { openDatabase } from './postgres.ts'

const isRoot = process.getuid?.() === 0
const testAsRoot = testThatNeeds('root', isRoot)
const testWithPath = testThatNeeds('postgres-on-path', findOnPath() !== undefined)
const programs = findEmbeddedPackage()!

const testWithMount = testThatNeeds('mount', isRoot && spawnSync('mount', ['-V']).status === 0 && canMount())

/** How long after the end of its parent a server may still be there; the promise of the command line. */
const goneWithinMs = 5_000

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A folder of the test's own that any user may write, so that what is left in it is seen exactly. */
function playground(mode = 0o777): string {
  const folder = mkdtempSync(join(tmpdir(), 'sv-'))
  chmodSync(folder, mode)
  folders.push(folder)
  return folder
}

interface Held {
  readonly process: TestProcess
  readonly url: string
  readonly runFolder: string
  readonly startMs: number
}

function hold(place: string, order: HoldOrder = {}, uid?: number): TestProcess {
  return startProcess(new URL('../../test/support/hold-server.ts', import.meta.url), {
    arguments: [JSON.stringify(order)],
    environment: { TMPDIR: place },
    cwd: '/',
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
}

async function held(place: string, order: HoldOrder = {}, uid?: number): Promise<Held> {
  const process = hold(place, order, uid)
  const answer = JSON.parse(await process.line())
  if (!answer.url) throw new Error(JSON.stringify(answer))
  return { process, ...answer }
}

async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const db = openDatabase(url, { max: 1 })
  try {
    return (await db.query(sql)).rows
  } finally {
    await db.close()
  }
}

/** The processes that have `text` in their command line, environment or working folder, by number. */
function processesWith(text: string): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((pid) => {
      try {
        const files = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8'))
        return [...files, readlinkSync(`/proc/${pid}/cwd`)].some((content) => content.includes(text))
      } catch {
        return false
      }
    })
}

function sharedMemory(): string[] {
  return readdirSync('/dev/shm').filter((name) => name.startsWith('PostgreSQL.'))
}

async function expectNothingLeft(place: string): Promise<void> {
  await waitFor(() => readdirSync(place).length === 0 && processesWith(place).length === 0, {
    within: goneWithinMs,
    what: `an end without a trace in ${place}`,
  })
}

const uids = isRoot ? [0, 65534] : [process.getuid?.() ?? 0]

test.each(uids)('a server started by user %i answers, and its end leaves no process and no file', async (uid) => {
  const place = playground()
  const server = await held(place, {}, isRoot ? uid : undefined)

  const rows = await ask(
    server.url,
    "select current_setting('server_version_num')::int / 10000 as major, current_setting('listen_addresses') as addresses",
  )
  server.process.signal('SIGTERM')

  expect(rows).toEqual([{ major: 18, addresses: '' }])
  expect(await server.process.ended).toBe(0)
  expect(readdirSync(place)).toEqual([])
  expect(processesWith(place)).toEqual([])
})

test('only its own user can enter the folder of the socket, and only with the password', async () => {
  const server = await startEmbedded(programs)

  const open = openDatabase(server.url.replace(/:[^:@]+@/, ':wrong@'), { max: 1 })

  expect(statSync(server.runFolder).mode & 0o777).toBe(0o700)
  expect(existsSync(join(server.runFolder, 'password'))).toBe(false)
  await expect(open.query('select 1')).rejects.toThrow(/password authentication failed/)
  await open.close()
  await server.stop()
})

test('SIGKILL of the parent leaves no process and no file, at any moment of a start', async () => {
  const moments: readonly [string, (place: string) => boolean][] = [
    ['the folder is there', (place) => readdirSync(place).length > 0],
    [
      'initdb runs',
      (place) => readdirSync(place).some((run) => existsSync(join(place, run, 'data.new', 'PG_VERSION'))),
    ],
    [
      'the server starts',
      (place) => readdirSync(place).some((run) => existsSync(join(place, run, 'data', 'postmaster.pid'))),
    ],
  ]
  const sharedBefore = sharedMemory()
  for (const [what, isNow] of moments) {
    const place = playground()
    const parent = hold(place)
    await waitFor(() => isNow(place), { within: startMsMax, every: 1, what })

    parent.signal('SIGKILL')
    await parent.ended

    // A folder without a keeper yet holds a few links and no process; it is swept by the next start.
    if (what === 'the folder is there') await waitFor(() => processesWith(place).length === 0, { within: goneWithinMs })
    else await expectNothingLeft(place)
  }
  await waitFor(() => sharedMemory().every((name) => sharedBefore.includes(name)), {
    within: goneWithinMs,
    what: 'an end without shared memory left',
  })
}, 180_000)

test('SIGKILL of the parent ends a server in use, with its sessions', async () => {
  const place = playground()
  const server = await held(place)
  const db = openDatabase(server.url)
  const sleeping = db.query('select pg_sleep(60)').catch((error: Error) => error)
  await waitFor(
    async () =>
      (await ask(server.url, "select 1 from pg_stat_activity where query like 'select pg_sleep%'")).length > 0,
    { within: 5_000 },
  )

  server.process.signal('SIGKILL')

  await expectNothingLeft(place)
  expect(await sleeping).toBeInstanceOf(Error)
  await db.close()
})

test('parent and keeper killed together leave no process and no file either', async () => {
  const place = playground()
  const server = await held(place)
  const keeper = processesWith(place).find(
    (pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[3] === String(server.process.pid),
  )!

  process.kill(Number(keeper), 'SIGKILL')
  server.process.signal('SIGKILL')

  await expectNothingLeft(place)
})

test('two servers started at once do not meet', async () => {
  const place = playground()
  const [one, other] = await Promise.all([held(place), held(place)])

  await ask(one.url, 'create database only_here')

  expect(await ask(other.url, "select 1 from pg_database where datname = 'only_here'")).toEqual([])
  for (const server of [one, other]) server.process.signal('SIGKILL')
  await expectNothingLeft(place)
})

test('a kept server has its data again after a stop and after SIGKILL of everything', async () => {
  const [place, kept] = [playground(), join(playground(0o755), 'kept')]
  const first = await held(place, { dataFolder: kept })
  await ask(first.url, 'create table kept as select 1 as n')
  first.process.signal('SIGTERM')
  await first.process.ended

  const second = await held(place, { dataFolder: kept })
  await ask(second.url, 'insert into kept values (2)')
  const pids = processesWith(place)
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL')
  await second.process.ended
  const third = await held(place, { dataFolder: kept })

  expect(await ask(third.url, 'select n from kept order by n')).toEqual([{ n: 1 }, { n: 2 }])
  expect(await ask(third.url, 'show fsync')).toEqual([{ fsync: 'on' }])
  third.process.signal('SIGKILL')
  await waitFor(() => processesWith(kept).length === 0, { within: goneWithinMs })
  expect(existsSync(join(kept, 'data', 'PG_VERSION'))).toBe(true)
})

test('a second server on the same data is refused by name of the first, which stays', async () => {
  const [place, kept] = [playground(), join(playground(0o755), 'kept')]
  const first = await held(place, { dataFolder: kept })

  const second = hold(place, { dataFolder: kept })

  expect(JSON.parse(await second.line())).toMatchObject({
    code: 'store/already-running',
    message: expect.stringMatching(/already being served by process \d+/),
  })
  expect(await ask(first.url, 'select 1 as one')).toEqual([{ one: 1 }])
  first.process.signal('SIGTERM')
  await first.process.ended
})

test("a folder with somebody else's files is not taken for data", async () => {
  const folder = playground()
  writeFileSync(join(folder, 'thesis.txt'), 'years of work')

  await expect(startEmbedded(programs, { dataFolder: folder })).rejects.toMatchObject({ code: 'store/data-folder' })
  expect(readdirSync(folder)).toEqual(['thesis.txt'])
})

testAsRoot('root starts a server from a package that only root can reach', async () => {
  const place = playground()
  const locked = playground(0o700)
  execFileSync('cp', ['-r', programs.home, join(locked, 'native')])

  const server = await held(place, { home: join(locked, 'native') })

  expect(statSync(join(server.runFolder, 'data')).uid).not.toBe(0)
  expect(statSync(join(locked, 'native', 'bin', 'postgres')).uid).toBe(0)
  server.process.signal('SIGKILL')
  await expectNothingLeft(place)
})

testAsRoot('root starts a server from a package whose files nobody else may read', async () => {
  const place = playground()
  const locked = playground(0o700)
  execFileSync('cp', ['-r', programs.home, join(locked, 'native')])
  execFileSync('chmod', ['-R', 'go=', join(locked, 'native')])

  const server = await held(place, { home: join(locked, 'native') })

  expect(await ask(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
  server.process.signal('SIGKILL')
  await expectNothingLeft(place)
})

testAsRoot("a temporary folder that the server's user cannot enter is passed over", async () => {
  const server = await held(playground(0o700))

  expect(server.runFolder).toMatch(/^\/tmp\/selvedge-pg-/)
  server.process.signal('SIGTERM')
  await server.process.ended
})

testAsRoot('where root keeps data below a folder of its own, another folder is found, the same each time', async () => {
  const [locked, open] = [join(playground(0o700), 'kept'), join(playground(0o755), 'deep', 'kept')]

  expect(keptFolder(open)).toBe(open)
  expect(keptFolder(locked)).toMatch(/^\/var\/tmp\/selvedge-[0-9a-f]{12}$/)
  expect(keptFolder(locked)).toBe(keptFolder(locked))
})

testAsRoot('a link to a folder is not taken for data', async () => {
  const [place, target] = [playground(), playground(0o700)]
  symlinkSync(target, join(place, 'link'))

  await expect(startEmbedded(programs, { dataFolder: join(place, 'link') })).rejects.toMatchObject({
    code: 'store/data-folder',
  })
  expect(statSync(target).uid).toBe(0)
})

testAsRoot("data that the server's user cannot reach is refused with a place that it can", async () => {
  const order = { dataFolder: join(playground(0o700), 'kept') }

  const refusal = JSON.parse(await hold(playground(), order).line())

  expect(refusal).toMatchObject({ code: 'store/data-folder', help: expect.stringContaining('/var/tmp') })
})

testAsRoot('a user without a line in /etc/passwd is told so in one line', async () => {
  const refusal = JSON.parse(await hold(playground(), {}, 54_321).line())

  expect(refusal).toMatchObject({
    code: 'store/no-passwd-entry',
    message: 'The user 54321 has no line in /etc/passwd, which PostgreSQL needs.',
  })
})

testWithPath('programs on PATH of an older major version serve as well', async () => {
  const place = playground()
  const server = await held(place, { isFromPath: true })

  const [row] = await ask(
    server.url,
    "select current_setting('server_version_num')::int / 10000 as major, current_setting('server_encoding') as encoding",
  )

  expect(row?.encoding).toBe('UTF8')
  expect(row?.major).toBeGreaterThanOrEqual(14)
  server.process.signal('SIGKILL')
  await expectNothingLeft(place)
})

test('the sweep takes the folders of dead runs and leaves living, young and foreign ones', async () => {
  const place = playground()
  const living = await held(place)
  const make = (name: string, namespace: string, ageMs: number) => {
    const folder = join(place, name)
    mkdirSync(folder)
    writeFileSync(join(folder, 'namespace'), namespace)
    const at = (Date.now() - ageMs) / 1000
    utimesSync(folder, at, at)
    return folder
  }
  const ours = readlinkSync('/proc/self/ns/pid')
  const stale = make('selvedge-pg-dead00', ours, 120_000)
  make('selvedge-pg-young0', ours, 1_000)
  make('selvedge-pg-other0', 'pid:[1]', 120_000)
  make('thesis', ours, 120_000)
  utimesSync(living.runFolder, 1, 1)

  expect(sweepRunFolders([place])).toEqual([stale])

  expect(lstatSync(living.runFolder).isDirectory()).toBe(true)
  expect(readdirSync(place)).toHaveLength(4)
  living.process.signal('SIGKILL')
  await living.process.ended
})

test('a path too long for a socket is passed over', async () => {
  const long = join(playground(), 'x'.repeat(90))
  mkdirSync(long)

  const server = await startEmbedded(programs, { runFolderIn: long })

  expect(server.runFolder.startsWith(long)).toBe(false)
  expect(readdirSync(long)).toEqual([])
  expect(spawnSync('test', ['-S', join(server.runFolder, '.s.PGSQL.5432')]).status).toBe(0)
  await server.stop()
})

testWithMount('a disk that is full at the start is named, and so is a run folder without space', async () => {
  const small = mounted('20m')

  const refusal = JSON.parse(await hold(playground(), { dataFolder: join(small, 'kept') }).line())
  const server = await startEmbedded(programs, { runFolderIn: small })

  expect(refusal).toMatchObject({ code: 'store/no-space', message: expect.stringContaining(small) })
  expect(server.runFolder.startsWith(small)).toBe(false)
  await server.stop()
})

testWithMount('a disk that fills up refuses what does not fit, and the server lives on', async () => {
  const server = await startEmbedded(programs, { runFolderIn: mounted('80m') })
  const db = openDatabase(server.url, { max: 1 })

  const filling = db.query(
    'create table filled as select repeat(md5(n::text), 30) as text from generate_series(1, 200000) n',
  )

  await expect(filling).rejects.toMatchObject({ code: 'store/disk-full' })
  expect((await db.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await db.close()
  await server.stop()
})

const mounts: string[] = []
afterAll(() => {
  for (const folder of mounts) execFileSync('umount', ['-l', folder])
})

/** A disk of `size` of its own, in memory. */
function mounted(size: string): string {
  const folder = playground()
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0777`, 'tmpfs', folder])
  mounts.push(folder)
  return folder
}

function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'sv-'))
  const can = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', folder]).status === 0
  if (can) execFileSync('umount', [folder])
  rmSync(folder, { recursive: true })
  return can
}
