/** `selvedge check`: compares, and gives the report in every form that was asked for. */
import { systemClock } from '../base/clock.ts'
import { hours } from '../base/duration.ts'
import { refused } from '../base/error.ts'
import { type Budget, type CheckOptions, check, type PlannedCheck, planCheck, type Report } from '../check/check.ts'
import { shellWord } from '../check/classify-incidents.ts'
import { mapStrings, type Surroundings } from '../check/formats/format.ts'
import { htmlOf } from '../check/formats/html.ts'
import { junitOf } from '../check/formats/junit.ts'
import { sarifOf } from '../check/formats/sarif.ts'
import { streamedInvariant, streamedSummary } from '../check/formats/stream.ts'
import { isHttpUrl } from '../check/sources/http.ts'
import type { Verdict } from '../invariant/invariant.ts'
import { withBaselineFile } from './baseline-file.ts'
import { type OutputChoice, openOutputs } from './check-outputs.ts'
import { exitCodeFor } from './exit-code.ts'
import { exposeCollector } from './expose-collector.ts'
import { placeOfInvariants } from './place-of-invariants.ts'
import { commandOf, printReport } from './print-report.ts'
import { packageVersion, program } from './program-name.ts'
import { type ConfigChoice, locateConfig } from './resolve-config.ts'
import { redact, type Terminal } from './terminal.ts'

/** What a person gave. */
export interface CheckChoice extends ConfigChoice, OutputChoice {
  readonly only?: readonly string[] | undefined
  readonly baseline?: string | undefined
  readonly budget?: Budget | undefined
  readonly plan?: boolean | undefined
  /** Seconds. */
  readonly touched?: number | undefined
  readonly quick?: boolean | undefined
  /** The folder that says what was verified; `true` for the usual one. */
  readonly incremental?: string | true | undefined
  /** Hours. */
  readonly within?: number | undefined
  /** Only findings of these verdicts end the command with 1. */
  readonly failOn?: readonly Verdict[] | undefined
}

/** `selvedge check --plan`: what a check would read, without reading it. */
async function planCommand(options: CheckChoice, terminal: Terminal): Promise<number> {
  const { config } = await locateConfig(options, terminal)
  const planned = await planCheck(config, options.budget)
  if (terminal.isJson) terminal.json({ format: 'selvedge/check-plan@1', planned })
  else for (const line of planned.map(planLine)) terminal.out(line)
  return exitCodeFor({ findings: 0, incomplete: planned.some(({ way }) => way === undefined) })
}

function planLine({ name, way, why, help, rows, seconds, bytes }: PlannedCheck): string {
  if (way === undefined)
    return `${name}: cannot be read: ${why ?? 'no reason was given'}${help === undefined ? '' : `\n  ${help}`}`
  const kept = way === 'travel' ? ', because no SQL of both sides writes its values alike: every row travels' : ''
  return `${name}: about ${rows} rows by ${way}${kept}; ${seconds.toFixed(1)} s at full speed, ${Math.ceil(bytes / 1024)} KiB`
}

/** Runs it. Outputs are opened before anything is compared: a check of an hour must not end in a folder that is not there. */
export async function checkCommand(options: CheckChoice, terminal: Terminal): Promise<number> {
  if (options.plan === true) return planCommand(options, terminal)
  const outputs = openOutputs(options, terminal)
  const located = await locateConfig(options, terminal)
  const config = withBaselineFile({ ...located, given: options.baseline })
  if (Object.values(config.sources).some(({ url }) => isHttpUrl(url))) exposeCollector()
  const [style, flags] = [{ program: program() }, flagsOf(options)]
  const report = await check(config, {
    onProgress: (line) => terminal.status(line),
    ...(options.only === undefined ? {} : { only: options.only }),
    ...(options.budget === undefined ? {} : { budget: options.budget }),
    ...(options.touched === undefined ? {} : { touchedSeconds: options.touched }),
    ...(options.quick === undefined ? {} : { isQuick: options.quick }),
    ...incrementalOf(options),
    onJudged: (judged) => {
      for (const line of streamedInvariant(judged)) outputs.line(line)
    },
  })
  outputs.line(streamedSummary(report))
  const clean = mapStrings(report, redact)
  const around: Surroundings = {
    at: systemClock.now(),
    version: packageVersion(),
    ...placeOfInvariants(located.path),
    commandOf: (command) => commandOf(command, style.program, flags),
  }
  outputs.document('junit', () => junitOf(clean, around))
  outputs.document('sarif', () => `${JSON.stringify(sarifOf(clean, around))}\n`)
  outputs.document('html', () => htmlOf(clean, around))
  outputs.document('json', () => JSON.stringify({ format: 'selvedge/check@1', ...report }))
  if (!outputs.isStdoutTaken) printReport(report, { terminal, ...style, flags })
  outputs.close()
  return exitCodeFor({ findings: failing(report, options.failOn), incomplete: report.incomplete })
}

/** Beside the history of a watcher. */
const verifiedFolder = '.selvedge/verified'

function incrementalOf({ incremental, within, touched }: CheckChoice): Pick<CheckOptions, 'incremental'> {
  if (incremental === undefined) {
    if (within === undefined) return {}
    const what = '--within says how old what was verified may be, and nothing is kept of that.'
    throw refused('cli/usage-within-alone', what, 'Add --incremental, which keeps it.')
  }
  if (touched !== undefined) {
    const what = '--incremental and --touched ask for different keys.'
    throw refused('cli/usage-two-lanes', what, 'Leave --touched out: an incremental check looks at touched keys first.')
  }
  const folder = incremental === true ? verifiedFolder : incremental
  return { incremental: { folder, ...(within === undefined ? {} : { within: hours(within) }) } }
}

function failing({ findings }: Report, verdicts: readonly Verdict[] | undefined): number {
  return findings.filter((finding) => verdicts === undefined || verdicts.includes(finding.verdict)).length
}

function flagsOf({ config, demo }: ConfigChoice): string {
  if (demo !== undefined && demo !== false) return demo === true ? ' --demo' : ` --demo ${demo}`
  return config === undefined ? '' : ` --config ${shellWord(config)}`
}
