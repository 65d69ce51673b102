/** What the documents of a check have in common: where they were made, and how much of a report they show. */
import { thousands } from '../../base/counted.ts'
import type { Finding } from '../../invariant/invariant.ts'
import { incidentIdOf } from '../classify-incidents.ts'
import type { Report } from '../report.ts'

/** What a document says beside the report. */
export interface Surroundings {
  /** When the check ended. */
  readonly at: Date
  /** The version of this package. */
  readonly version: string
  /** The configuration, as a path relative to the folder that the document is about; undefined when there is no file. */
  readonly configFile?: string | undefined
  /** The line of the configuration that declares an invariant, where it is known. */
  readonly lineOf?: (invariant: string) => number | undefined
  /** A command as it can be typed here: `selvedge explain User 1` may have to be `npx selvedge explain User 1 -c …`. */
  readonly commandOf: (command: string) => string
}

/** The first findings of every incident, so that a document stays small however much is wrong. */
export interface Sample {
  readonly byIncident: ReadonlyMap<string, readonly Finding[]>
  readonly shown: number
  readonly leftOut: number
}

/** Takes at most `perIncident` findings of each incident, and at most `inAll` together; the order is kept. */
export function sampleOf(
  report: Report,
  { perIncident, inAll }: { readonly perIncident: number; readonly inAll: number },
): Sample {
  const byIncident = new Map<string, Finding[]>(report.incidents.map((incident) => [incident.id, []]))
  let shown = 0
  for (const finding of report.findings) {
    if (shown >= inAll) break
    const group = byIncident.get(incidentIdOf(finding)) ?? []
    if (group.length >= perIncident) continue
    group.push(finding)
    shown += 1
  }
  return { byIncident, shown, leftOut: report.findings.length - shown }
}

/** The text, cut where it is too long for a document; what is left out is said. */
export function clipped(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text
  // Half a surrogate pair is no character.
  const end = /[\ud800-\udbff]/.test(text[charactersMax - 1] ?? '') ? charactersMax - 1 : charactersMax
  return `${text.slice(0, end)}… (${thousands(text.length - end)} more characters)`
}

/** A finding in one sentence. */
export function findingText({ key, verdict, because }: Finding): string {
  return `${key === '' ? '' : `${key} `}${verdict}: ${because.replace(/\.$/, '')}.`
}

/** Why something could not be checked, and what to do about it. */
export function uncheckedText({ why = '', help }: { readonly why?: string; readonly help?: string }): string {
  return help === undefined ? why : `${why.replace(/\.$/, '')}. ${help}`
}

/** All strings of a plain value passed through a function, such as one that takes out passwords. */
export function mapStrings<T>(value: T, change: (text: string) => string): T {
  if (typeof value === 'string') return change(value) as T
  if (Array.isArray(value)) return value.map((each) => mapStrings(each, change)) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, mapStrings(each, change)])) as T
}

/** The items under what they have in common, in their order. */
export function groupedBy<T>(items: readonly T[], nameOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(nameOf(item))
    if (group === undefined) groups.set(nameOf(item), [item])
    else group.push(item)
  }
  return groups
}
