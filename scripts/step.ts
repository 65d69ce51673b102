/** Runs the tools that a test run is made of, with their output where a person looks for it. */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { reportPathName } from './reporter.ts'
import { emptyTally, failure, type Tally, tallyOfVitest } from './tally.ts'

/** The root of the project, seen from `dist/scripts/`. */
export const projectRoot = fileURLToPath(new URL('../../', import.meta.url))

/** What a tool said and how it ended. */
export interface Outcome {
  readonly code: number
  readonly output: string
}

interface RunOptions {
  readonly environment?: NodeJS.ProcessEnv
  /** Shows the output as it comes, instead of keeping it. */
  readonly isShown?: boolean
}

/** Runs a program of this project's `node_modules/.bin`, or of the PATH. */
export function run(program: string, parameters: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const environment = { ...(options.environment ?? process.env) }
  environment.PATH = `${join(projectRoot, 'node_modules', '.bin')}${delimiter}${environment.PATH ?? ''}`
  return new Promise((resolve) => {
    const stdio = options.isShown === true ? 'inherit' : 'pipe'
    const child = spawn(program, parameters, { cwd: projectRoot, env: environment, stdio: ['ignore', stdio, stdio] })
    let output = ''
    child.stdout?.on('data', (chunk) => (output += chunk))
    child.stderr?.on('data', (chunk) => (output += chunk))
    child.on('error', (error) => resolve({ code: 127, output: error.message }))
    child.on('close', (code, signal) =>
      resolve({ code: code ?? 1, output: signal === null ? output : `${output}${signal}` }),
    )
  })
}

/** A step that is right or wrong as a whole; its output is shown only when it is wrong. */
export async function check(title: string, work: () => Promise<Outcome>): Promise<Tally> {
  return timed(title, async () => {
    const { code, output } = await work()
    if (code === 0) return emptyTally
    console.log(output.trimEnd())
    return failure(`${title}: ended with code ${code}.`)
  })
}

/** A run of vitest: which projects, which files, on which server. */
export interface VitestRun {
  readonly title: string
  readonly projects: readonly string[]
  /** Parts of paths; all files of the projects when left out. */
  readonly files?: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  /** Where to put the report. */
  readonly reportPath: string
}

export async function vitest(given: VitestRun): Promise<Tally> {
  return timed(given.title, async () => {
    const parameters = [
      'run',
      ...given.projects.flatMap((project) => ['--project', project]),
      ...['--reporter=default', `--reporter=${join(projectRoot, 'dist', 'scripts', 'reporter.js')}`],
      ...(given.files ?? []),
    ]
    const environment = { ...given.environment, [reportPathName]: given.reportPath }
    const { code } = await run('vitest', parameters, { environment, isShown: true })
    const report = await readFile(given.reportPath, 'utf8').catch(() => undefined)
    return tallyOfVitest(given.title, report, code)
  })
}

async function timed(title: string, work: () => Promise<Tally>): Promise<Tally> {
  console.log(`\n== ${title}`)
  const startMs = performance.now()
  const tally = await work()
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1)
  console.log(`== ${title}: ${tally.failed === 0 ? 'ok' : 'FAILED'} in ${seconds} s`)
  return tally
}
