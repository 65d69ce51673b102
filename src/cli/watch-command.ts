/** `selvedge watch`: the check on a schedule, until a signal; or with `--once` one run for people whose own timer repeats it. */
import { counted } from '../base/counted.ts'
import { systemScheduler } from '../base/scheduler.ts'
import type { Config } from '../invariant/invariant.ts'
import {
  type AlertRecord,
  automaticRepairs,
  type CarriedOut,
  type OnReport,
  type RunRecord,
  sentenceOfEvent,
  sentenceOfRepair,
  watch,
  watchOnce,
} from '../watch/watch.ts'
import { withBaselineFile } from './baseline-file.ts'
import { exitCode, exitCodeFor } from './exit-code.ts'
import { printReport } from './print-report.ts'
import { program } from './program-name.ts'
import { folderOf } from './reconcile-commands.ts'
import { type ConfigChoice, locateConfig } from './resolve-config.ts'
import { type Output, redact, type Terminal } from './terminal.ts'

/** What a person gave. */
export interface WatchChoice extends ConfigChoice {
  readonly once?: boolean | undefined
  readonly port?: number | undefined
  /** Ends the watch; the reason is the exit code. */
  readonly signal: AbortSignal
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Where the status stands while it is a terminal. */
  readonly stderr: Output
}

/** A second is as often as a person looks. */
const statusEveryMs = 1_000

/** `selvedge watch` */
export async function watchCommand(choice: WatchChoice, terminal: Terminal): Promise<number> {
  // What a check accepts, a watch does not report either.
  const declared = withBaselineFile(await locateConfig(choice, terminal))
  const watchSetting = declared.watch ?? { every: '*/5 * * * *' }
  const config: Config =
    choice.port === undefined ? declared : { ...declared, watch: { ...watchSetting, port: choice.port } }
  return choice.once === true ? once(config, choice, terminal) : untilSignal(config, choice, terminal)
}

/** What is declared `automatic` is repaired, with the journal of `selvedge reconcile`; nothing else is ever written. */
function repairsOf(config: Config, choice: WatchChoice): { readonly onReport?: OnReport } {
  const onReport = automaticRepairs(config, { folder: folderOf(choice) })
  return onReport === undefined ? {} : { onReport }
}

async function once(config: Config, choice: WatchChoice, terminal: Terminal): Promise<number> {
  const { run, report } = await watchOnce(config, {
    ...{ environment: choice.environment, ...repairsOf(config, choice) },
    onProgress: (line) => terminal.note(line),
  })
  if (terminal.isJson) terminal.json(documentOf(run))
  else if (report !== undefined) {
    const flags = choice.config === undefined ? '' : ` --config ${choice.config}`
    printReport(report, { terminal, program: program(), flags })
    printRepairs(run, terminal)
  } else terminal.note(`the check failed: ${run.error?.code}: ${run.error?.message}`)
  return codeOf({ run, report })
}

/** What was found and healed in the same run is no reason to wake anybody. */
function codeOf({ run: { repairs = [] }, report }: CarriedOut): number {
  if (report === undefined || report.incomplete) return exitCode.incomplete
  if (repairs.some(({ result }) => result === 'partly-failed')) return exitCode.repairPartlyFailed
  const healed = new Set(repairs.flatMap(({ invariant, result }) => (result === 'healed' ? [invariant] : [])))
  const left = report.findings.filter(({ invariant }) => !healed.has(invariant))
  return exitCodeFor({ findings: left.length, incomplete: false })
}

async function untilSignal(config: Config, choice: WatchChoice, terminal: Terminal): Promise<number> {
  const { signal, environment, stderr } = choice
  const lost = new AbortController()
  const line = statusLine(stderr, terminal)
  const watching = await watch(config, {
    ...{ environment, ...repairsOf(config, choice) },
    onRun: (run) => line.above(() => printRun(run, terminal)),
    onAlert: (alert) => line.above(() => printAlert(alert, terminal)),
    // Each comparison of each run is no news; what went wrong is.
    onProgress: (text) => /^(webhook|history):/.test(text) && line.above(() => terminal.note(text)),
    onLost: () => lost.abort(),
  })
  terminal.note(
    `watching ${counted(config.invariants.length, 'invariant')}; ${watching.url}/metrics, /healthz, /status.json`,
  )
  if (watching.interrupted !== undefined) terminal.note(`the run ${watching.interrupted} before this start never ended`)
  const scheduler = systemScheduler()
  scheduler.task('watch-status', async () => {
    const { running, open, troubles, invariants } = watching.status()
    const next = invariants.flatMap(({ nextAt }) => nextAt ?? []).sort()[0]
    const now = running === undefined ? `next check at ${next?.slice(11, 19) ?? 'never'} UTC` : 'checking'
    line.show(`${now} · ${counted(open, 'open finding')}${troubles.length === 0 ? '' : ` · ${troubles[0]}`}`)
    return line.isShown ? statusEveryMs : 'idle'
  })
  await ended(AbortSignal.any([signal, lost.signal]))
  line.clear()
  await scheduler.stop()
  if (watching.status().running !== undefined)
    terminal.note('waiting for the run in flight to end; again to leave at once')
  await watching.stop()
  if (signal.aborted) return Number(signal.reason)
  terminal.note('another process has taken the history over')
  return exitCode.incomplete
}

function ended(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

function documentOf(run: RunRecord): object {
  const { kind: _kind, tell: _tell, unseen, ...rest } = run
  return { format: 'selvedge/watch@1', ...rest, unseen: unseen.length }
}

function printRun(run: RunRecord, terminal: Terminal): void {
  if (terminal.isJson) {
    terminal.json(documentOf(run))
    return
  }
  const { paint } = terminal
  const findings = run.invariants.flatMap((one) => Object.values(one.findings)).reduce((sum, n) => sum + n, 0)
  const rows = run.invariants.reduce((sum, one) => sum + one.rows, 0)
  const mark = run.outcome === 'clean' ? paint.good('✓') : paint.bad(run.outcome === 'findings' ? '✗' : '?')
  const said = run.outcome === 'failed' ? `the check failed: ${run.error?.message}` : counted(findings, 'finding')
  terminal.out(
    `${mark} ${paint.faint(run.endedAt)} ${said}, ${counted(rows, 'row')} in ${(run.durationMs / 1_000).toFixed(1)} s`,
  )
  printEvents(run.events, terminal)
  printRepairs(run, terminal)
}

function printRepairs({ repairs = [] }: RunRecord, terminal: Terminal): void {
  for (const repair of repairs) terminal.out(`  ${sentenceOfRepair(repair)}`)
}

function printAlert(alert: AlertRecord, terminal: Terminal): void {
  if (terminal.isJson) {
    const { kind: _kind, tell: _tell, ...rest } = alert
    terminal.json({ format: 'selvedge/watch-alert@1', ...rest })
    return
  }
  printEvents(alert.events, terminal)
}

/** More changes at once are one cause; the history and `--json` hold all. */
const eventsShownMax = 10

function printEvents(events: RunRecord['events'], terminal: Terminal): void {
  for (const event of events.slice(0, eventsShownMax)) terminal.out(`  ${sentenceOfEvent(event)}`)
  if (events.length > eventsShownMax) terminal.out(`  … and ${events.length - eventsShownMax} more`)
}

interface StatusLine {
  readonly isShown: boolean
  show(text: string): void
  clear(): void
  /** Prints while the status is out of the way. */
  above(print: () => void): void
}

/** One line that is written over again, on a terminal; elsewhere nothing. */
function statusLine(stderr: Output, terminal: Terminal): StatusLine {
  const isShown = stderr.isTTY === true && !terminal.isQuiet && !terminal.isJson
  const clear = () => {
    if (isShown) stderr.write('\r\u001b[2K')
  }
  return {
    isShown,
    clear,
    show: (text) => {
      clear()
      if (isShown) stderr.write(redact(text).slice(0, (stderr.columns ?? 80) - 1))
    },
    above: (print) => {
      clear()
      print()
    },
  }
}
