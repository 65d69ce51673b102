/** Runs a batch's handlers in order and says which event was at fault when one throws. */
import type { EventType } from '../contract/contract.ts'
import { receive } from '../contract/contract.ts'
import type { LoggedEvent } from '../log/event.ts'
import { messageSpan } from '../observe/message-span.ts'
import { metrics } from '../observe/metrics.ts'
import { withSpan } from '../observe/trace.ts'
import type { Transaction } from '../store/database.ts'
import type { Consumer, Handler } from './consumer.ts'

/** A handler's failure with the index of its event; `index` is undefined when a run of many failed together. */
export class HandlerFailure extends Error {
  readonly index: number | undefined
  constructor(index: number | undefined, cause: unknown) {
    super('a handler failed', { cause })
    this.index = index
  }
}

/** The handlers of a consumer by event type, and those that hear of erasures. */
export interface HandlerTable {
  readonly byType: ReadonlyMap<string, { readonly handler: Handler; readonly event: EventType }>
  readonly erasers: readonly Handler[]
}

export function handlerTable(consumer: Consumer): HandlerTable {
  const entries = consumer.handlers.flatMap((handler) =>
    handler.events.map((event) => [event.name, { handler, event }] as const),
  )
  return { byType: new Map(entries), erasers: consumer.handlers.filter((handler) => handler.erased) }
}

/**
 * Events nobody handles are passed over: a consumer reads the streams it wants from a log that holds more.
 *
 * With `isExact` each handler's statements are waited for, so that the one of them that fails is told by its own event.
 */
export async function runHandlers(
  table: HandlerTable,
  consumer: string,
  tx: Transaction,
  events: readonly LoggedEvent[],
  isExact = false,
): Promise<void> {
  let run: { readonly handler: Handler; readonly events: LoggedEvent[] } | undefined
  const finishRun = async (): Promise<void> => {
    if (!run) return
    const { handler, events: many } = run
    run = undefined
    try {
      await observed(tx, consumer, many, async () => handler.many?.(tx, many))
    } catch (error) {
      throw new HandlerFailure(undefined, error)
    }
  }
  for (const [index, event] of events.entries()) {
    if (event.op === 'erase') {
      await finishRun()
      for (const eraser of table.erasers)
        await runOne({ events: [], each: eraser.erased! }, { consumer, tx, event, index, isExact })
      continue
    }
    const known = table.byType.get(event.type)
    if (!known) continue
    const received = receiveAt(index, known.event, event)
    if (known.handler.many) {
      if (run && run.handler !== known.handler) await finishRun()
      if (run) run.events.push(received)
      else run = { handler: known.handler, events: [received] }
      continue
    }
    await finishRun()
    await runOne(known.handler, { consumer, tx, event: received, index, isExact })
  }
  await finishRun()
}

interface One {
  readonly consumer: string
  readonly tx: Transaction
  readonly event: LoggedEvent
  readonly index: number
  readonly isExact: boolean
}

async function runOne(handler: Handler, { consumer, tx, event, index, isExact }: One): Promise<void> {
  tx.cause = { id: event.id, correlation: event.correlation ?? event.id }
  try {
    await observed(tx, consumer, [event], async () => handler.each?.(tx, event))
    if (isExact) await tx.query('select 1')
  } catch (error) {
    throw new HandlerFailure(index, error)
  } finally {
    tx.cause = undefined
  }
}

/** Runs a handler in a span that links to the spans of its events, and measures it. */
async function observed(
  tx: Transaction,
  group: string,
  events: readonly LoggedEvent[],
  work: () => Promise<void>,
): Promise<void> {
  const destination = (events[0] as LoggedEvent).source
  const links = events.map((event) => event.traceparent)
  const { name, options } = messageSpan('process', { destination, group, links, count: events.length })
  const labels = { 'messaging.consumer.group.name': group, 'messaging.destination.name': destination }
  const before = tx.clock.monotonicMs()
  try {
    await withSpan(name, options, work)
  } finally {
    metrics.processDuration.record((tx.clock.monotonicMs() - before) / 1_000, labels)
    metrics.consumedMessages.add(events.length, labels)
  }
}

function receiveAt(index: number, type: EventType, event: LoggedEvent): LoggedEvent {
  try {
    return { ...event, data: receive(type, event.schemaVersion, event.data) }
  } catch (error) {
    metrics.contractViolations.add(1, { contract: event.type, version: String(event.schemaVersion), side: 'receive' })
    throw new HandlerFailure(index, error)
  }
}
