/**
 * A report as SARIF 2.1.0, for code scanning: rules are invariants, results are findings.
 *
 * Every result points at the declaration of its invariant in the configuration, since code scanning shows nothing
 * without a file, and names the row as a logical location. Fingerprints depend on invariant and key only, so a finding
 * stays the same alert however its values change. Accepted findings are there too, as suppressed.
 */

import { counted } from '../../base/counted.ts'
import { hash60, rowText } from '../../digest/digest.ts'
import type { Finding } from '../../invariant/invariant.ts'
import { type Incident, incidentIdOf } from '../classify-incidents.ts'
import type { AcceptedFinding } from '../decide-accepted.ts'
import type { Report } from '../report.ts'
import { clipped, findingText, groupedBy, type Surroundings, sampleOf, uncheckedText } from './format.ts'

/** Code scanning shows 5,000 results of a run; a hundred of a cause show what it is. */
const limits = { perIncident: 100, inAll: 5_000 }
const acceptedMax = 1_000
const messageCharactersMax = 1_000
const valueCharactersMax = 200

/** The document, as plain data. */
export function sarifOf(report: Report, around: Surroundings) {
  const sample = sampleOf(report, limits)
  const ruleIds = ruleIdsOf(report)
  const incidents = new Map(report.incidents.map((incident) => [incident.id, incident]))
  const context = { around, ruleIds, incidents }
  const shown = new Set([...sample.byIncident.values()].flat())
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: driverOf(report, around, ruleIds) },
        columnKind: 'utf16CodeUnits',
        originalUriBaseIds: { '%SRCROOT%': { description: { text: 'The folder in which the check was run.' } } },
        invocations: [
          {
            executionSuccessful: !report.incomplete,
            endTimeUtc: around.at.toISOString(),
            toolExecutionNotifications: notificationsOf(report, sample.leftOut, ruleIds),
          },
        ],
        results: [
          ...report.findings.filter((finding) => shown.has(finding)).map((finding) => resultOf(finding, context)),
          ...report.accepted.slice(0, acceptedMax).map((finding) => suppressed(finding, context)),
        ],
        properties: { incidents: report.incidents, findings: report.findings.length, leftOut: sample.leftOut },
      },
    ],
  }
}

function driverOf(report: Report, around: Surroundings, ruleIds: ReadonlyMap<string, string>) {
  return {
    name: 'Selvedge',
    semanticVersion: around.version,
    rules: report.invariants.map(({ name, problem }) => ({
      id: ruleIds.get(name)!,
      shortDescription: { text: name },
      fullDescription: { text: `${name}${/[.!?]$/.test(name) ? '' : '.'} Declared to be true of several databases.` },
      help: { text: `Run: ${around.commandOf('selvedge check')}` },
      defaultConfiguration: { level: 'error' },
      properties: { tags: ['data-consistency', ...(problem === undefined ? [] : [problem])] },
    })),
  }
}

interface Context {
  readonly around: Surroundings
  readonly ruleIds: ReadonlyMap<string, string>
  readonly incidents: ReadonlyMap<string, Incident>
}

function resultOf(finding: Finding, { around, ruleIds, incidents }: Context) {
  const { invariant, entity, key, verdict, proof, explain, present, absent, columns } = finding
  const incident = incidentIdOf(finding)
  const command = explain === undefined ? '' : ` See: ${around.commandOf(explain)}`
  return {
    ruleId: ruleIds.get(invariant)!,
    level: 'error',
    kind: 'fail',
    message: { text: `${clipped(findingText(finding), messageCharactersMax)}${command}` },
    locations: [
      {
        ...physicalLocation(invariant, around),
        logicalLocations: [
          {
            name: clipped(key === '' ? invariant : key, valueCharactersMax),
            kind: entity ?? 'row',
            fullyQualifiedName: clipped(`${entity ?? invariant}/${key}`, messageCharactersMax),
          },
        ],
      },
    ],
    partialFingerprints: {
      'selvedgeFinding/v1': hash60(rowText([invariant, key]))
        .toString(16)
        .padStart(15, '0'),
    },
    properties: {
      ...{ verdict, proof, incident, ofIncident: incidents.get(incident)?.count ?? 1, present, absent },
      columns: columns.map(({ column, values }) => ({
        column,
        values: Object.fromEntries(
          Object.entries(values).map(([side, value]) => [
            side,
            value === null ? null : clipped(value, valueCharactersMax),
          ]),
        ),
      })),
    },
  }
}

function suppressed(finding: AcceptedFinding, context: Context) {
  const { reason, until, by } = finding.acceptance
  const who = by === undefined ? '' : ` by ${by}`
  return {
    ...resultOf(finding, context),
    suppressions: [{ kind: 'external', status: 'accepted', justification: `${reason} (until ${until}${who})` }],
  }
}

function physicalLocation(invariant: string, around: Surroundings) {
  if (around.configFile === undefined) return {}
  const uri = around.configFile.split('/').map(encodeURIComponent).join('/')
  return {
    physicalLocation: {
      artifactLocation: { uri, uriBaseId: '%SRCROOT%' },
      region: { startLine: around.lineOf?.(invariant) ?? 1 },
    },
  }
}

function notificationsOf(report: Report, leftOut: number, ruleIds: ReadonlyMap<string, string>) {
  const notChecked = report.invariants.flatMap((one) =>
    one.why === undefined
      ? []
      : [
          {
            level: 'error',
            associatedRule: { id: ruleIds.get(one.name)! },
            message: { text: `"${one.name}" was not checked as a whole: ${uncheckedText(one)}` },
          },
        ],
  )
  const more = `${counted(leftOut, 'finding')} of the same incidents are left out; selvedge check --jsonl lists them all.`
  return [...notChecked, ...(leftOut === 0 ? [] : [{ level: 'note', message: { text: more } }])]
}

/** Rule ids in words, as `progress-knows-every-name`; with a hash where two sentences come to the same words. */
function ruleIdsOf(report: Report): ReadonlyMap<string, string> {
  const plain = (name: string) =>
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '') || 'invariant'
  const taken = groupedBy(report.invariants, ({ name }) => plain(name))
  return new Map(
    report.invariants.map(({ name }) => {
      const words = plain(name)
      const isAlone = taken.get(words)?.length === 1 && words !== 'invariant'
      return [name, isAlone ? words : `${words}-${hash60(name).toString(16).slice(0, 6)}`]
    }),
  )
}
