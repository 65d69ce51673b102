/**
 * `selvedge check` as people run it: the built command, a configuration in JSON, a process of its own. The folder `dist` must
 * be that of the sources: `npm run check` builds it.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { works, writeConfig } from './work.ts'

const root = join(import.meta.dirname, '../..')

/** How one command came out. */
export interface Ran {
  readonly answer?: string
  readonly failed?: string
  readonly residentMiB?: number
  readonly nodeCpuSeconds?: number
}

/** What may be given to it. */
export interface CommandOptions {
  /** What it may take of servers where others are at work. */
  readonly budget?: string
  /** Ports to go by instead of the servers' own. */
  readonly ports?: { readonly owner: number; readonly copy: number }
  readonly signal?: AbortSignal
}

/** Checks a work; what it found must be what the work expects. */
export async function command(name: string, differing: number, options: CommandOptions = {}): Promise<Ran> {
  const work = works[name]
  const config = writeConfig(name, differing, options.ports)
  const flags = [
    ...(work?.isQuick === true ? ['--quick'] : []),
    ...(options.budget === undefined ? [] : ['--budget', options.budget]),
  ]
  const measured = ['--require', join(root, 'bench/check/resident.cjs')]
  const args = [...measured, join(root, 'dist/src/cli/cli.js'), 'check', '--json', '-q', '--config', config, ...flags]
  const child = spawn(process.execPath, args, {
    ...{
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
      signal: options.signal,
      killSignal: 'SIGKILL',
      timeout: 900_000,
    },
  })
  const texts = ['', '']
  for (const [i, stream] of [child.stdout, child.stdio[3]].entries())
    stream?.on('data', (part) => {
      texts[i] += part
    })
  const code = await new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (exitCode, killedBy) => resolve(String(exitCode ?? killedBy)))
  })
  if (code !== '0' && code !== '1') return { failed: `ended with ${code}: ${texts[0]}` }
  const report = JSON.parse(texts[0]!) as { findings: unknown[]; incomplete: boolean; invariants: { why?: string }[] }
  if (report.incomplete) return { failed: report.invariants[0]?.why ?? 'incomplete' }
  const found = report.findings.length
  if (found !== work!.expected(differing)) return { failed: `${found} findings, not ${work!.expected(differing)}` }
  return { answer: `${found} findings`, ...(JSON.parse(texts[1]!) as Ran) }
}
