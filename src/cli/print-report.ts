/** A check's report for people: findings by problem and invariant, one sentence each, and the command that shows more. */
import { counted, thousands } from '../base/counted.ts'
import type { Report } from '../check/check.ts'
import type { Baseline, Finding } from '../invariant/invariant.ts'
import type { Terminal } from './terminal.ts'
import { valueText } from './text.ts'

/** More findings of one invariant than this are one cause; `--json` lists all. */
const findingsShownMax = 10
/** More causes than this are one cause that nobody has seen yet. */
const incidentsShownMax = 20
/** A key or an error message may be of any length. */
const sentenceCharactersMax = 400

/** How findings are printed. */
export interface ReportStyle {
  readonly terminal: Terminal
  /** How this command is called here, as `npx selvedge`. */
  readonly program: string
  /** What leads `explain` to the same databases, as ` --config other.ts`; empty when nothing was given. */
  readonly flags: string
}

/** Prints the report: what is wrong by cause, then findings one by one, then what the baseline needs. */
export function printReport(report: Report, { terminal, ...style }: ReportStyle): void {
  const { paint } = terminal
  // Where each finding is an incident of its own, saying both would say everything twice.
  if (report.findings.length > report.incidents.length) printIncidents(report, { terminal, ...style })
  let problem: string | undefined
  for (const invariant of report.invariants) {
    const findings = report.findings.filter((finding) => finding.invariant === invariant.name)
    if (findings.length === 0 && invariant.why === undefined) continue
    if (invariant.problem !== undefined && invariant.problem !== problem) terminal.out(paint.strong(invariant.problem))
    problem = invariant.problem
    terminal.out(`  ${paint.bad(findings.length > 0 ? '✗' : '?')} ${invariant.name}`)
    for (const finding of findings.slice(0, findingsShownMax)) printFinding(finding, { terminal, ...style })
    const more = findings.length - findingsShownMax
    if (more > 0) terminal.out(`      … and ${thousands(more)} more; --json and --jsonl list them all`)
    if (invariant.why !== undefined) terminal.out(`      ${paint.bad('not checked')}: ${invariant.why}`)
    if (invariant.help !== undefined) terminal.out(`        ${invariant.help}`)
  }
  printBaseline(report, terminal)
  printVerified(report, terminal)
  terminal.out(summary(report, terminal))
}

function printIncidents({ incidents, findings }: Report, { terminal, program, flags }: ReportStyle): void {
  const { paint } = terminal
  terminal.out(paint.strong(`${counted(findings.length, 'finding')} in ${counted(incidents.length, 'incident')}`))
  for (const incident of incidents.slice(0, incidentsShownMax)) {
    const { id, count, verdict, keys, window } = incident
    terminal.out(`  ${paint.bad('✗')} ${incident.invariant}  ${paint.faint(`${verdict}, incident ${id}`)}`)
    terminal.out(`      ${valueText(incident.sentence, sentenceCharactersMax)}.`)
    if (window !== undefined) terminal.out(`      ${windowText(window)}`)
    if (count > 1) terminal.out(`      ${paint.faint('keys')} ${keysText(keys, count)}`)
    terminal.out(`      ${paint.command(commandOf(incident.next, program, flags))}`)
  }
  const more = incidents.length - incidentsShownMax
  if (more > 0) terminal.out(`  … and ${counted(more, 'more incident')}; --json lists them all`)
  terminal.out('')
}

/** The span of an incident in words. */
export function windowText({ from, to }: { readonly from: string; readonly to: string }): string {
  return from === to ? `at ${from}` : `from ${from} to ${to}`
}

/** The first keys of an incident, and that there are more. */
export function keysText(keys: readonly string[], count: number): string {
  return [...keys.map((key) => valueText(key)), ...(count > keys.length ? ['…'] : [])].join(', ')
}

function printBaseline({ baseline: { expired, stale } }: Report, { out, paint }: Terminal): void {
  const named = ({ invariant, key }: Baseline) => `${valueText(key)} of "${invariant}"`
  for (const entry of expired)
    out(`${paint.bad('expired')}: the baseline accepted ${named(entry)} until ${entry.until} (${entry.reason}).`)
  for (const entry of stale)
    out(`${paint.faint('stale')}: the baseline accepts ${named(entry)}, which agrees: take it out.`)
}

/** Of an incremental check: how old the oldest verification is, of all parts together. */
function printVerified({ invariants }: Report, { out }: Terminal): void {
  const all = invariants.flatMap(({ verified }) => verified ?? [])
  if (all.length === 0) return
  const [parts, verified] = [sum(all.map((one) => one.parts)), sum(all.map((one) => one.verified))]
  const oldest = all.flatMap((one) => one.oldest ?? []).sort()[0]
  const since = oldest === undefined || verified < parts ? '' : `, the oldest at ${oldest}`
  out(`Verified: ${verified} of ${counted(parts, 'part')}${since}.`)
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, n) => all + n, 0)

function printFinding(finding: Finding, { terminal, program, flags }: ReportStyle): void {
  const { paint } = terminal
  terminal.out(`      ${sentenceOf(finding, paint.strong)}`)
  if (finding.explain !== undefined)
    terminal.out(`        ${paint.command(commandOf(finding.explain, program, flags))}`)
}

/** One finding in one sentence. */
export function sentenceOf(finding: Finding, strong: (text: string) => string = (text) => text): string {
  const about = finding.key === '' ? '' : `${strong(valueText(finding.key, sentenceCharactersMax))} `
  return `${about}${finding.verdict}: ${valueText(finding.because, sentenceCharactersMax)}.`.replace(/\.\.$/, '.')
}

/** The command of a finding as it can be typed here; flags come before a `--`, after which nothing is a flag. */
export function commandOf(explain: string, program: string, flags = ''): string {
  const [, verb = '', words = ''] = /^selvedge( \w+)? ?(.*)$/s.exec(explain) ?? []
  const rest = words === '' ? '' : ` ${words}`
  return words.startsWith('-- ') ? `${program}${verb}${flags}${rest}` : `${program}${verb}${rest}${flags}`
}

function summary(report: Report, { paint }: Terminal): string {
  const { invariants, findings, accepted } = report
  const rows = invariants.reduce((sum, invariant) => sum + invariant.rows, 0)
  const doubtful = invariants.reduce((sum, invariant) => sum + invariant.inconclusive, 0)
  const unchecked = invariants.filter((invariant) => invariant.state === 'incomplete').length
  const parts = [
    findings.length === 0 ? 'no findings' : paint.bad(counted(findings.length, 'finding')),
    ...(accepted.length === 0 ? [] : [`${accepted.length} accepted by the baseline`]),
    ...(doubtful === 0 ? [] : [`${counted(doubtful, 'key')} kept changing, so nothing is said of them`]),
    ...(unchecked === 0 ? [] : [paint.bad(`${counted(unchecked, 'invariant')} could not be checked`)]),
  ]
  const checked = `${counted(invariants.length, 'invariant')}, ${counted(rows, 'row')} compared: `
  const mark = findings.length === 0 && unchecked === 0 ? paint.good('✓') : paint.bad('✗')
  return `${mark} ${checked}${parts.join('; ')}.`
}
