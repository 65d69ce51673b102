import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findConfig } from './find-config.ts'
import { loadConfig } from './load-config.ts'
import { main } from './main.ts'
import { redact } from './terminal.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'selvedge-cli-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function selvedge(...words: string[]) {
  const said = { out: '', err: '' }
  const code = await main(words, {
    stdout: { write: (text: string) => (said.out += text) },
    stderr: { write: (text: string) => (said.err += text) },
    environment: {},
    signal: new AbortController().signal,
  })
  return { code, ...said }
}

/** Checks with a config of this name and text. */
async function checkWith(name: string, text: string, ...words: string[]) {
  const path = join(folder, name)
  writeFileSync(path, text)
  return { ...(await selvedge('check', '--config', path, ...words)), path }
}

const unreachable = 'postgres://somebody:hunter2@127.0.0.1:1/nothing'
const wholeModule = (url: string) => `import { defineConfig, replicaOf } from 'selvedge/invariant'
interface Urls { readonly user: string }
const urls: Urls = { user: '${url}' }
export default defineConfig({
  sources: { user: { url: urls.user }, progress: { url: urls.user } },
  invariants: [
    replicaOf('Progress knows the name of every user', {
      owner: { source: 'user', table: 'users', key: 'id', columns: ['name'] },
      copy: { source: 'progress', table: 'learners', key: 'user_id', columns: ['name'] },
    }),
  ],
})
`

describe('a plan of repairs', () => {
  it('that is a folder is told so', async () => {
    const { code, err } = await selvedge('reconcile', 'show', folder)
    expect(code).toBe(2)
    expect(err).toContain(`cli/usage-no-plan: ${folder} is a folder, not a plan.`)
  })
})

describe('a command that is typed wrongly', () => {
  it.each([
    [['chek'], "unknown command 'chek'", 'Did you mean check?'],
    [['check', '--nope'], "unknown option '--nope'", ''],
    [['explain', 'User'], "missing required argument 'id'", ''],
    [['skip', 'progress', 'User/1', 'first', '--by', 'ada', '--reason', 'x'], 'It must be a number above zero', ''],
    [['migrate'], "required option '--print-sql' not specified", ''],
  ])('%j ends with 2 and says what is wrong on stderr', async (words, message, help) => {
    const { code, out, err } = await selvedge(...words)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(message)
    expect(err).toContain(help)
  })
})

describe('asking for help or the version', () => {
  it('ends with 0 and answers on stdout', async () => {
    const help = await selvedge('--help')
    expect(help).toMatchObject({ code: 0, err: '' })
    for (const command of ['check', 'explain', 'doctor', 'migrate', 'parked', 'retry', 'release', 'skip', 'demo'])
      expect(help.out).toMatch(new RegExp(`^ {2}${command} `, 'm'))
    expect(await selvedge('--version')).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })
})

describe('a configuration that is wrong', () => {
  it('and not there ends with 3', async () => {
    const { code, err } = await selvedge('check', '--config', join(folder, 'nowhere.ts'))
    expect(code).toBe(3)
    expect(err).toContain('config/not-found')
  })

  it('as JSON is named by line, without the text around, which may hold a password', async () => {
    const { code, err, path } = await checkWith(
      'broken.json',
      `{\n  "sources": { "user": { "url": "${unreachable}" } },\n  "invariants": [,]\n}`,
    )
    expect(code).toBe(3)
    expect(err).toContain(`${path}:3 is not JSON`)
    expect(err).not.toContain('hunter2')
  })

  it('in its shape is named by line and key', async () => {
    const { code, err, path } = await checkWith(
      'shape.json',
      `{\n  "sources": {\n    "user": {\n      "url": 7 } },\n  "invariants": []\n}`,
    )
    expect(code).toBe(3)
    expect(err).toContain(`${path}:4 is wrong: sources.user.url`)
  })

  it('as TypeScript that does not parse is named by line', async () => {
    const { code, err, path } = await checkWith('syntax.ts', `const a = 1\n\nexport default { sources: { , }\n`)
    expect(code).toBe(3)
    expect(err).toContain(`${path}:3`)
  })

  it('in a declaration is named by the line of its invariant, with the fix', async () => {
    const text = wholeModule(unreachable).replace("source: 'progress'", "source: 'progres'")
    const { code, err, path } = await checkWith('declaration.ts', text)
    expect(code).toBe(3)
    expect(err).toContain(`${path}:7: The configuration is wrong`)
    expect(err).toContain('only user, progress is listed')
    expect(err).toContain('correct the name')
  })

  it('for want of an environment variable says so', async () => {
    const text = `export default { sources: { user: {\n  url: process.env.SELVEDGE_NEVER_SET } }, invariants: [] }`
    const { code, err, path } = await checkWith('variable.mjs', text)
    expect(code).toBe(3)
    expect(err).toContain(`${path}:2 is wrong: sources.user.url`)
    expect(err).toContain('environment variable')
  })

  it('without a default export says how to end it', async () => {
    const { code, err } = await checkWith('nothing.ts', 'export const config = {}\n')
    expect(code).toBe(3)
    expect(err).toContain('export default defineConfig')
  })

  it('is one JSON document on stdout with --json', async () => {
    const { code, out } = await checkWith('nothing-json.ts', 'export const config = {}\n', '--json')
    expect(code).toBe(3)
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'config/no-default', values: { line: 1 } } })
  })
})

describe('a source that cannot be reached', () => {
  it('ends a check with 4, never with 0, and its password is not printed', async () => {
    const { code, out, err } = await checkWith('unreachable.ts', wholeModule(unreachable))
    expect(code).toBe(4)
    expect(out).toContain('1 invariant could not be checked')
    expect(out + err).not.toContain('hunter2')
  })

  it('ends explain and doctor with 4, named', async () => {
    const { path } = await checkWith('unreachable.json', jsonConfig)
    const explained = await selvedge('explain', 'User', '42', '--config', path)
    expect(explained.code).toBe(4)
    expect(explained.out).toContain('not read: user')
    const examined = await selvedge('doctor', '--config', path, '--json')
    expect(examined.code).toBe(4)
    expect(JSON.parse(examined.out)).toMatchObject({
      format: 'selvedge/doctor@1',
      unread: [{ service: 'user' }, { service: 'progress' }],
    })
    expect(explained.out + explained.err + examined.out + examined.err).not.toContain('hunter2')
  })
})

const jsonConfig = JSON.stringify({
  sources: { user: { url: unreachable }, progress: { url: unreachable } },
  invariants: [
    {
      kind: 'replicaOf',
      name: 'Progress knows the name of every user',
      owner: { source: 'user', table: 'users', key: 'id', columns: ['name'] },
      copy: { source: 'progress', table: 'learners', key: 'user_id', columns: ['name'] },
      within: 5,
      about: 'User',
    },
  ],
})

describe('migrate --print-sql', () => {
  it('prints one transaction for the schema that is named', async () => {
    const { code, out } = await selvedge('migrate', '--print-sql', '--schema', 'edges')
    expect(code).toBe(0)
    expect(out.startsWith('begin;')).toBe(true)
    expect(out.trimEnd().endsWith('commit;')).toBe(true)
    expect(out).toContain('create table "edges".log(')
  })

  it('refuses a schema that PostgreSQL cannot hold', async () => {
    expect(await selvedge('migrate', '--print-sql', '--schema', 'a'.repeat(70))).toMatchObject({ code: 2, out: '' })
  })
})

describe('a configuration', () => {
  it('that was changed is loaded anew by the same process, and a fault in it is still named by its line', async () => {
    const path = join(folder, 'changed.config.mjs')
    const load = (text: string) => {
      writeFileSync(path, text)
      return loadConfig(path)
    }
    const named = (source: string) =>
      `export default { sources: { ${source}: { url: 'postgres://127.0.0.1/x' } }, invariants: [] }`
    for (const source of ['first', 'second', 'first'])
      expect(Object.keys((await load(named(source))).sources)).toEqual([source])
    writeFileSync(join(folder, 'common.config.js'), named('common').replace('export default', 'module.exports ='))
    expect(Object.keys((await loadConfig(join(folder, 'common.config.js'))).sources)).toEqual(['common'])
    await expect(load(`const a = 1\nthrow new Error('no ' + a)`)).rejects.toMatchObject({ values: { line: 2 } })
  })

  it('is found upward from the working folder', () => {
    writeFileSync(join(folder, 'selvedge.config.mjs'), 'export default {}')
    expect(findConfig({ cwd: join(folder, 'packages', 'api') })).toBe(join(folder, 'selvedge.config.mjs'))
  })
})

describe('what is printed', () => {
  it.each([
    ['postgres://ada:s3cret@db/x', 'postgres://ada:***@db/x'],
    ['at postgresql://ada:p%40ss@db:5432/x?a=b failed', 'at postgresql://ada:***@db:5432/x?a=b failed'],
    ['host=db password=s3cret user=ada', 'host=db password=*** user=ada'],
    ['postgres://db/x?password=s3cret&user=ada', 'postgres://db/x?password=***&user=ada'],
    ['postgres://ada@db/x', 'postgres://ada@db/x'],
  ])('%s holds no password', (text, clean) => {
    expect(redact(text)).toBe(clean)
  })
})
