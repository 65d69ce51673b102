/**
 * A report as one HTML file that needs no network and no script to be read: what is wrong now first, by incident, each
 * finding with its rows side by side, its proof and the command that explains it.
 *
 * All that comes from databases is escaped, and a policy in the page forbids everything but its own style and script:
 * the script only filters and sorts. Of each incident the first findings are shown, so that the file stays small.
 */
import { createHash } from 'node:crypto'
import { counted, thousands } from '../../base/counted.ts'
import type { Baseline, Finding } from '../../invariant/invariant.ts'
import type { Incident } from '../classify-incidents.ts'
import type { InvariantReport, Report } from '../report.ts'
import { clipped, groupedBy, type Sample, type Surroundings, sampleOf, uncheckedText } from './format.ts'
import { pageScript } from './html-script.ts'
import { pageStyle } from './html-style.ts'

/** Fifty rows show what is wrong with forty thousand; a thousand in all stay below two megabytes. */
const limits = { perIncident: 50, inAll: 1_000 }
const incidentsMax = 200
const acceptedMax = 200
const valueCharactersMax = 400
const columnsMax = 40

/** The page. */
export function htmlOf(report: Report, around: Surroundings): string {
  const sample = sampleOf(report, limits)
  const script = createHash('sha256').update(pageScript).digest('base64')
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${script}'; base-uri 'none'; form-action 'none'`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(headline(report))} · Selvedge check</title>
<style>${pageStyle}</style>
</head>
<body>
<main>
${headerOf(report, around)}
${incidentsOf(report, sample, around)}
${notCheckedOf(report)}
${invariantsOf(report)}
${baselineOf(report)}
</main>
<footer>Selvedge ${escaped(around.version)}. Read-only: a check changes nothing. A divergence is said only with its proof: positions in the owner's log, or two reads with the deadline between.</footer>
<script>${pageScript}</script>
</body>
</html>
`
}

function headline({ findings, incidents, incomplete }: Report): string {
  if (findings.length > 0) return `${counted(findings.length, 'finding')} in ${counted(incidents.length, 'incident')}`
  return incomplete ? 'Not everything could be checked' : 'Everything agrees'
}

function headerOf(report: Report, around: Surroundings): string {
  const { findings, invariants, accepted, incomplete } = report
  const state = findings.length > 0 ? 'bad' : incomplete ? 'doubt' : 'good'
  const rows = invariants.reduce((sum, one) => sum + one.rows, 0)
  const unchecked = invariants.filter((one) => one.state === 'incomplete').length
  const doubtful = invariants.reduce((sum, one) => sum + one.inconclusive, 0)
  const facts = [
    counted(invariants.length, 'invariant'),
    `${counted(rows, 'row')} compared`,
    ...(unchecked === 0 ? [] : [`<b>${counted(unchecked, 'invariant')} not checked as a whole</b>`]),
    ...(accepted.length === 0 ? [] : [`${counted(accepted.length, 'finding')} accepted`]),
    ...(doubtful === 0 ? [] : [`${counted(doubtful, 'key')} kept changing`]),
  ]
  const at = around.at.toISOString()
  return `<header class="${state}">
<p class="eyebrow">Selvedge check <time datetime="${at}">${at.slice(0, 16).replace('T', ' ')} UTC</time></p>
<h1>${escaped(headline(report))}</h1>
<p class="facts">${facts.join(' <i>·</i> ')}</p>
</header>`
}

function incidentsOf(report: Report, sample: Sample, around: Surroundings): string {
  const { incidents } = report
  if (incidents.length === 0) return ''
  const left =
    sample.leftOut === 0
      ? ''
      : `<p class="note">${counted(sample.shown, 'finding')} shown, ${thousands(sample.leftOut)} left out: the first of each incident are here, <code>${escaped(around.commandOf('selvedge check --jsonl'))}</code> lists them all.</p>`
  const more = incidents.length - incidentsMax
  return `<section>
<div class="bar"><h2>What is wrong now</h2><input id="filter" type="search" placeholder="Filter by key, field, value…" aria-label="Filter findings" hidden></div>
${incidents
  .slice(0, incidentsMax)
  .map((incident) => incidentOf(incident, sample.byIncident.get(incident.id) ?? [], around))
  .join('\n')}
${more > 0 ? `<p class="note">${counted(more, 'smaller incident')} left out.</p>` : ''}
${left}
</section>`
}

function incidentOf(incident: Incident, findings: readonly Finding[], around: Surroundings): string {
  const { id, invariant, problem, verdict, count, sentence, window, consumer, code } = incident
  const tags = [
    `<span class="verdict">${escaped(verdict)}</span>`,
    ...(problem === undefined ? [] : [`<span class="tag">${escaped(problem)}</span>`]),
    ...(consumer === undefined ? [] : [`<span class="tag">consumer ${escaped(consumer)}</span>`]),
    ...(code === undefined ? [] : [`<span class="tag">${escaped(code)}</span>`]),
    ...(window === undefined ? [] : [`<span class="tag">${escaped(windowText(window))}</span>`]),
  ]
  const left = count - findings.length
  const listed = findings.map((finding) => findingOf(finding, incident, around))
  const note = `<p class="note">${counted(left, 'more finding')} of this incident: <code>${escaped(around.commandOf('selvedge check --jsonl'))}</code></p>`
  // One finding shows what the cause looks like; the others must not push the next incident out of sight.
  const rest =
    listed.length < 2
      ? ''
      : `<details><summary>${listed.length - 1} more${left === 0 ? '' : ` of ${thousands(count)}`}</summary>
<ol>${listed.slice(1).join('\n')}</ol>
${left === 0 ? '' : note}
</details>`
  return `<article class="incident" id="${id}">
<div class="count"><b>${thousands(count)}</b></div>
<div class="what">
<h3>${escaped(invariant)}</h3>
<p class="sentence">${escaped(clipped(sentence, valueCharactersMax))}${/[.!?]$/.test(sentence) ? '' : '.'}</p>
<p class="tags">${tags.join('')}<span class="id">incident ${id}</span></p>
<p class="next"><code>${escaped(around.commandOf(incident.next))}</code></p>
<ol>${listed.slice(0, 1).join('')}</ol>
${rest}</div>
</article>`
}

function findingOf(finding: Finding, { next, count }: Incident, around: Surroundings): string {
  const { key, because, proof, explain } = finding
  // The command of the incident stands above already.
  const command = explain === undefined || explain === next ? '' : `<code>${escaped(around.commandOf(explain))}</code>`
  // The sentence of an incident of one finding is that finding's.
  const said = count === 1 ? '' : ` ${escaped(clipped(because, valueCharactersMax))}.`
  return `<li class="finding">
<p><b class="key">${escaped(key === '' ? 'the whole source' : clipped(key, valueCharactersMax))}</b>${said} <span class="proof">proof: ${proof}</span></p>
${rowsOf(finding)}${command}
</li>`
}

/** The rows side by side: a line per field that differs, a column per side. */
function rowsOf({ columns, present, absent }: Finding): string {
  const named = columns.flatMap(({ values }) => Object.keys(values))
  const sides = [...new Set([...present, ...absent, ...named])]
  if (sides.length === 0 || (columns.length === 0 && absent.length === 0)) return ''
  const head = sides.map((side) => `<th scope="col">${escaped(side)}</th>`).join('')
  const body =
    columns.length === 0
      ? `<tr><th scope="row">row</th>${sides.map((side) => (absent.includes(side) ? '<td class="none">no such row</td>' : '<td>is there</td>')).join('')}</tr>`
      : columns
          .slice(0, columnsMax)
          .map((entry) => fieldOf(entry, sides, absent))
          .join('')
  const more = columns.length - columnsMax
  const rest = more <= 0 ? '' : `<tr><td colspan="${sides.length + 1}">${counted(more, 'more field')} differ</td></tr>`
  return `<div class="scroll"><table class="rows"><thead><tr><th scope="col">field</th>${head}</tr></thead><tbody>${body}${rest}</tbody></table></div>`
}

function fieldOf({ column, values }: Finding['columns'][number], sides: readonly string[], absent: readonly string[]) {
  const cells = sides.map((side) => {
    if (!Object.hasOwn(values, side))
      return `<td class="none">${absent.includes(side) ? 'no such row' : 'not read'}</td>`
    const value = values[side]!
    return value === null ? '<td class="none">NULL</td>' : `<td>${escaped(clipped(value, valueCharactersMax))}</td>`
  })
  return `<tr><th scope="row">${escaped(column)}</th>${cells.join('')}</tr>`
}

function notCheckedOf({ invariants }: Report): string {
  const missing = invariants.filter((one) => one.why !== undefined)
  if (missing.length === 0) return ''
  return `<section><h2>Not checked as a whole</h2>
<ul class="plain">${missing.map((one) => `<li class="doubt"><b>${escaped(one.name)}</b> ${escaped(clipped(uncheckedText(one), 2_000))}</li>`).join('\n')}</ul>
</section>`
}

function invariantsOf({ invariants }: Report): string {
  const row = (one: InvariantReport) => {
    const state = one.findings > 0 ? 'bad' : one.state === 'incomplete' ? 'doubt' : 'good'
    const said = one.findings > 0 ? 'broken' : one.state === 'incomplete' ? 'incomplete' : 'holds'
    const number = (n: number) => `<td class="number" data-sort="${n}">${thousands(n)}</td>`
    return `<tr><td class="word"><span class="dot ${state}"></span>${said}</td><td>${escaped(one.name)}</td><td>${escaped(one.problem ?? '')}</td>${number(one.findings)}${number(one.accepted)}${number(one.inconclusive)}${number(one.rows)}<td class="word">${one.proof}</td></tr>`
  }
  const heads = ['state', 'invariant', 'problem', 'findings', 'accepted', 'kept changing', 'rows', 'proof']
  const numeric = new Set(['findings', 'accepted', 'kept changing', 'rows'])
  return `<section><h2>Every invariant</h2>
<div class="scroll"><table class="sortable"><thead><tr>${heads.map((head) => `<th scope="col"${numeric.has(head) ? ' class="number"' : ''}>${head}</th>`).join('')}</tr></thead>
<tbody>${invariants.map(row).join('\n')}</tbody></table></div>
</section>`
}

function baselineOf({ accepted, baseline: { expired, stale } }: Report): string {
  if (accepted.length + expired.length + stale.length === 0) return ''
  const entry = (one: Baseline, said: string, state: string) =>
    `<tr><td class="word"><span class="dot ${state}"></span>${said}</td><td>${escaped(one.invariant)}</td><td>${escaped(clipped(one.key, valueCharactersMax))}</td><td>${escaped(one.reason)}${one.by === undefined ? '' : ` (${escaped(one.by)})`}</td><td>${escaped(one.until)}</td></tr>`
  const holding = [...groupedBy(accepted, ({ acceptance: a }) => JSON.stringify([a.invariant, a.key, a.incident]))]
  const more = holding.length - acceptedMax
  const rows = [
    ...expired.map((one) => entry(one, 'expired', 'bad')),
    ...stale.map((one) => entry(one, 'stale', 'doubt')),
    ...holding
      .slice(0, acceptedMax)
      .map(([, findings]) => entry(findings[0]!.acceptance, `accepts ${thousands(findings.length)}`, 'good')),
  ]
  return `<section><h2>Baseline</h2>
<div class="scroll"><table class="sortable"><thead><tr><th scope="col">state</th><th scope="col">invariant</th><th scope="col">key</th><th scope="col">reason</th><th scope="col">until</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>
${more > 0 ? `<p class="note">${thousands(more)} more that hold.</p>` : ''}
</section>`
}

function windowText({ from, to }: { readonly from: string; readonly to: string }): string {
  const plain = (at: string) => at.slice(0, 19).replace('T', ' ')
  if (from === to) return `${plain(from)} UTC`
  // A window lies within one day.
  return `${plain(from)} – ${plain(to).slice(11)} UTC`
}

/** The text as HTML; control characters, which HTML cannot hold, become U+FFFD. */
function escaped(text: string): string {
  const escapes: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text
    .replace(/[^\t\n\r\u{20}-\u{7e}\u{a0}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"']/g, (c) => escapes[c]!)
}
