/**
 * What the webhook's receiver is told, `selvedge/watch-message@1`. The same record gives the same message, so that one sent
 * twice can be known by its id.
 *
 * `text` is for people, and the field that chat systems show. It is escaped as they ask (`&`, `<`, `>`), because keys are
 * data and must not call a channel.
 */
import type { WebhookOccasion } from '../invariant/invariant.ts'
import type { AlertRecord, RepairRun, RunRecord, WatchEvent } from './record.ts'

/** A message as it is posted. */
export interface WatchMessage {
  readonly format: 'selvedge/watch-message@1'
  /** Of the run or alert; the same each time it is sent. */
  readonly id: string
  readonly at: string
  readonly text: string
  readonly outcome: RunRecord['outcome'] | 'alert'
  /** Findings of each invariant of the run. */
  readonly findings: Readonly<Record<string, number>>
  readonly events: readonly WatchEvent[]
  /** What was repaired without a person in the run, and what was not and why. */
  readonly repairs: readonly RepairRun[]
  /** Events that did not fit. */
  readonly more: number
  /** Messages before this one that were given up. */
  readonly missed: number
}

/** Beyond it a person reads the report. */
const eventsMax = 50
const linesMax = 10

const isNew = new Set<WatchEvent['kind']>(['opened', 'flapping', 'silent', 'unusual', 'incomplete'])

/** The events of a run or alert that are told. Of what flaps only the beginning is. */
export function newsOf(events: readonly WatchEvent[], on: WebhookOccasion): readonly WatchEvent[] {
  return events.filter(
    (event) =>
      (on !== 'new' || isNew.has(event.kind)) &&
      (event.kind === 'flapping' || !('isFlapping' in event && event.isFlapping === true)),
  )
}

/** Whether there is anything to tell. */
export function isTold(record: Pick<RunRecord, 'kind' | 'events'> | AlertRecord, on: WebhookOccasion): boolean {
  return (record.kind === 'run' && on === 'all') || newsOf(record.events, on).length > 0
}

/** The message of a record. */
export function messageOf(
  record: RunRecord | AlertRecord,
  { on, missed }: { readonly on: WebhookOccasion; readonly missed: number },
): WatchMessage {
  const news = newsOf(record.events, on)
  return {
    format: 'selvedge/watch-message@1',
    id: record.id,
    at: record.kind === 'run' ? record.endedAt : record.at,
    text: textOf(record, news, missed),
    outcome: record.kind === 'run' ? record.outcome : 'alert',
    findings: record.kind === 'run' ? Object.fromEntries(record.invariants.map((one) => [one.name, totalOf(one)])) : {},
    events: news.slice(0, eventsMax),
    repairs: record.kind === 'run' ? (record.repairs ?? []) : [],
    more: Math.max(0, news.length - eventsMax),
    missed,
  }
}

function textOf(record: RunRecord | AlertRecord, news: readonly WatchEvent[], missed: number): string {
  const lines = news.slice(0, linesMax).map(sentenceOfEvent)
  const rest = news.length - lines.length
  const repairs = record.kind === 'run' ? (record.repairs ?? []) : []
  return escaped(
    [
      `Selvedge: ${headline(record, news)}`,
      ...lines.map((line) => `• ${line}`),
      ...(rest > 0 ? [`… and ${rest} more`] : []),
      ...repairs.slice(0, linesMax).map((repair) => `• ${sentenceOfRepair(repair)}`),
      ...(missed > 0 ? [`${missed} earlier messages could not be delivered`] : []),
    ].join('\n'),
  )
}

function headline(record: RunRecord | AlertRecord, news: readonly WatchEvent[]): string {
  const words: Record<WatchEvent['kind'], string> = {
    ...{ opened: 'new', changed: 'changed', flapping: 'flapping', resolved: 'resolved' },
    ...{ silent: 'silent', heard: 'heard again', incomplete: 'not checked', complete: 'checked again' },
    ...{ unusual: 'unusual', usual: 'usual again' },
  }
  const counts = new Map<string, number>()
  for (const { kind } of news) counts.set(words[kind], (counts.get(words[kind]) ?? 0) + 1)
  const said = [...counts].map(([word, n]) => `${n} ${word}`).join(', ')
  if (record.kind === 'alert') return said
  const total = record.invariants.reduce((sum, one) => sum + totalOf(one), 0)
  const state = record.outcome === 'failed' ? 'the check failed' : `${total} ${total === 1 ? 'finding' : 'findings'}`
  return said === '' ? state : `${said} (${state})`
}

/** One event in one sentence, for people. */
export function sentenceOfEvent(event: WatchEvent): string {
  const about = 'key' in event && event.key !== '' ? `${event.invariant}: ${event.key}` : event.invariant
  switch (event.kind) {
    case 'opened':
    case 'flapping':
      return `${event.kind === 'opened' ? 'new' : 'flapping'}: ${about} ${event.verdict}, ${event.because}`
    case 'changed':
      return `changed: ${about} was ${event.was}, is ${event.verdict}, ${event.because}`
    case 'resolved':
      return `resolved: ${about} ${event.how === 'accepted' ? 'is accepted by the baseline' : 'agrees again'} (was ${event.verdict})`
    default:
      return `${event.kind}: ${about}, ${event.because}`
  }
}

/** What an automatic repair did, in one sentence, for people. */
export function sentenceOfRepair({ invariant, run, repaired, refused, because }: RepairRun): string {
  const about = invariant === '' ? 'repairs' : `repairs of ${invariant}`
  const notDone = refused === 0 ? '' : `, ${refused} not`
  const why = because === undefined ? '' : `; ${because}`
  return `${about}: ${repaired} repaired${notDone}${run === undefined ? '' : ` (run ${run})`}${why}`
}

function totalOf({ findings }: RunRecord['invariants'][number]): number {
  return Object.values(findings).reduce((sum, n) => sum + n, 0)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
