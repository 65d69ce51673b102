/** The compiled command line as a process of its own, with its own folder for temporary files. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { waitFor } from './wait-for.ts'

/** The compiled program; tests of it need `npm run build` first, which `npm test` does. */
export const builtCli = fileURLToPath(new URL('../../dist/src/cli/cli.js', import.meta.url))

/** A run of the command line. */
export interface CliRun {
  readonly child: ChildProcess
  /** Milliseconds since the start. */
  elapsedMs(): number
  out(): string
  errors(): string
  /** Waits until stdout matches; fails with stderr when the process ends before. */
  says(pattern: RegExp, within: number): Promise<RegExpExecArray>
  readonly ended: Promise<number | string>
}

const children = new Set<ChildProcess>()
const folders: string[] = []

afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A folder of its own for temporary files, which other users may pass through: an embedded server of root's needs that. */
export function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'selvedge-test-'))
  chmodSync(folder, 0o755)
  folders.push(folder)
  return folder
}

/** Starts a program; `folder` is its working folder, and where it puts temporary files. */
export function startProgram(words: readonly string[], folder: string): CliRun {
  if (!existsSync(builtCli)) throw new Error(`There is no ${builtCli}: run npm run build first.`)
  const { npm_command: _command, npm_lifecycle_event: _event, ...inherited } = process.env
  const started = performance.now()
  const child = spawn(words[0] as string, words.slice(1), {
    ...{ cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
    env: { ...inherited, TMPDIR: folder, XDG_RUNTIME_DIR: folder },
  })
  children.add(child)
  let [out, errors, isOver] = ['', '', false]
  child.stdout?.on('data', (text: Buffer) => {
    out += text
  })
  child.stderr?.on('data', (text: Buffer) => {
    errors += text
  })
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => {
      isOver = true
      children.delete(child)
      resolve(code ?? signal ?? 'unknown')
    })
  })
  const says = async (pattern: RegExp, within: number) => {
    const found = await waitFor(() => pattern.exec(out) ?? (isOver ? 'over' : undefined), {
      within,
      what: String(pattern),
    })
    if (found === 'over') throw new Error(`It ended without ${pattern}:\n${out}\n${errors}`)
    return found as RegExpExecArray
  }
  return { child, elapsedMs: () => performance.now() - started, out: () => out, errors: () => errors, says, ended }
}

/** Starts the compiled command line. */
export function startCli(words: readonly string[], folder: string): CliRun {
  return startProgram([process.execPath, builtCli, ...words], folder)
}

/** The process and all it started, however deep. */
export function processTree(root: number): number[] {
  const children_ = new Map<number, number[]>()
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const parent = parentOf(Number(name))
    if (parent !== undefined) children_.set(parent, [...(children_.get(parent) ?? []), Number(name)])
  }
  const below = (pid: number): number[] => [pid, ...(children_.get(pid) ?? []).flatMap(below)]
  return below(root)
}

/** Whether a process is there and no mere entry that its parent has not read yet. */
export function isRunning(pid: number): boolean {
  const stat = statOf(pid)
  return stat !== undefined && stat[0] !== 'Z'
}

function parentOf(pid: number): number | undefined {
  const parent = statOf(pid)?.[1]
  return parent === undefined ? undefined : Number(parent)
}

function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}
