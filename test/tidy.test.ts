/** The style of the house as a test. Each rule is run on the project, and shown to fail on a literal that breaks it. */
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import * as code from './tidy/code-rules.ts'
import * as layout from './tidy/layout-rules.ts'
import { type ProjectFile, projectFiles, type Rule } from './tidy/project-files.ts'
import * as text from './tidy/text-rules.ts'

const files = projectFiles(fileURLToPath(new URL('..', import.meta.url)))

describe('the project', () => {
  it('is seen by these rules', () => {
    expect(files.map((file) => file.path)).toEqual(expect.arrayContaining(['package.json', 'src/base/base.ts']))
  })

  it.each<[string, Rule]>([
    ['folders of src import only folders before them', layout.foldersImportOnlyEarlierOnes],
    ['each driver is loaded in one file', layout.driversAreLoadedInOneFile],
    ['no file is longer than 400 lines, no test than 600', layout.filesAreShort],
    ['the median file of src has at most 120 lines, nine of ten at most 300', layout.mostFilesAreSmall],
    ['each folder of src has a front door and a README of at most 60 lines', layout.foldersHaveFrontDoorAndReadme],
    ['file names are kebab-case, and no inner index.ts exists', layout.filesAreNamedAfterWhatTheyHold],
    ['package.json exports what has a source', layout.exportsPointAtSources],
    ['every symbol of GLOSSARY.md exists in the file it names', layout.glossarySymbolsExist],
    ['no function is longer than 70 lines', code.functionsAreShort],
    ['decisions await nothing, read no clock and know no driver', code.decisionsArePure],
    ['only base/clock.ts reads the clock of the machine', code.onlyTheClockReadsTime],
    ['only base/scheduler.ts has timers', code.onlyTheSchedulerHasTimers],
    ['nothing in src is exported as default', code.nothingIsExportedAsDefault],
    ['no test is left out or alone', code.noTestIsLeftOutOrAlone],
    ['nothing is marked unfinished', text.nothingIsMarkedUnfinished],
    ['no path of one machine is named', text.noPathOfOneMachine],
    ['the lock file names no registry', text.lockFileNamesNoRegistry],
    ['the lock file holds every dependency, for every platform', text.lockFileHoldsEveryDependency],
  ])('%s', (_, rule) => {
    expect(rule(files)).toEqual([])
  })
})

/** Files written as a literal: `{ 'src/log/a.ts': 'text' }`. */
function filesOf(texts: Readonly<Record<string, string>>): ProjectFile[] {
  return Object.entries(texts).map(([path, written]) => ({ path, text: written }))
}
const lines = (count: number) => 'x\n'.repeat(count)
const functionOf = (count: number) => `function long() {\n${'  work()\n'.repeat(count - 2)}}\n`
const glossaryRow = '| sync delay | lag | `lagOf` | `src/observe/lag.ts` |\n'
const manifestOf = (path: string) => JSON.stringify({ exports: { './log': { default: path } } })
const lockOf = (...places: string[]) => {
  const packages = {
    '': { dependencies: { a: '^1.0.0' } },
    'node_modules/a': { dependencies: { b: '1.0.0' }, optionalDependencies: { 'a-darwin': '1.0.0' } },
  }
  return JSON.stringify({ packages: { ...packages, ...Object.fromEntries(places.map((place) => [place, {}])) } })
}
const marked = (word: string) => `// ${word}: later`
const machinePath = ['', 'work', 'main'].join('/')

interface Example {
  readonly rule: Rule
  /** File sets that break the rule, each once. */
  readonly breaks: readonly Readonly<Record<string, string>>[]
  /** File sets that come close and hold it. */
  readonly holds: readonly Readonly<Record<string, string>>[]
}

const examples: Record<string, Example> = {
  'a folder that imports a later one': {
    rule: layout.foldersImportOnlyEarlierOnes,
    breaks: [
      { 'src/log/a.ts': "import type { B } from '../inbox/b.ts'" },
      { 'src/log/a.ts': "export * from '../inbox/b.ts'" },
      { 'src/log/a.ts': "const b = await import('../inbox/b.ts')" },
      { 'src/log/a.ts': "import { b } from 'selvedge/base'" },
      { 'src/log/a.ts': "import { b } from '../selvedge.ts'" },
      { 'src/log/a.ts': "import { b } from '../../test/support/b.ts'" },
      { 'src/utils/a.ts': "import { b } from '../base/base.ts'" },
    ],
    holds: [
      { 'src/inbox/a.ts': "import { b } from '../log/b.ts'\nimport { c } from './c.ts'" },
      { 'src/log/a.test.ts': "import { b } from '../inbox/b.ts'" },
      { 'src/selvedge.ts': "export { b } from './cli/b.ts'" },
      { 'src/cli/a.ts': "const b = await import('../../examples/academy/academy.ts')" },
    ],
  },
  'a driver in a second file': {
    rule: layout.driversAreLoadedInOneFile,
    breaks: [
      { 'src/log/a.ts': "import pg from 'pg'" },
      { 'src/log/a.ts': "import { Pool, type Client } from 'pg'" },
      { 'src/store/a.ts': "import { sql } from 'kysely'", 'src/store/b.ts': "import { sql } from 'kysely'" },
    ],
    holds: [
      { 'src/store/postgres.ts': "import pg from 'pg'", 'src/log/a.ts': "import type { Client } from 'pg'" },
      { 'src/log/a.ts': "import { type Client } from 'pg'", 'src/log/a.test.ts': "import pg from 'pg'" },
      { 'src/store/borrow/kysely.ts': "import { sql } from 'kysely'" },
    ],
  },
  'a long file': {
    rule: layout.filesAreShort,
    breaks: [{ 'src/log/a.ts': lines(401) }, { 'test/a.test.ts': lines(601) }],
    holds: [{ 'src/log/a.ts': lines(400), 'test/a.test.ts': lines(600), 'README.md': lines(900) }],
  },
  'a project of large files': {
    rule: layout.mostFilesAreSmall,
    breaks: [
      { 'src/log/a.ts': lines(10), 'src/log/b.ts': lines(121), 'src/log/c.ts': lines(122) },
      { 'src/log/a.ts': lines(10), 'src/log/b.ts': lines(10), 'src/log/c.ts': lines(301) },
    ],
    holds: [{ 'src/log/a.ts': lines(10), 'src/log/b.ts': lines(120), 'src/log/c.ts': lines(300) }],
  },
  'a folder without front door or README': {
    rule: layout.foldersHaveFrontDoorAndReadme,
    breaks: [
      { 'src/log/log.ts': '' },
      { 'src/log/log.ts': '', 'src/log/README.md': lines(61) },
      { 'src/log/append.ts': '', 'src/log/README.md': lines(60) },
    ],
    holds: [{ 'src/log/log.ts': '', 'src/log/README.md': lines(60), 'src/selvedge.ts': '' }],
  },
  'a badly named file': {
    rule: layout.filesAreNamedAfterWhatTheyHold,
    breaks: [{ 'src/log/index.ts': '' }, { 'src/log/laneLoop.ts': '' }, { 'test/Tidy.test.ts': '' }],
    holds: [{ 'src/log/lane-loop.pg.test.ts': '', 'examples/academy/user/contract-v1.ts': '' }],
  },
  'an export without a source': {
    rule: layout.exportsPointAtSources,
    breaks: [{ 'package.json': manifestOf('./dist/src/log/log.js') }, {}],
    holds: [{ 'package.json': manifestOf('./dist/src/log/log.js'), 'src/log/log.ts': '' }],
  },
  'a glossary that names what is not there': {
    rule: layout.glossarySymbolsExist,
    breaks: [
      { 'GLOSSARY.md': glossaryRow },
      { 'GLOSSARY.md': glossaryRow, 'src/observe/lag.ts': 'export function lagOfAll() {}' },
      { 'GLOSSARY.md': '# Words\n' },
    ],
    holds: [{ 'GLOSSARY.md': glossaryRow, 'src/observe/lag.ts': 'export function lagOf() {}' }, {}],
  },
  'a long function': {
    rule: code.functionsAreShort,
    breaks: [{ 'src/log/a.ts': functionOf(71) }, { 'scripts/a.ts': `class A {\n${functionOf(71).slice(9)}}` }],
    holds: [{ 'src/log/a.ts': functionOf(70) }, { 'src/log/a.test.ts': functionOf(200) }],
  },
  'a decision with effects': {
    rule: code.decisionsArePure,
    breaks: [
      { 'src/log/decide-lanes.ts': 'const rows = await read()' },
      { 'src/log/decide.ts': 'export async function decide() {}' },
      { 'src/check/classify.ts': 'const now = Date.now()' },
      { 'src/check/compare-rows.ts': 'export const compare = (clock: Clock) => clock.now()' },
      { 'src/replica/conflict.ts': "import { readFileSync } from 'node:fs'" },
    ],
    holds: [
      { 'src/log/decide-lanes.ts': 'export const decide = (at: Date) => new Date(at)' },
      { 'src/log/tick.ts': 'const rows = await read()' },
      { 'src/log/decide.test.ts': 'const rows = await read()' },
    ],
  },
  'a clock that nobody can set': {
    rule: code.onlyTheClockReadsTime,
    breaks: [
      { 'src/log/a.ts': 'const now = new Date()' },
      { 'src/log/a.ts': 'const now = Date.now()' },
      { 'src/log/a.ts': 'const start = performance.now()' },
    ],
    holds: [
      { 'src/log/a.ts': 'const now = clock.now()\nconst then = new Date(text)' },
      { 'src/base/clock.ts': 'new Date()' },
    ],
  },
  'a timer of its own': {
    rule: code.onlyTheSchedulerHasTimers,
    breaks: [
      { 'src/log/a.ts': 'setTimeout(run, 5)' },
      { 'src/log/a.ts': 'globalThis.setInterval(run, 5)' },
      { 'src/log/a.ts': 'const later = promisify(setTimeout)' },
      { 'src/log/a.ts': "import { setTimeout as sleep } from 'node:timers/promises'" },
    ],
    holds: [
      { 'src/base/scheduler.ts': 'setTimeout(run, 5)', 'src/log/a.test.ts': 'setTimeout(run, 5)' },
      { 'src/log/a.ts': 'socket.setTimeout(5)', 'src/log/b.ts': "const page = 'setTimeout(run, 5)'" },
    ],
  },
  'a default export': {
    rule: code.nothingIsExportedAsDefault,
    breaks: [
      { 'src/log/a.ts': 'export default 1' },
      { 'src/log/a.ts': 'export default function append() {}' },
      { 'src/log/a.ts': 'const a = 1\nexport { a as default }' },
    ],
    holds: [{ 'src/log/a.ts': 'switch (1) { default: }', 'vitest.config.ts': 'export default 1' }],
  },
  'a test that is left out or alone': {
    rule: code.noTestIsLeftOutOrAlone,
    breaks: [
      { 'src/log/a.test.ts': "it.only('claims', () => {})" },
      { 'src/log/a.test.ts': "describe.concurrent.skip('claims', () => {})" },
      { 'src/log/a.test.ts': "test.todo('claims')" },
    ],
    holds: [{ 'src/log/a.test.ts': "it('claims', () => { cursor.skip(3) })" }],
  },
  'an unfinished mark': {
    rule: text.nothingIsMarkedUnfinished,
    breaks: [{ 'src/log/a.ts': marked('TO' + 'DO') }, { 'README.md': marked('FIX' + 'ME') }],
    holds: [{ 'src/log/a.ts': marked('Reason') }],
  },
  'a path of one machine': {
    rule: text.noPathOfOneMachine,
    breaks: [{ 'README.md': `cd ${machinePath}` }, { 'src/log/a.ts': `'${machinePath}'` }],
    holds: [{ 'README.md': `see .${machinePath} and src${machinePath}` }],
  },
  'a registry in the lock file': {
    rule: text.lockFileNamesNoRegistry,
    breaks: [
      { 'package-lock.json': '"resolved": "https://npm.example.org/pg/-/pg-8.0.0.tgz"' },
      { 'bench/package-lock.json': '"resolved": "https://npm.example.org/pg"' },
    ],
    holds: [{ 'package-lock.json': '"funding": { "url": "https://opencollective.com/pg" }' }],
  },
  'a lock file that npm ci refuses': {
    rule: text.lockFileHoldsEveryDependency,
    breaks: [
      { 'package-lock.json': lockOf('node_modules/b') },
      { 'package-lock.json': lockOf('node_modules/a-darwin') },
      { 'package-lock.json': lockOf('node_modules/a-darwin', 'node_modules/c/node_modules/b') },
    ],
    holds: [
      { 'package-lock.json': lockOf('node_modules/a-darwin', 'node_modules/b') },
      { 'package-lock.json': lockOf('node_modules/a/node_modules/a-darwin', 'node_modules/a/node_modules/b') },
    ],
  },
}

describe.each(Object.entries(examples))('%s', (_, { rule, breaks, holds }) => {
  it.each(breaks)('is found in %j', (broken) => {
    expect(rule(filesOf(broken))).not.toEqual([])
  })

  it.each(holds)('is not seen in %j', (sound) => {
    expect(rule(filesOf(sound))).toEqual([])
  })
})
