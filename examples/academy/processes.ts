/**
 * The cured academy with one process per service, on a PostgreSQL that is given: nothing is shared but the server.
 *
 *     databases and roles --> eight processes --each says its port--> learners come in over HTTP --stop--> SIGTERM, drained
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { transient } from 'selvedge'
import { type Action, drawAction, emptyModel } from './actions.ts'
import type { DemoSurroundings } from './demo-surroundings.ts'
import type { ProcessOrder, ProcessReady } from './process.ts'
import { type ServiceName, serviceNames } from './services.ts'

/** What the processes run on. */
export interface ProcessesOptions {
  /** The database of a service, with the service's own role. */
  readonly url: (service: ServiceName) => string
  readonly scheduler: DemoSurroundings['scheduler']
  readonly learners: DemoSurroundings['learners']
}

/** Eight processes at work. */
export interface Processes {
  readonly running: readonly { readonly service: ServiceName; readonly pid: number; readonly url: string }[]
  readonly answers: { readonly accepted: number; readonly refused: number }
  stop(): Promise<void>
}

/** A process that has not said its port by then will not: a loaded machine starts Node in a few seconds. */
const readyWithinMs = 60_000
/** Quick enough to see things move, slow enough to leave the machine to others. */
const pauseMs = 100

/**
 * Starts one process per service and lets learners in.
 *
 * @throws Transient `academy/process-ended` when one ends before it was ready; the others are stopped.
 */
export async function startProcesses(options: ProcessesOptions): Promise<Processes> {
  const children = serviceNames.map((service) => startOne(service, options))
  const stop = async () => {
    for (const { child } of children) child.kill('SIGTERM')
    await Promise.all(children.map(({ ended }) => ended))
  }
  try {
    const late = options.scheduler.sleep(readyWithinMs).then(() => undefined)
    const ports = await Promise.all(children.map(({ ready }) => Promise.race([ready, late])))
    const running = children.map(({ service, child }, i) => {
      const port = ports[i]?.port
      if (port === undefined) throw ended(service)
      return { service, pid: child.pid ?? 0, url: `http://127.0.0.1:${port}` }
    })
    const answers = { accepted: 0, refused: 0 }
    const traffic = letLearnersIn(running, answers, options)
    return {
      running,
      answers,
      stop: async () => {
        await traffic.stop()
        await stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

interface Started {
  readonly service: ServiceName
  readonly child: ChildProcess
  readonly ready: Promise<ProcessReady | undefined>
  readonly ended: Promise<void>
}

function startOne(service: ServiceName, { url }: ProcessesOptions): Started {
  const own = new URL(url(service))
  const others = serviceNames.filter((name) => name !== service)
  const order: ProcessOrder = {
    service,
    url: own.href,
    sources: Object.fromEntries(others.map((name) => [name, withRole(url(name), own)])),
    readers: others.map((name) => decodeURIComponent(new URL(url(name)).username)),
  }
  const child = spawn(process.execPath, [fileURLToPath(new URL('./process.js', import.meta.url))], {
    env: { ...process.env, ACADEMY_PROCESS: JSON.stringify(order) },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((done) => child.once('close', () => done()))
  const said = new Promise<ProcessReady | undefined>((heard) => {
    createInterface({ input: child.stdout! }).once('line', (line) => heard(JSON.parse(line) as ProcessReady))
    child.once('close', () => heard(undefined))
  })
  return { service, child, ready: said, ended }
}

/** Another service's database, entered with one's own role: the owner lets it execute five functions. */
function withRole(url: string, role: URL): string {
  const theirs = new URL(url)
  theirs.username = role.username
  theirs.password = role.password
  return theirs.href
}

function letLearnersIn(
  running: Processes['running'],
  answers: { accepted: number; refused: number },
  { scheduler, learners }: ProcessesOptions,
): { stop(): Promise<void> } {
  const model = emptyModel()
  let number = 0
  return scheduler.task('learners', async () => {
    const action = drawAction(learners, model, { number, userVersion: 2 as const, isStopped: () => false })
    number += 1
    const at = running.find(({ service }) => service === action.service)
    if (at) answers[await ask(at.url, action)] += 1
    return pauseMs
  })
}

async function ask(url: string, action: Action): Promise<'accepted' | 'refused'> {
  const answer = await fetch(url + action.path, {
    method: action.method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(action.body),
  }).catch(() => undefined)
  return answer?.ok ? 'accepted' : 'refused'
}

const ended = (service: ServiceName): Error =>
  transient(
    'academy/process-ended',
    `The process of ${service} ended, or did not say its port within ${readyWithinMs / 1_000} s.`,
    'Its own words are above; see that the server allows eight times a dozen connections.',
  )
