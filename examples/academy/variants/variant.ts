/** What both variants of the academy give to the one who runs them. */
import type { Hono } from 'hono'
import type { Variant } from 'selvedge/testing'
import type { Action } from '../actions.ts'

/** What became of events. The naive variant knows none of this. */
export interface EventCounts {
  readonly published: number
  /** Effects of events in consumers' databases: one event with three consumers counts three times. */
  readonly applied: number
  readonly duplicatesDropped: number
  /** Events that no message brought and that were read from their owner. */
  readonly pulled: number
  /** Copies that were told anew by their owner. */
  readonly refreshed: number
  /** Streams that wait now. */
  readonly parked: number
}

/** A variant in a simulated world, with its connections. */
export interface AcademyVariant {
  readonly variant: Variant<Action, never>
  events(): Promise<EventCounts>
  close(): Promise<void>
}

/** An API whose failures reach the caller as errors: the simulated death of a process must not be answered with 500. */
export function openly(api: Hono): Hono {
  api.onError((error) => {
    throw error
  })
  return api
}

/**
 * Performs an action at a service's API.
 *
 * @throws Error when the service fails, which is neither of the two answers.
 */
export async function ask(api: Hono, action: Action): Promise<'accepted' | 'refused'> {
  const response = await api.request(action.path, {
    method: action.method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(action.body),
  })
  if (response.ok) return 'accepted'
  if (response.status === 409 || response.status === 404) return 'refused'
  throw new Error(`${action.method} ${action.path} was answered with ${response.status}: ${await response.text()}`)
}
