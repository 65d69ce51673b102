/** `selvedge demo --processes`: the cured academy as one process per service, on a PostgreSQL that is given. */
import { refused } from '../base/error.ts'
import { seededRandom } from '../base/random.ts'
import { systemScheduler } from '../base/scheduler.ts'
import type { Server } from '../store/server.ts'
import { serviceDatabases } from '../store/service-databases.ts'
import type { Terminal } from './terminal.ts'
import { untilAborted } from './until-aborted.ts'

/** What a person may say. */
export interface ProcessesChoice {
  readonly seed?: string | undefined
  readonly signal: AbortSignal
}

/** Runs until the signal; then the processes drain and their databases go. */
export async function processesCommand(server: Server, choice: ProcessesChoice, terminal: Terminal): Promise<number> {
  if (server.kind !== 'given')
    throw refused(
      'cli/processes-need-a-server',
      '--processes runs on a PostgreSQL that is given.',
      'Pass --database-url postgres://user:password@host/database as well.',
    )
  const databases = await serviceDatabases(server, { prefix: 'selvedge_demo' })
  const scheduler = systemScheduler()
  try {
    const [{ startProcesses }, { serviceNames }] = await Promise.all([
      import('../../examples/academy/processes.ts'),
      import('../../examples/academy/services.ts'),
    ])
    const urls = new Map<string, string>()
    for (const service of serviceNames) urls.set(service, (await databases.create(service)).url)
    terminal.note(`starting ${serviceNames.length} processes`)
    const learners = seededRandom(choice.seed ?? 'academy').fork('learners')
    const academy = await startProcesses({ url: (service) => urls.get(service) ?? '', scheduler, learners })
    try {
      if (terminal.isJson) terminal.json({ format: 'selvedge/processes@1', processes: academy.running })
      else for (const { service, pid, url } of academy.running) terminal.out(`${service.padEnd(14)} ${url}  pid ${pid}`)
      terminal.note('learners come in over HTTP; Ctrl-C ends the processes and removes their databases')
      return await untilAborted(choice.signal, new Promise<never>(() => undefined))
    } finally {
      await academy.stop()
    }
  } finally {
    await scheduler.stop()
    await databases.stop()
  }
}
