/**
 * The keeper: a shell between Node and PostgreSQL, so that nothing is left however Node ends.
 *
 *     node --pipe--> keeper (/bin/sh, a session of its own) --> initdb, then postgres
 *                       \--> reader: waits for the end of the pipe
 *
 * The end of the pipe means that Node is gone, by SIGKILL or by choice. The reader then signals the whole process
 * group (QUIT for a throw-away server, INT for one that is kept, QUIT after 10 s) until the keeper is gone, and removes
 * the run folder. The keeper removes it too: whichever of the two is killed, the other one cleans up. No exit hook and
 * no native code; a session of its own keeps Ctrl-C from reaching the server before Node has drained.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Scheduler } from '../base/scheduler.ts'

/** The user that the server runs as; empty for the current one. */
export interface RunAs {
  readonly uid?: number
  readonly gid?: number
}

/** All that a keeper is told. */
export interface KeeperOrder {
  readonly bin: string
  readonly runFolder: string
  readonly dataFolder: string
  readonly isKept: boolean
  readonly runAs: RunAs
  readonly environment: Readonly<Record<string, string>>
  /** Options for `initdb`, one shell word each, none with a blank or a quote. */
  readonly initdbOptions: readonly string[]
  readonly settings: Readonly<Record<string, string | number>>
}

/** A keeper at work. */
export interface Keeper {
  /** Resolves when keeper and server have ended, with the last lines of the server's log. */
  readonly gone: Promise<string>
  /** Resolves true once connections are accepted, false when the server ended before. */
  ready(scheduler: Scheduler, withinMs: number): Promise<boolean>
  /** Ends the server and waits until it is gone. */
  stop(): Promise<void>
}

/**
 * Steps: put the pipe aside; ignore the signals meant for the children; start the reader; make the data folder under
 * another name and rename it (PG_VERSION appears long before initdb is done); run the server; report; clean up; end
 * the reader with whatever it waits in, and with it oneself. The reader gives up after 30 s, because a killed keeper
 * that nobody reaps looks alive for ever.
 */
const script = `
exec 3<&0 </dev/null; trap '' INT QUIT TERM HUP
bin=$1 run=$2 data=$3 sig=$4 init=$5; shift 5
{ read -r _ <&3; n=0
  while kill -$sig 0; sleep 0.2; kill -0 $$ && [ $n -lt 150 ]; do n=$((n+1)); [ $n -lt 50 ] || sig=QUIT; done
  rm -rf "$run"; } >/dev/null 2>&1 &
exec 3<&-
{ [ -f "$data/PG_VERSION" ] || { rm -rf "$data.new" && "$bin/initdb" -D "$data.new" --pwfile="$run/password" $init && mv "$data.new" "$data"; }; } >>"$run/log" 2>&1 \\
  && rm -f "$run/password" && "$bin/postgres" -D "$data" "$@" >>"$run/log" 2>&1
tail -n 12 "$run/log" >&2; cd /; rm -rf "$run"; kill -KILL 0`

/** How often the server's status file is looked at while it starts: a start takes 50 ms to 1 s. */
const lookEveryMs = 10

/** The log lines kept of a server that ends: twelve lines of the tail, and never more than this. */
const lastWordsMax = 8_192

/** Starts the keeper, which starts the server. Does not wait for either. */
export function startKeeper(order: KeeperOrder): Keeper {
  const settings = Object.entries(order.settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const words = [
    order.bin,
    order.runFolder,
    order.dataFolder,
    order.isKept ? 'INT' : 'QUIT',
    order.initdbOptions.join(' '),
    ...settings,
  ]
  const child = spawn('/bin/sh', ['-c', script, 'selvedge-keeper', ...words], {
    ...order.runAs,
    cwd: order.runFolder,
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
    env: order.environment,
  })
  return new ShellKeeper(child, order)
}

class ShellKeeper implements Keeper {
  readonly gone: Promise<string>
  readonly #child: ChildProcess
  readonly #order: KeeperOrder
  #isOver = false

  constructor(child: ChildProcess, order: KeeperOrder) {
    this.#child = child
    this.#order = order
    let lastWords = ''
    child.stderr?.on('data', (text: Buffer) => {
      lastWords = (lastWords + text).slice(-lastWordsMax)
    })
    child.stdin?.on('error', () => undefined)
    this.gone = new Promise((resolve) => {
      const over = (words: string) => {
        this.#isOver = true
        resolve(words)
      }
      child.once('error', (error) => over(error.message))
      child.once('close', () => over(lastWords))
    })
  }

  async ready(scheduler: Scheduler, withinMs: number): Promise<boolean> {
    for (let waitedMs = 0; waitedMs < withinMs; waitedMs += lookEveryMs) {
      if (this.#isOver) return false
      if (this.#isReady()) {
        this.#letGo()
        return true
      }
      await scheduler.sleep(lookEveryMs)
    }
    await this.stop()
    return false
  }

  async stop(): Promise<void> {
    // Referenced again, or a program with nothing else to do would end before its server has.
    this.#child.ref()
    for (const stream of this.#streams()) stream.ref?.()
    this.#child.stdin?.end()
    await this.gone
  }

  /** Line 8 of the status file is the state; line 5, the socket folder, tells it from the file of a server before. */
  #isReady(): boolean {
    const lines = readIfThere(join(this.#order.dataFolder, 'postmaster.pid')).split('\n')
    return lines[4] === this.#order.runFolder && lines[7]?.startsWith('ready') === true
  }

  /** The program may simply end: the pipe closes with it, and the keeper does the rest. */
  #letGo(): void {
    this.#child.unref()
    for (const stream of this.#streams()) stream.unref?.()
  }

  /** The pipes to the keeper are sockets, which can be kept from holding the process alive; the types do not say so. */
  #streams(): { ref?(): void; unref?(): void }[] {
    return [this.#child.stdin, this.#child.stderr].filter((stream) => stream !== null) as {
      ref?(): void
      unref?(): void
    }[]
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
