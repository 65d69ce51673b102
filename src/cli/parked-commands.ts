/** The commands for streams that wait: list, retry, release, skip. They look through all sources that have our tables. */
import { counted } from '../base/counted.ts'
import { refused } from '../base/error.ts'
import { parkedStreams, release, retry, skip } from '../inbox/operate.ts'
import type { Config } from '../invariant/invariant.ts'
import { type Database, openDatabase, quoteIdentifier } from '../store/store.ts'
import { exitCode } from './exit-code.ts'
import { type ConfigChoice, resolveConfig } from './resolve-config.ts'
import type { Terminal } from './terminal.ts'
import { columnsText, valueText } from './text.ts'

interface Waiting {
  readonly source: string
  readonly database: Database
}

/** Runs `work` with every source whose database has a place for streams that wait. */
async function withWaiting<T>(config: Config, work: (places: readonly Waiting[]) => Promise<T>): Promise<T> {
  const opened = Object.entries(config.sources).map(([source, { url, schema = 'selvedge' }]) => ({
    source,
    database: openDatabase(url, { schema, max: 1, applicationName: 'selvedge cli' }),
  }))
  try {
    const places: Waiting[] = []
    for (const place of opened) {
      const name = `${quoteIdentifier(place.database.schema)}.parked_stream`
      const { rows } = await place.database.query<{ there: boolean }>('select to_regclass($1) is not null as there', [
        name,
      ])
      if (rows[0]?.there) places.push(place)
    }
    return await work(places)
  } finally {
    await Promise.all(opened.map(({ database }) => database.close()))
  }
}

/** `selvedge parked [consumer]` */
export async function parkedCommand(
  consumer: string | undefined,
  options: ConfigChoice,
  terminal: Terminal,
): Promise<number> {
  const config = await resolveConfig(options, terminal)
  const streams = await withWaiting(config, async (places) => {
    const found = await Promise.all(
      places.map(async ({ source, database }) =>
        (await parkedStreams(database, consumer)).map((stream) => ({ ...stream, database: source })),
      ),
    )
    return found.flat()
  })
  if (terminal.isJson) terminal.json({ format: 'selvedge/parked@1', streams })
  else {
    const lines = streams.map((one) => [
      one.consumer,
      one.stream,
      one.state,
      `${counted(one.events, 'event')} from v${one.firstVersion}`,
      `${counted(one.attempts, 'attempt')}: ${valueText(one.error.message ?? one.error, 100)}`,
    ])
    for (const line of columnsText(lines)) terminal.out(line)
    terminal.out(streams.length === 0 ? 'Nothing waits.' : `${counted(streams.length, 'stream')}.`)
  }
  return streams.some((one) => one.state === 'parked') ? exitCode.findings : exitCode.clean
}

/** `selvedge retry <consumer> <stream>` */
export async function retryCommand(
  { consumer, stream }: { readonly consumer: string; readonly stream: string },
  options: ConfigChoice,
  terminal: Terminal,
): Promise<number> {
  const config = await resolveConfig(options, terminal)
  const done = await withWaiting(config, (places) =>
    Promise.all(places.map(({ database }) => retry(database, consumer, stream))),
  )
  return told(done.filter(Boolean).length, { terminal, what: `${stream} of ${consumer}`, consumer })
}

/** `selvedge release <consumer>` */
export async function releaseCommand(consumer: string, options: ConfigChoice, terminal: Terminal): Promise<number> {
  const config = await resolveConfig(options, terminal)
  const done = await withWaiting(config, (places) =>
    Promise.all(places.map(({ database }) => release(database, consumer))),
  )
  return told(
    done.reduce((sum, n) => sum + n, 0),
    { terminal, what: `a stream of ${consumer}`, consumer },
  )
}

function told(
  count: number,
  { terminal, what, consumer }: { readonly terminal: Terminal; readonly what: string; readonly consumer: string },
): number {
  if (count === 0)
    throw refused('cli/usage-not-waiting', `Nothing waits as ${what}.`, 'See what waits: selvedge parked')
  if (terminal.isJson) terminal.json({ format: 'selvedge/released@1', consumer, streams: count })
  else terminal.out(`${counted(count, 'stream')} of ${consumer} will be tried again by the process that owns its lane.`)
  return exitCode.clean
}

/** `selvedge skip <consumer> <stream> <version> --by <name> --reason <text>` */
export async function skipCommand(
  what: {
    readonly consumer: string
    readonly stream: string
    readonly version: number
    readonly by: string
    readonly reason: string
  },
  options: ConfigChoice,
  terminal: Terminal,
): Promise<number> {
  const config = await resolveConfig(options, terminal)
  await withWaiting(config, async (places) => {
    for (const { database } of places) {
      const waiting = await parkedStreams(database, what.consumer)
      if (waiting.some(({ stream }) => stream === what.stream)) return skip(database, what)
    }
    throw refused(
      'inbox/not-parked',
      `${what.stream} does not wait at ${what.consumer}.`,
      'See what waits: selvedge parked',
    )
  })
  if (terminal.isJson) terminal.json({ format: 'selvedge/skipped@1', ...what })
  else
    terminal.out(
      `Version ${what.version} of ${what.stream} is left out at ${what.consumer}, by ${what.by}: ${what.reason}`,
    )
  return exitCode.clean
}
