/**
 * A TypeScript file run as a process of its own, for what only real processes show: SIGKILL, SIGSTOP, two writers.
 *
 * The file imports by relative path (the public names lead to compiled code there). It speaks by lines on stdout and
 * is killed at the end of the test file if it is still there.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll } from 'vitest'
import { waitFor } from './wait-for.ts'

/** How the process is started. */
export interface ProcessOptions {
  readonly arguments?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** The user to run as; needs root. */
  readonly uid?: number
  readonly gid?: number
  readonly cwd?: string
}

/** A process under test. */
export interface TestProcess {
  readonly pid: number
  /** The lines said so far. */
  lines(): readonly string[]
  /** What was written to stderr so far. */
  errors(): string
  /** The first line that `isIt` accepts, waited for; fails with stderr when the process ends without it. */
  line(isIt?: (line: string) => boolean, within?: number): Promise<string>
  signal(name: NodeJS.Signals): void
  /** Resolves with the exit code, or the signal's name, once the process is gone. */
  readonly ended: Promise<number | string>
}

/**
 * A process compiles what it imports before it says its first word: 4 s on two idle cores, 10 and more beside other tests.
 * That time belongs to no claim, so whoever waits for a first word waits for this long.
 */
export const startMsMax = 60_000

const children = new Set<ChildProcess>()

afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

/**
 * Runs `file` (a path or an `import.meta.url`-relative URL) in a process of its own.
 *
 * @example
 * const worker = startProcess(new URL('./worker.ts', import.meta.url), { arguments: [url] })
 * await worker.line((line) => line === 'ready')
 * worker.signal('SIGKILL')
 */
export function startProcess(file: string | URL, options: ProcessOptions = {}): TestProcess {
  const path = typeof file === 'string' ? file : fileURLToPath(file)
  // Node 20 runs no TypeScript by itself. What one process compiled the next finds by its content; but a folder for temporary
  // files that the test looks into stays empty of it.
  const isCached = options.environment?.TMPDIR === undefined && options.uid === undefined
  const loader = new URL('jiti-register.mjs', pathToFileURL(createRequire(import.meta.url).resolve('jiti'))).href
  const child = spawn(process.execPath, ['--import', loader, path, ...(options.arguments ?? [])], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, JITI_FS_CACHE: String(isCached), ...options.environment },
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  children.add(child)
  return observed(child)
}

function observed(child: ChildProcess): TestProcess {
  let [said, complained, over] = ['', '', false]
  child.stdout?.on('data', (text: Buffer) => {
    said += text
  })
  child.stderr?.on('data', (text: Buffer) => {
    complained += text
  })
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => {
      over = true
      children.delete(child)
      resolve(code ?? signal ?? 'unknown')
    })
  })
  const lines = () => said.split('\n').slice(0, -1)
  return {
    pid: child.pid ?? 0,
    lines,
    errors: () => complained,
    line: async (isIt = () => true, within = startMsMax) => {
      const found = await waitFor(() => lines().find(isIt) ?? (over ? { over } : undefined), {
        within,
        what: `a line of process ${child.pid}`,
      })
      if (typeof found === 'string') return found
      throw new Error(`The process ended without the line:\n${complained}`)
    },
    signal: (name) => {
      child.kill(name)
    },
    ended,
  }
}
