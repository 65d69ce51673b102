/**
 * How a command in another terminal finds the running demo: a file that only this user can read, since it holds the
 * passwords of the demo's databases.
 *
 *     $XDG_RUNTIME_DIR/selvedge-demo-<pid>.json, or the folder for temporary files; mode 0600
 *
 * A file of a process that is gone, of another user, or that others could have written, is ignored. The file goes with its
 * demo, even a killed one: a shell that waits for the end of a pipe removes it.
 */
import { spawn } from 'node:child_process'
import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { isRunning, thisProcess } from '../base/process-life.ts'

const variant = z.record(z.string(), z.string())

const addressSchema = z.object({
  format: z.literal('selvedge/demo@1'),
  pid: z.int().positive(),
  /** The process's start as the system tells it: a process number alone is given again. */
  started: z.string(),
  page: z.string(),
  /** Variant, then service, to URL. */
  variants: z.record(z.string(), variant),
})

/** Where a demo's databases are. */
export type DemoAddress = z.infer<typeof addressSchema>

const fileName = /^selvedge-demo-(\d+)\.json$/

/** The address of the demo of this process, as other commands of this user find it. */
export class PublishedAddress {
  readonly #path = join(folders()[0]!, `selvedge-demo-${process.pid}.json`)
  readonly #remover = spawn('/bin/sh', ['-c', 'read -r _; rm -f "$1"', 'selvedge-address', this.#path], {
    // A session of its own keeps Ctrl-C from ending it before there is something to remove.
    ...{ detached: true, cwd: '/', stdio: ['pipe', 'ignore', 'ignore'] },
  })

  constructor() {
    // Without a shell the file of a killed demo stays until the next command looks for one.
    this.#remover.on('error', () => undefined)
    this.#remover.stdin?.on('error', () => undefined)
    this.#remover.unref()
    ;(this.#remover.stdin as { unref?(): void } | null)?.unref?.()
  }

  /** Writes the address, or writes it anew. */
  write(address: Pick<DemoAddress, 'page' | 'variants'>): void {
    const content: DemoAddress = {
      ...{ format: 'selvedge/demo@1', pid: process.pid, started: thisProcess().born },
      ...address,
    }
    const next = `${this.#path}.new`
    rmSync(next, { force: true })
    // "wx" refuses a file or link that somebody else put there in the meantime; renaming shows a whole file or none.
    writeFileSync(next, JSON.stringify(content), { mode: 0o600, flag: 'wx' })
    renameSync(next, this.#path)
  }

  /** Takes it back. */
  remove(): void {
    rmSync(this.#path, { force: true })
    this.#remover.stdin?.end()
  }
}

/** The demo that was started last, or undefined when none runs. Removes files of this user's demos that are gone. */
export function findDemo(): DemoAddress | undefined {
  const found = folders().flatMap((folder) =>
    listed(folder).flatMap((name) => {
      const path = join(folder, name)
      const stat = trustedStat(path)
      if (stat === undefined) return []
      const address = readAddress(path)
      if (address === undefined || !isRunning({ pid: address.pid, born: address.started })) {
        rmSync(path, { force: true })
        return []
      }
      return [{ address, at: stat.mtimeMs }]
    }),
  )
  return found.sort((a, b) => b.at - a.at)[0]?.address
}

function folders(): string[] {
  const runtime = process.env.XDG_RUNTIME_DIR
  return runtime && trustedFolder(runtime) ? [runtime, tmpdir()] : [tmpdir()]
}

function trustedFolder(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat?.isDirectory() === true && stat.uid === process.getuid?.()
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => fileName.test(name))
  } catch {
    return []
  }
}

function trustedStat(path: string) {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  const isOurs = process.getuid === undefined || stat?.uid === process.getuid()
  return stat?.isFile() && isOurs && (stat.mode & 0o077) === 0 ? stat : undefined
}

function readAddress(path: string): DemoAddress | undefined {
  try {
    return addressSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return undefined
  }
}
