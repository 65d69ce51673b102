/**
 * Incidents: findings of one cause, so that forty thousand rows read as two sentences.
 *
 * Which incident a finding belongs to depends on that finding alone: its invariant, its verdict, the columns that
 * differ, the sides that lack the row, consumer and error code, and the day of the change where a log tells it. So each
 * is in exactly one, in whatever order they come, and the id stays the same from check to check while findings of the
 * incident come and go. A cause that goes on over midnight (UTC) is one incident a day.
 */
import { thousands } from '../base/counted.ts'
import { groupedBy } from '../base/grouped-by.ts'
import { hash60, rowText } from '../digest/digest.ts'
import { byInvariantAndKey, type Finding, type Verdict } from '../invariant/invariant.ts'

/** Findings of one cause. */
export interface Incident {
  /** Stays the same as long as the cause does; what a baseline names. */
  readonly id: string
  readonly invariant: string
  readonly problem?: string
  readonly verdict: Verdict
  readonly count: number
  /** The first keys, in the order of findings. */
  readonly keys: readonly string[]
  /** The columns that differ in each of them. */
  readonly columns: readonly string[]
  readonly consumer?: string
  readonly code?: string
  /** From the first change to the last one, in ISO 8601, where a log tells it. */
  readonly window?: { readonly from: string; readonly to: string }
  /** One sentence: how many, and what is known of them. */
  readonly sentence: string
  /** The command to go on with. */
  readonly next: string
}

/** Keys that an incident names: enough to look at, few enough for one line. */
const keysNamedMax = 5

/** The incident of a finding, as 12 hexadecimal digits. */
export function incidentIdOf(finding: Finding): string {
  const { invariant, verdict, cause } = finding
  const evidence = [
    invariant,
    verdict,
    rowText(columnsOf(finding)),
    rowText([...finding.absent].sort()),
    cause?.consumer ?? null,
    cause?.code ?? null,
    cause?.since?.slice(0, 'yyyy-mm-dd'.length) ?? null,
  ]
  return hash60(rowText(evidence)).toString(16).padStart(15, '0').slice(0, 12)
}

/** The incidents of the findings, the largest first. */
export function classifyIncidents(findings: readonly Finding[]): readonly Incident[] {
  return [...groupedBy(findings, incidentIdOf)]
    .map(([id, group]) => incidentOf(id, group.sort(byInvariantAndKey)))
    .sort((a, b) => b.count - a.count || (a.id < b.id ? -1 : 1))
}

function incidentOf(id: string, findings: readonly Finding[]): Incident {
  const first = findings[0]!
  const { invariant, problem, verdict, cause } = first
  const times = findings.flatMap((finding) => finding.cause?.since ?? []).sort()
  const [from, to] = [times[0], times.at(-1)]
  return {
    id,
    invariant,
    ...(problem === undefined ? {} : { problem }),
    verdict,
    count: findings.length,
    keys: [...new Set(findings.map((finding) => finding.key))].filter((key) => key !== '').slice(0, keysNamedMax),
    columns: columnsOf(first),
    ...(cause?.consumer === undefined ? {} : { consumer: cause.consumer }),
    ...(cause?.code === undefined ? {} : { code: cause.code }),
    ...(from === undefined || to === undefined ? {} : { window: { from, to } }),
    sentence: sentenceOf(findings),
    next: nextOf(first),
  }
}

/** What each verdict says of many keys at once. */
const sayings: Readonly<Record<Verdict, string>> = {
  lagging: 'the copy has not got to their changes within the deadline',
  'in-flight': 'their changes are committed, but no tick holds them within the deadline',
  parked: 'their streams are set aside',
  'never-published': 'the owner changed them without an event',
  'lost-in-transport': 'the copy is past their changes and never applied them',
  misapplied: 'the changes were applied, and what was written is not what the events say',
  regressed: 'the copy held their newest versions and was overwritten with earlier ones',
  'conflicting-write': 'the copy was written without an event',
  'lost-delete': 'the owner deleted them and said so, the copy has them',
  orphan: 'no owner has ever published them',
  'schema-skew': 'the consumer does not know the schema version of their events',
  skipped: 'a person left their events out',
  diverged: 'the sides differ for longer than the deadline',
  'mapping-error': 'one column, or the key, is mapped wrongly',
  'ticker-silent': 'the ticker of the owner does not run',
}

function sentenceOf(findings: readonly Finding[]): string {
  const first = findings[0]!
  if (findings.length === 1) return `${first.key === '' ? '' : `${first.key}: `}${first.because}`
  const { verdict, cause } = first
  const consumer = cause?.consumer === undefined ? '' : ` by ${cause.consumer}`
  const code = cause?.code === undefined ? '' : ` (${cause.code})`
  const who = verdict === 'parked' || verdict === 'schema-skew' ? `${consumer}${code}` : ''
  return `${thousands(findings.length)} keys ${whereOf(findings)}: ${sayings[verdict]}${who}`
}

function whereOf(findings: readonly Finding[]): string {
  const first = findings[0]!
  const { present, absent } = first
  if (absent.length > 0 && present.length > 0) return `are in ${present.join(' and ')}, not in ${absent.join(' and ')}`
  const columns = columnsOf(first)
  if (columns.length === 0) return 'do not agree'
  if (present.length > 1 && findings.some(hasEqualValues))
    return `stand in states of ${present.join(' and ')} that may not be together`
  return `differ in ${columns.join(', ')}${present.length > 1 ? ` between ${present.join(' and ')}` : ''}`
}

/** Equal values are wrong only where a declaration lists which states may be together. */
function hasEqualValues({ columns }: Finding): boolean {
  return columns.some(({ values }) => {
    const held = Object.values(values)
    return held.length > 1 && held.every((value) => value === held[0])
  })
}

function nextOf(finding: Finding): string {
  const { verdict, cause, explain } = finding
  if ((verdict === 'parked' || verdict === 'schema-skew') && cause?.consumer !== undefined)
    return `selvedge parked ${shellWords(cause.consumer)}`
  if (verdict === 'lagging' || verdict === 'in-flight' || verdict === 'ticker-silent') return 'selvedge doctor'
  return explain ?? `selvedge check --only ${shellWord(finding.invariant)}`
}

function columnsOf(finding: Finding): readonly string[] {
  return finding.columns.map((entry) => entry.column).sort()
}

/** A command must be safe to paste whatever a name or a key holds. */
export function shellWord(text: string): string {
  // A line feed would be a command of its own to whoever copies a line, and an escape sequence one to the terminal.
  if (/\p{Cc}/u.test(text)) return `$'${text.replace(/[\p{Cc}'\\]/gu, escaped)}'`
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

/** Words after a command; behind `--` where one of them would else be read as a flag. */
export function shellWords(...words: readonly string[]): string {
  const isFlag = words.some((word) => word.startsWith('-'))
  return [...(isFlag ? ['--'] : []), ...words.map(shellWord)].join(' ')
}

function escaped(character: string): string {
  if (character === "'" || character === '\\') return `\\${character}`
  const bytes = [...Buffer.from(character)]
  return bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
}
