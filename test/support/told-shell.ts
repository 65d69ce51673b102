/** A document whose commands are run as a reader would type them: one shell, block after block. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Commands, and the lines that the document shows as their output. */
export interface ToldBlock {
  /** The line of the document on which the commands begin. */
  readonly line: number
  readonly commands: string
  readonly shown: readonly string[]
}

/** The blocks of a document in their order: each `sh` block, with the `text` block that follows it. */
export function toldBlocks(document: string): readonly ToldBlock[] {
  const blocks: { line: number; commands: string; shown: string[] }[] = []
  for (const { 1: kind, 2: text = '', index } of document.matchAll(/^```(sh|text)\n([\s\S]*?)^```$/gm)) {
    const line = document.slice(0, index).split('\n').length + 1
    if (kind === 'sh') blocks.push({ line, commands: text, shown: [] })
    else blocks.at(-1)?.shown.push(...text.split('\n').filter((shown) => shown.trim() !== ''))
  }
  return blocks
}

/** The lines that an output lacks; `…` stands for any text within a line. */
export function linesMissing(shown: readonly string[], output: string): readonly string[] {
  const lines = output.split('\n')
  return shown.filter((one) => {
    const parts = one
      .trim()
      .split('…')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    const pattern = new RegExp(`^\\s*${parts.join('.*')}\\s*$`, 'u')
    return !lines.some((line) => pattern.test(line))
  })
}

/** A shell that stays, with its variables, functions and folder. */
export interface ToldShell {
  /** Runs commands and gives what they print, on stdout and stderr together. */
  run(commands: string): Promise<string>
  stop(): void
}

/** Starts `bash` in a folder; commands that ask for input find none. */
export function toldShell(folder: string, environment: Readonly<Record<string, string>>): ToldShell {
  const shell = spawn('bash', ['--noprofile', '--norc'], {
    ...{ cwd: folder, stdio: ['pipe', 'pipe', 'inherit'], detached: true },
    env: { ...process.env, ...environment },
  })
  let printed = ''
  let heard = () => {}
  shell.stdout.on('data', (text: Buffer) => {
    printed += text
    heard()
  })
  let blocks = 0
  const run = (commands: string) => {
    const path = join(folder, `block-${++blocks}.sh`)
    writeFileSync(path, commands)
    const end = `-- end of block ${blocks} --`
    return new Promise<string>((resolve, reject) => {
      const take = () => {
        const at = printed.indexOf(`\n${end}\n`)
        if (at < 0) return
        const output = printed.slice(0, at)
        printed = printed.slice(at + end.length + 2)
        heard = () => {}
        resolve(output)
      }
      heard = take
      shell.once('exit', () => reject(new Error(`The shell ended within block ${blocks}:\n${printed}`)))
      shell.stdin.write(`source ${path} </dev/null 2>&1; printf '\\n%s\\n' '${end}'\n`)
    })
  }
  // The whole group: what runs in the background would outlive its shell.
  const stop = () => {
    try {
      if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL')
    } catch {
      // It has ended already.
    }
  }
  return { run, stop }
}
