/** One consumer at work: straight from the owner's log, or by messages with the log behind them. */
import { refused } from '../base/error.ts'
import type { Scheduler } from '../base/scheduler.ts'
import type { Signal } from '../base/signal.ts'
import { HintInbox } from '../inbox/hint-inbox.ts'
import type { Consumer } from '../inbox/inbox.ts'
import { InboxEffect } from '../inbox/inbox-effect.ts'
import { Versions } from '../inbox/versions.ts'
import { LaneLoop } from '../log/lane-loop.ts'
import type { Membership } from '../log/membership.ts'
import type { Cut } from '../log/position.ts'
import { type OwnerLog, SqlOwnerLog } from '../log/reader.ts'
import type { Database } from '../store/store.ts'
import type { Channel } from '../transport/transport.ts'
import { tellingCaughtUp } from './caught-up.ts'

/**
 * Where an owner's log is read: a database opened with this service's role, or another route. With a `channel` its messages come
 * as hints, and the log is read only for what they did not bring.
 */
export interface Source {
  readonly database?: Database
  readonly log?: OwnerLog
  /** The ticks of an owner in the same process: spares a poll. */
  readonly ticks?: Signal<Cut>
  readonly channel?: Channel
}

/** What is true of a consumer right now. */
export interface ConsumerHealth {
  readonly name: string
  readonly source: string
  readonly state: string
  readonly lanes: number
  /** Streams that wait. */
  readonly parked: number
  readonly applied: number
  readonly duplicates: number
  /** Events that no message brought and that were read from the owner. */
  readonly pulled: number
  readonly error?: string
}

export interface RunningConsumer {
  readonly consumer: Consumer
  health(): ConsumerHealth
  /** Looks again at once: after a release, or when a test has moved the clock. */
  wake(): void
  stop(): Promise<void>
}

/** What a consumer runs on. */
export interface ConsumerParts {
  readonly service: string
  readonly database: Database
  /** A small pool for reading lanes and positions. */
  readonly control: Database
  readonly members: Membership
  readonly scheduler: Scheduler
  readonly sources: Readonly<Record<string, Source>>
  readonly options: { readonly pollMs?: number; readonly batchEvents?: number }
}

/** Rows of one page of a backfill: a page is one short statement at the owner. */
const backfillRows = 2_000

/**
 * Starts a consumer.
 *
 * @throws Refused `service/no-source` when its owner is not among the sources.
 */
export async function startConsumer(parts: ConsumerParts, consumer: Consumer): Promise<RunningConsumer> {
  const source = assertSource(parts.sources, consumer)
  const opened = source.log ? undefined : source.database?.sibling({ max: 2 })
  const asked = source.log ?? new SqlOwnerLog(consumer.source, opened as Database, source.ticks)
  const log = consumer.caughtUp ? tellingCaughtUp(asked, parts.database.clock, consumer.caughtUp) : asked
  const options = { consumer: consumer.name, service: parts.service, start: consumer.start, ...parts.options }
  const close = async () => {
    await log.stop()
    await opened?.close()
  }
  return source.channel
    ? startHints(parts, { consumer, log, options, close }, source.channel)
    : startLog(parts, { consumer, log, options, close })
}

interface Prepared {
  readonly consumer: Consumer
  readonly log: OwnerLog
  readonly options: { readonly consumer: string; readonly service: string; readonly start: 'beginning' | 'now' }
  readonly close: () => Promise<void>
}

async function startLog(parts: ConsumerParts, { consumer, log, options, close }: Prepared): Promise<RunningConsumer> {
  const versions = new Versions(parts.database.schema, consumer.name, consumer.source)
  const effect = new InboxEffect(
    parts.database,
    consumer,
    (entity, afterKey) => log.backfill(consumer.name, entity, afterKey, backfillRows),
    // Messages may come again, also old ones: what is done without them must be known then.
    (await versions.areKept(parts.database)) ? versions : undefined,
  )
  const loop = new LaneLoop({ database: parts.control, log, members: parts.members, effect }, options)
  await log.start()
  loop.start(parts.scheduler)
  return {
    consumer,
    wake: () => loop.wake(),
    health: () =>
      healthOf(consumer, loop, {
        parked: effect.parked,
        applied: effect.applied,
        duplicates: effect.duplicates,
        pulled: 0,
      }),
    stop: async () => {
      await loop.stop()
      await close()
    },
  }
}

async function startHints(
  parts: ConsumerParts,
  { consumer, log, options, close }: Prepared,
  channel: Channel,
): Promise<RunningConsumer> {
  // The log is not started: its notices of each tick would make every message a second read.
  const inbox = new HintInbox({ database: parts.database, log, members: parts.members, consumer }, options)
  inbox.start(parts.scheduler)
  const subscription = await channel
    .subscribe(consumer.name, (packets) => inbox.take(packets))
    .catch(async (error: unknown) => {
      // A loop that nobody knows of would hold lanes, and apply, beside the next start.
      await inbox.stop()
      await close()
      throw error
    })
  return {
    consumer,
    wake: () => inbox.loop.wake(),
    health: () =>
      healthOf(consumer, inbox.loop, {
        parked: inbox.parked,
        applied: inbox.applied,
        duplicates: inbox.duplicates,
        pulled: inbox.pulled,
      }),
    stop: async () => {
      await subscription.stop()
      await inbox.stop()
      await close()
    },
  }
}

function healthOf(
  consumer: Consumer,
  loop: LaneLoop,
  counts: Pick<ConsumerHealth, 'parked' | 'applied' | 'duplicates' | 'pulled'>,
): ConsumerHealth {
  const error =
    loop.lastError === undefined
      ? {}
      : { error: loop.lastError instanceof Error ? loop.lastError.message : String(loop.lastError) }
  return {
    name: consumer.name,
    source: consumer.source,
    state: loop.state,
    lanes: loop.lanes.length,
    ...counts,
    ...error,
  }
}

/** The source that a consumer reads from. */
export function assertSource(sources: Readonly<Record<string, Source>>, consumer: Consumer): Source {
  const source = Object.hasOwn(sources, consumer.source) ? sources[consumer.source] : undefined
  if (!source?.log && !source?.database) throw noSource(consumer)
  return source
}

function noSource(consumer: Consumer): Error {
  return refused(
    'service/no-source',
    `Consumer ${consumer.name} reads from ${consumer.source}, which is not among the sources.`,
    `Give sources: { ${consumer.source}: { database } }, opened with this service's role.`,
    { consumer: consumer.name, source: consumer.source },
  )
}
