/**
 * The text format of Prometheus, version 0.0.4.
 *
 * Names follow the rules by which OpenTelemetry's are written there: `selvedge.check.duration` in seconds becomes
 * `selvedge_check_duration_seconds`, a counter ends in `_total`.
 */

/** One value with its labels. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Samples of one name. */
export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly samples: readonly Sample[]
}

/** Distributions of one name, each with its labels. */
export interface HistogramFamily {
  readonly name: string
  readonly help: string
  readonly type: 'histogram'
  readonly distributions: readonly { readonly labels: Sample['labels']; readonly distribution: Distribution }[]
}

/** Values counted by upper bounds. */
export interface Distribution {
  /** Ascending; what is above the last is counted by `count` alone. */
  readonly bounds: readonly number[]
  /** Values of each bound and not of the one before. */
  readonly counts: readonly number[]
  readonly sum: number
  readonly count: number
}

/** The header that names this format. */
export const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

/** The distribution with one more value. */
export function observed(before: Distribution | undefined, value: number, bounds: readonly number[]): Distribution {
  const known = before ?? { bounds, counts: bounds.map(() => 0), sum: 0, count: 0 }
  const at = known.bounds.findIndex((bound) => value <= bound)
  const counts = known.counts.map((n, i) => (i === at ? n + 1 : n))
  return { bounds: known.bounds, counts, sum: known.sum + value, count: known.count + 1 }
}

/** Writes families; one without any sample is left out, for a name without a value says nothing. */
export function expositionOf(families: readonly (Family | HistogramFamily)[]): string {
  const written = families.flatMap((family) => {
    const lines = family.type === 'histogram' ? histogramLines(family) : sampleLines(family)
    if (lines.length === 0) return []
    return [`# HELP ${family.name} ${helpText(family.help)}`, `# TYPE ${family.name} ${family.type}`, ...lines]
  })
  return `${written.join('\n')}\n`
}

function sampleLines({ name, samples }: Family): string[] {
  return samples.map(({ labels, value }) => `${name}${labelsText(labels)} ${numberText(value)}`)
}

function histogramLines({ name, distributions }: HistogramFamily): string[] {
  return distributions.flatMap(({ labels, distribution }) => {
    let below = 0
    const buckets = distribution.bounds.map((bound, i) => {
      below += distribution.counts[i] ?? 0
      return `${name}_bucket${labelsText({ ...labels, le: numberText(bound) })} ${below}`
    })
    return [
      ...buckets,
      `${name}_bucket${labelsText({ ...labels, le: '+Inf' })} ${distribution.count}`,
      `${name}_sum${labelsText(labels)} ${numberText(distribution.sum)}`,
      `${name}_count${labelsText(labels)} ${distribution.count}`,
    ]
  })
}

function labelsText(labels: Sample['labels']): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${labelText(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

/** Names of invariants are sentences of people: a quote or a line feed in one must not end the label or the line. */
function labelText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function helpText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  return value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value)
}
