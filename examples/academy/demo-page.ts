/** The demo's page: what is wrong now, first; then the faults, the services, and what happened. Works without a script. */

import { html, raw } from 'hono/html'
import type { Finding } from 'selvedge/invariant'
import type { DemoState, VariantState } from './demo.ts'
import { demoStyle } from './demo-style.ts'
import { serviceNames } from './services.ts'

/** What the page is told beside the state. */
export interface PageOptions {
  readonly token: string
  readonly nonce: string
  /** How the command is called in another terminal, as `npx selvedge`. */
  readonly program: string
}

type Markup = ReturnType<typeof html>

/** Findings of one variant on the page; the rest is counted. */
const findingsShownMax = 8

const summaries: Readonly<Record<string, string>> = {
  user: 'accounts and profiles',
  course: 'the catalogue',
  challenge: 'judges what learners submit',
  progress: 'how far each learner is',
  achievement: 'badges and certificates',
  payment: 'takes and returns money',
  enrollment: 'who takes part in what',
  notification: 'what a learner was told',
}

/** The whole page. */
export function pageOf(state: DemoState, options: PageOptions): Markup {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Selvedge demo: the academy</title>
<style nonce="${options.nonce}">${raw(demoStyle)}</style>
<noscript><meta http-equiv="refresh" content="3"></noscript>
</head>
<body>
<header>
<h1>The academy</h1>
<p>Eight services, each with a database of its own, run twice. The <b>naive</b> one saves, then sends. The <b>cured</b> one publishes through Selvedge.
Both are asked the same things and meet the same faults; <code>selvedge check</code> compares what their databases hold.</p>
</header>
<section class="faults" aria-label="Cause a fault">
${button('lose', 'Lose a message', 'the next change on its way to a copy', options)}
${button('stop', 'Stop a service for 10 s', 'what is sent to it is refused', options)}
${button('write-behind', 'Write behind its back', 'change a copy in the database', options)}
</section>
<main id="now">${contentOf(state, options)}</main>
<script nonce="${options.nonce}">${raw(refreshScript)}</script>
</body>
</html>`
}

/** Replaces what changes, every second and a half, while the page is looked at. A button causes its fault in place. */
const refreshScript = `
const now = document.getElementById('now')
const refresh = async () => {
  try {
    const answer = await fetch('/now')
    const chosen = getSelection()
    if (answer.ok && (chosen === null || chosen.isCollapsed)) now.innerHTML = await answer.text()
    document.body.classList.remove('gone')
  } catch { document.body.classList.add('gone') }
}
setInterval(() => document.hidden || refresh(), 1500)
for (const form of document.forms) form.addEventListener('submit', async (event) => {
  event.preventDefault()
  await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) }).catch(() => undefined)
  refresh()
})`

/** What changes. */
export function contentOf(state: DemoState, options: PageOptions): Markup {
  return html`<section class="variants">${state.variants.map((variant) => variantCard(variant, options))}</section>
${servicesTable(state)}
${happenings(state)}`
}

function button(name: string, label: string, hint: string, { token }: PageOptions): Markup {
  return html`<form method="post" action="/fault/${name}"><input type="hidden" name="token" value="${token}"><button>${label}<small>${hint}</small></button></form>`
}

function variantCard(variant: VariantState, options: PageOptions): Markup {
  const { name, report, checks, isReady } = variant
  const findings = report?.findings ?? []
  const tone = report === undefined ? 'waiting' : findings.length > 0 ? 'bad' : 'good'
  const verdict =
    report === undefined
      ? isReady
        ? 'the first check is under way'
        : 'opening its doors'
      : findings.length === 0
        ? 'everything agrees'
        : `${keysOf(findings)} wrong`
  return html`<article class="${tone}">
<h2><span>${name}</span> ${verdict}</h2>
<p class="counts">${countsText(variant)}${checks === 0 ? '' : ` · check ${checks}`}</p>
${report?.incomplete ? html`<p class="odd">Some of it could not be checked.</p>` : ''}
${findings.length === 0 ? '' : html`<ol>${spread(findings).map((finding) => findingItem(finding, variant, options))}</ol>`}
${findings.length > findingsShownMax ? html`<p class="more">and ${findings.length - findingsShownMax} more: <code>${options.program} check${demoFlag(name)}</code></p>` : ''}
</article>`
}

function keysOf(findings: readonly Finding[]): string {
  const keys = new Set(findings.map((finding) => `${finding.entity} ${finding.key}`)).size
  return keys === 1 ? '1 thing is' : `${keys} things are`
}

/** One finding of each invariant before the second of any: a page of the same sentence says less. */
function spread(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Map<string, number>()
  return findings
    .map((finding) => {
      const place = seen.get(finding.invariant) ?? 0
      seen.set(finding.invariant, place + 1)
      return { finding, place }
    })
    .sort((a, b) => a.place - b.place)
    .slice(0, findingsShownMax)
    .map(({ finding }) => finding)
}

function findingItem(finding: Finding, { name }: VariantState, { program }: PageOptions): Markup {
  const command = finding.explain?.replace(/^selvedge\b/, program)
  return html`<li><b>${finding.key}</b> <i>${finding.verdict}</i> <q>${finding.invariant}</q>
<p>${finding.because}.</p>${command === undefined ? '' : html`<code>${command}${demoFlag(name)}</code>`}</li>`
}

const demoFlag = (name: string): string => (name === 'naive' ? '' : ` --demo ${name}`)

function countsText({ name, counts }: VariantState): string {
  const n = (key: string) => (counts[key] ?? 0).toLocaleString('en-US')
  return name === 'naive'
    ? `${n('sent')} messages sent, ${n('delivered')} delivered, ${n('lost')} lost, ${n('refused')} refused`
    : `${n('applied')} events applied, ${n('pulled')} read from the log of their owner, ${n('waiting')} streams waiting`
}

function servicesTable({ stopped, variants, actions }: DemoState): Markup {
  const [naive, cured] = variants
  const rows = (variant: VariantState | undefined, service: string) =>
    variant?.rows[service]?.toLocaleString('en-US') ?? ''
  return html`<section><h2>Services</h2>
<p class="counts">${(actions.accepted + actions.refused).toLocaleString('en-US')} requests of learners and staff: ${actions.accepted.toLocaleString('en-US')} accepted, ${actions.refused} refused by the business, ${actions.unavailable} met a stopped service</p>
<table><thead><tr><th>service</th><th></th><th>state</th><th class="n">rows, naive</th><th class="n">rows, cured</th></tr></thead>
<tbody>${serviceNames.map((service) => {
    const isStopped = stopped.includes(service)
    return html`<tr class="${isStopped ? 'stopped' : ''}"><td><b>${service}</b></td><td class="about">${summaries[service] ?? ''}</td><td>${isStopped ? 'stopped' : 'running'}</td><td class="n">${rows(naive, service)}</td><td class="n">${rows(cured, service)}</td></tr>`
  })}</tbody></table></section>`
}

function happenings({ happenings: list }: DemoState): Markup {
  if (list.length === 0) return html``
  return html`<section><h2>What happened</h2><ul class="log">${list.map(
    ({ at, what }) => html`<li><time>${at.toISOString().slice(11, 19)}</time> ${what}</li>`,
  )}</ul></section>`
}
