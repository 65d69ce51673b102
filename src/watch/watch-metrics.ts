/** The metrics of a watcher, under the names that the library's own have in Prometheus. */
import { verdicts } from '../invariant/invariant.ts'
import { metrics } from '../observe/observe.ts'
import type { Distribution, Family, HistogramFamily, Sample } from './exposition.ts'
import { troublesOf, type WatchView } from './status.ts'

/** The families of a moment. */
export function familiesOf(view: WatchView): readonly (Family | HistogramFamily)[] {
  return [...checkFamilies(view), ...episodeFamilies(view), ...watcherFamilies(view), ...lagFamilies(view)]
}

function checkFamilies({ lanes, state, counts }: WatchView): readonly (Family | HistogramFamily)[] {
  const names = lanes.flatMap((lane) => lane.invariants)
  const known = names.flatMap((invariant) => {
    const last = state.last.get(invariant)
    return last === undefined ? [] : [{ invariant, last }]
  })
  const each = (value: (one: (typeof known)[number]) => number): Sample[] =>
    known.map((one) => ({ labels: { invariant: one.invariant }, value: value(one) }))
  const whole = known.flatMap(({ invariant, last }) =>
    last.wholeEndedAtMs === undefined ? [] : [{ labels: { invariant }, value: last.wholeEndedAtMs / 1_000 }],
  )
  const verified = known.flatMap(({ invariant, last: { verified: of } }) =>
    of === undefined ? [] : [{ labels: { invariant }, of }],
  )
  return [
    gauge(
      'selvedge_check_findings',
      metrics.checkFindings.description,
      // Zero is written too: an alert on a name that is not there never fires, and never ends.
      known.flatMap(({ invariant, last }) =>
        verdicts.map((verdict) => ({ labels: { invariant, verdict }, value: last.findings[verdict] ?? 0 })),
      ),
    ),
    gauge(
      'selvedge_check_accepted',
      'Findings that the baseline accepts.',
      each(({ last }) => last.accepted),
    ),
    gauge(
      'selvedge_check_inconclusive',
      'Keys that kept changing during the last check.',
      each(({ last }) => last.inconclusive),
    ),
    gauge(
      'selvedge_check_incomplete',
      '1 when the last check could not look at everything.',
      each(({ last }) => Number(last.state === 'incomplete')),
    ),
    gauge(
      'selvedge_check_silent',
      '1 while no check ends within its schedule.',
      names.map((invariant) => ({ labels: { invariant }, value: Number(state.silent.has(invariant)) })),
    ),
    counter('selvedge_check_rows_checked_total', metrics.checkRows.description, counts.rows),
    gauge('selvedge_check_last_success_time_seconds', metrics.checkLastSuccessTime.description, whole),
    gauge(
      'selvedge_check_verified_ratio',
      'Share of the parts that were found to hold on all sides, and of which nothing was found since.',
      verified.map(({ labels, of }) => ({ labels, value: of.parts === 0 ? 1 : of.verified / of.parts })),
    ),
    gauge(
      'selvedge_check_oldest_verified_time_seconds',
      'When the part that was verified first was, in seconds since 1970; only while all parts are verified.',
      verified.flatMap(({ labels, of }) =>
        of.oldest === undefined ? [] : [{ labels, value: Date.parse(of.oldest) / 1_000 }],
      ),
    ),
  ]
}

function episodeFamilies({ lanes, state, counts }: WatchView): readonly (Family | HistogramFamily)[] {
  const open = new Map(lanes.flatMap((lane) => lane.invariants).map((name) => [name, 0]))
  for (const { invariant, closedAtMs } of state.episodes.values())
    if (closedAtMs === undefined && open.has(invariant)) open.set(invariant, open.get(invariant)! + 1)
  return [
    gauge(
      'selvedge_check_episodes_open',
      'Keys that are found and not resolved.',
      [...open].map(([invariant, value]) => ({ labels: { invariant }, value })),
    ),
    histogram(
      'selvedge_check_time_to_detect_seconds',
      'From the last whole check that did not find a key to the one that does: at most so long it went unnoticed.',
      counts.timesToDetect,
    ),
    histogram(
      'selvedge_check_time_to_resolve_seconds',
      'From a key being found to its being found no more.',
      counts.timesToResolve,
    ),
    gauge(
      'selvedge_check_unusual',
      '1 while a measure is outside its own history.',
      [...state.measures].map(([id, history]) => {
        const [measure = '', subject = ''] = JSON.parse(id) as [string, string]
        return { labels: { measure, subject }, value: Number(history.isAlarm) }
      }),
    ),
    counter('selvedge_repair_actions_total', 'Keys that automatic repairs repaired, or refused to.', counts.repairs),
  ]
}

function watcherFamilies(view: WatchView): readonly (Family | HistogramFamily)[] {
  const { counts, running, state, webhook, lastRun } = view
  const one = (value: number): Sample[] => [{ labels: {}, value }]
  return [
    counter('selvedge_watch_runs_total', 'Runs by schedule and outcome.', counts.runs),
    counter(
      'selvedge_watch_late_runs_total',
      'Runs that began late: another run went on, or the process was away.',
      counts.late,
    ),
    histogram('selvedge_watch_run_duration_seconds', 'How long a run took.', counts.durations),
    gauge('selvedge_watch_last_delay_seconds', 'How late the last run began.', one((lastRun?.delayMs ?? 0) / 1_000)),
    gauge('selvedge_watch_running', '1 while a run goes on.', one(Number(running !== undefined))),
    gauge('selvedge_watch_healthy', '1 while /healthz answers 200.', one(Number(troublesOf(view).length === 0))),
    gauge(
      'selvedge_watch_start_time_seconds',
      'When the watcher began, in seconds since 1970.',
      one(view.startedAtMs / 1_000),
    ),
    {
      ...gauge('selvedge_watch_history_failures_total', 'Records that could not be written.', one(counts.unkept)),
      type: 'counter',
    },
    ...(webhook === undefined
      ? []
      : [
          {
            name: 'selvedge_watch_webhook_messages_total',
            help: 'Messages that the receiver took, attempts that failed, messages given up.',
            type: 'counter' as const,
            samples: Object.entries(webhook).map(([result, value]) => ({ labels: { result }, value: Number(value) })),
          },
          gauge('selvedge_watch_webhook_waiting', 'Messages that wait for the receiver.', one(state.untold.length)),
        ]),
  ]
}

function lagFamilies({ lags }: WatchView): readonly Family[] {
  const labels = ({ service, consumer }: { service: string; consumer: string }) => ({ service, consumer })
  return [
    gauge(
      'selvedge_consumer_lag',
      metrics.consumerLag.description,
      lags.map((lag) => ({ labels: labels(lag), value: lag.events })),
    ),
    gauge(
      'selvedge_consumer_lag_time_seconds',
      metrics.consumerLagTime.description,
      lags.map((lag) => ({ labels: labels(lag), value: lag.seconds })),
    ),
  ]
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: 'gauge', samples }
}

function counter(name: string, help: string, counts: ReadonlyMap<string, number>): Family {
  return { name, help, type: 'counter', samples: [...counts].map(([key, value]) => ({ labels: labelsOf(key), value })) }
}

function histogram(name: string, help: string, all: ReadonlyMap<string, Distribution>): HistogramFamily {
  const distributions = [...all].map(([key, distribution]) => ({ labels: labelsOf(key), distribution }))
  return { name, help, type: 'histogram', distributions }
}

function labelsOf(key: string): Sample['labels'] {
  return JSON.parse(key) as Sample['labels']
}
