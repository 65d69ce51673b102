/**
 * A report as JUnit XML, for build servers: one test case per invariant.
 *
 *     holds -> passed    findings -> failure    not checked as a whole -> error (findings too: then its text lists both)
 *
 * One element per case, since some readers take no more; an error wins, as exit code 4 wins over 1. Everything is
 * escaped, never put into CDATA, and characters that XML 1.0 cannot hold become U+FFFD.
 */
import { counted, thousands } from '../../base/counted.ts'
import type { Finding } from '../../invariant/invariant.ts'
import type { InvariantReport, Report } from '../report.ts'
import { clipped, findingText, groupedBy, type Surroundings, uncheckedText } from './format.ts'

/** Findings that one test case lists: a build log that nobody can scroll says nothing. */
const findingsPerCaseMax = 100
const lineCharactersMax = 1_000

/** The document. */
export function junitOf(report: Report, around: Surroundings): string {
  const findings = groupedBy(report.findings, (finding) => finding.invariant)
  const failed = report.invariants.filter((one) => one.state === 'checked' && one.findings > 0).length
  const broken = report.invariants.filter((one) => one.state === 'incomplete').length
  const counts = `tests="${report.invariants.length}" failures="${failed}" errors="${broken}"`
  const cases = report.invariants.map((one) => caseOf(one, findings.get(one.name) ?? [], around))
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="selvedge check" ${counts}>`,
    `  <testsuite name="selvedge check" ${counts} skipped="0" timestamp="${around.at.toISOString().slice(0, 19)}">`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

function caseOf(invariant: InvariantReport, findings: readonly Finding[], around: Surroundings): string {
  const { name, problem = 'invariants', accepted, rows, proof, inconclusive } = invariant
  const file = around.configFile === undefined ? '' : ` file="${attribute(around.configFile)}"`
  const begin = `    <testcase classname="${attribute(problem)}" name="${attribute(name)}"${file}>`
  const said = [
    `${counted(rows, 'row')} compared, proof by ${proof}`,
    ...(accepted === 0 ? [] : [`${counted(accepted, 'finding')} accepted by the baseline`]),
    ...(inconclusive === 0 ? [] : [`${counted(inconclusive, 'key')} kept changing`]),
  ]
  return [
    begin,
    ...outcome(findings, invariant, around),
    `      <system-out>${xmlText(`${said.join('; ')}.`)}</system-out>`,
    '    </testcase>',
  ].join('\n')
}

function outcome(findings: readonly Finding[], { why, help }: InvariantReport, around: Surroundings): string[] {
  if (why === undefined && findings.length === 0) return []
  const found = findings.length === 0 ? [] : [counted(findings.length, 'finding')]
  const said = [...(why === undefined ? [] : [`not checked: ${why}`]), ...found].join('; ')
  const message = help === undefined ? said : uncheckedText({ why: said, help })
  const lines = findings.slice(0, findingsPerCaseMax).map((finding) => {
    const command = finding.explain === undefined ? '' : `\n    ${around.commandOf(finding.explain)}`
    return clipped(findingText(finding), lineCharactersMax) + command
  })
  const more = findings.length - lines.length
  if (more > 0) lines.push(`… and ${thousands(more)} more; selvedge check --jsonl lists them all`)
  const tag = why === undefined ? 'failure' : 'error'
  const type = why === undefined ? (findings[0]?.verdict ?? 'finding') : 'incomplete'
  const text = xmlText(lines.join('\n'))
  return [`      <${tag} type="${type}" message="${attribute(clipped(message, lineCharactersMax))}">${text}</${tag}>`]
}

/** All that is no character of XML 1.0: most control characters, lone surrogates, U+FFFE and U+FFFF. */
const unspeakable = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu

/** The text as character data of an XML document. */
export function xmlText(text: string): string {
  const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  // A carriage return would be read as a line feed.
  return text
    .replace(unspeakable, '\ufffd')
    .replace(/[&<>"]/g, (c) => escapes[c]!)
    .replaceAll('\r', '&#13;')
}

/** The text as the value of an attribute; line ends and tabs would be read as spaces. */
function attribute(text: string): string {
  return xmlText(text).replaceAll('\n', '&#10;').replaceAll('\t', '&#9;')
}
