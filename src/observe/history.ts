/**
 * The history of one entity: what each service holds of it now, and what happened to it, as one timeline. It is read
 * from the databases alone, so it can be had after every process has stopped; `explain` prints it, the dashboard
 * shows it.
 *
 * Services' clocks differ by minutes, so times alone would show effects before their causes. `timeline` therefore
 * orders by position first: nothing of version n comes before the commit of version n, nor that before version n - 1.
 */

/** Which event of which stream a moment is about. */
export interface EventRef {
  /** The owner that logged the event. */
  readonly source: string
  readonly stream: string
  /** The dense number of the event in its stream, from 1. */
  readonly version: number
  readonly type?: string
  readonly id?: string
}

/** Something that happened to an entity. `at` is the wall time of `service`, as its database recorded it. */
export type Moment = {
  readonly service: string
  readonly at: Date
  readonly event?: EventRef
  readonly traceparent?: string
} & (
  | { readonly kind: 'published'; readonly op: string; readonly tick?: number; readonly data?: unknown }
  | { readonly kind: 'sent'; readonly destination: string }
  | { readonly kind: 'applied'; readonly consumer: string; readonly tick?: number }
  | { readonly kind: 'duplicate'; readonly consumer: string }
  | { readonly kind: 'pulled'; readonly consumer: string }
  | { readonly kind: 'parked'; readonly consumer: string; readonly attempts: number; readonly error: string }
  | { readonly kind: 'released'; readonly consumer: string; readonly by?: string }
  | { readonly kind: 'conflict'; readonly replica: string; readonly field: string; readonly lost: unknown }
  | { readonly kind: 'written-behind'; readonly table: string }
  | { readonly kind: 'repaired'; readonly by?: string; readonly plan?: string }
)

/** The entity as one service holds it now. */
export interface HeldRow {
  readonly service: string
  readonly table: string
  /** Whether this service owns the entity or copies it. */
  readonly role: 'owner' | 'copy' | 'reference'
  /** `undefined` when the service has no such row. */
  readonly row: Readonly<Record<string, unknown>> | undefined
  readonly version?: number
  readonly asOf?: Date
}

/** A place that could not be read: said, never left out in silence. */
export interface UnreadPlace {
  readonly service: string
  readonly code: string
  readonly message: string
}

/** All that is known of one entity. */
export interface History {
  readonly entity: string
  readonly key: string
  readonly rows: readonly HeldRow[]
  /** In the order of `timeline`. */
  readonly moments: readonly Moment[]
  readonly unread: readonly UnreadPlace[]
}

/** Cause before effect for moments of one event that claim the same time. */
const causalOrder: readonly Moment['kind'][] = [
  'written-behind',
  'published',
  'sent',
  'pulled',
  'applied',
  'conflict',
  'duplicate',
  'parked',
  'released',
  'repaired',
]

/**
 * The moments in the order in which they can have happened: by time, except that a clock which ran behind is
 * corrected by position. The moments themselves keep the time their service recorded.
 */
export function timeline(moments: readonly Moment[]): Moment[] {
  const commits = commitTimes(moments)
  const ranked = moments.map((moment) => {
    const committed = moment.event === undefined ? undefined : commits.get(eventKey(moment.event))
    return { moment, time: Math.max(moment.at.getTime(), committed ?? Number.NEGATIVE_INFINITY) }
  })
  return ranked.sort((a, b) => a.time - b.time || compareMoments(a.moment, b.moment)).map(({ moment }) => moment)
}

/** When each event was committed at the latest known: a stream's versions never go back in time. */
function commitTimes(moments: readonly Moment[]): Map<string, number> {
  const published = moments.filter((moment) => moment.kind === 'published' && moment.event !== undefined)
  published.sort((a, b) => a.event!.version - b.event!.version)
  const latest = new Map<string, number>()
  const commits = new Map<string, number>()
  for (const { event, at } of published) {
    const stream = streamKey(event)
    const time = Math.max(at.getTime(), latest.get(stream) ?? Number.NEGATIVE_INFINITY)
    latest.set(stream, time)
    commits.set(eventKey(event!), time)
  }
  return commits
}

/** A total order, so that the same moments give the same timeline however they were read. */
function compareMoments(a: Moment, b: Moment): number {
  return (
    compareText(streamKey(a.event), streamKey(b.event)) ||
    (a.event?.version ?? 0) - (b.event?.version ?? 0) ||
    causalOrder.indexOf(a.kind) - causalOrder.indexOf(b.kind) ||
    compareText(a.service, b.service)
  )
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function streamKey(event: EventRef | undefined): string {
  return event === undefined ? '' : `${event.source}\n${event.stream}`
}

function eventKey(event: EventRef): string {
  return `${streamKey(event)}\n${event.version}`
}
