/** What a watcher has counted since its process began; counters of Prometheus start at zero with the process. */
import { isAboutEpisode } from './decide-episodes.ts'
import { type Distribution, observed } from './exposition.ts'
import type { RunRecord } from './record.ts'

/** From a second to the hour after which nobody calls a check quick. */
const runBounds = [0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 1_800, 3_600]

/** From seconds to the week after which nobody remembers what caused a finding. */
const episodeBounds = [10, 60, 300, 900, 3_600, 14_400, 86_400, 604_800]

/** Counts by labels; a key is the JSON of the labels. */
export class WatchCounts {
  readonly rows = new Map<string, number>()
  readonly runs = new Map<string, number>()
  readonly late = new Map<string, number>()
  readonly repairs = new Map<string, number>()
  readonly durations = new Map<string, Distribution>()
  readonly timesToDetect = new Map<string, Distribution>()
  readonly timesToResolve = new Map<string, Distribution>()
  /** Records that could not be written. */
  unkept = 0

  /** Counts a run. */
  add(run: RunRecord): void {
    for (const schedule of run.schedules) {
      count(this.runs, { schedule, outcome: run.outcome }, 1)
      count(this.late, { schedule }, run.delayMs > lateMsMin ? 1 : 0)
      sample(this.durations, { schedule }, run.durationMs / 1_000, runBounds)
    }
    for (const { name: invariant, rows } of run.invariants) count(this.rows, { invariant }, rows)
    for (const { invariant, repaired, refused } of run.repairs ?? []) {
      count(this.repairs, { invariant, result: 'repaired' }, repaired)
      count(this.repairs, { invariant, result: 'refused' }, refused)
    }
    for (const event of run.events.filter(isAboutEpisode)) {
      const labels = { invariant: event.invariant, verdict: event.verdict }
      if (event.detectedWithinMs !== undefined)
        sample(this.timesToDetect, labels, event.detectedWithinMs / 1_000, episodeBounds)
      if (event.openForMs !== undefined) sample(this.timesToResolve, labels, event.openForMs / 1_000, episodeBounds)
    }
  }
}

/** A timer that fires within a second of its time is not late. */
const lateMsMin = 1_000

function count(counts: Map<string, number>, labels: Readonly<Record<string, string>>, n: number): void {
  const key = JSON.stringify(labels)
  counts.set(key, (counts.get(key) ?? 0) + n)
}

function sample(
  distributions: Map<string, Distribution>,
  labels: Readonly<Record<string, string>>,
  value: number,
  bounds: readonly number[],
): void {
  const key = JSON.stringify(labels)
  distributions.set(key, observed(distributions.get(key), value, bounds))
}
