/** `selvedge reconcile …`: plan, show, approve, apply, undo, log. Only `apply` and `undo` write to databases. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { refused } from '../base/error.ts'
import { check, type Report } from '../check/check.ts'
import {
  type Applied,
  apply,
  approve,
  openJournal,
  type Plan,
  parsePlan,
  plan,
  planSha256,
  planText,
  runsOf,
  undo,
} from '../reconcile/reconcile.ts'
import { exitCode } from './exit-code.ts'
import { findConfig } from './find-config.ts'
import { printApplied, printPlan, printRuns } from './print-plan.ts'
import { program } from './program-name.ts'
import { type ConfigChoice, resolveConfig } from './resolve-config.ts'
import type { Terminal } from './terminal.ts'

/** What every command of these takes: where the configuration is, and where the journal. */
export interface ReconcileChoice extends ConfigChoice {
  readonly folder?: string | undefined
}

/** The journal lies beside the configuration, so that everybody who repairs from there has one audit trail. */
export function folderOf({ config, folder }: ReconcileChoice): string {
  if (folder !== undefined) return resolve(folder)
  const path = findConfig({ cwd: process.cwd(), given: config })
  return join(path === undefined ? process.cwd() : dirname(path), '.selvedge', 'reconcile')
}

/** `selvedge reconcile plan -o plan.jsonl` */
export async function planCommand(
  options: ReconcileChoice & {
    readonly only?: readonly string[]
    readonly output?: string
    readonly from?: string
    readonly most?: number
    readonly allowDelete?: boolean
  },
  terminal: Terminal,
): Promise<number> {
  const config = await resolveConfig(options, terminal)
  const { only, from } = options
  const onProgress = (line: string) => terminal.note(line)
  const report =
    from === undefined ? await check(config, { onProgress, ...(only === undefined ? {} : { only }) }) : reportOf(from)
  const made = await plan(config, report, {
    folder: folderOf(options),
    allowDelete: options.allowDelete === true,
    ...(options.most === undefined ? {} : { most: options.most }),
  })
  const path = options.output
  if (path !== undefined) writeFileSync(path, planText(made), { mode: 0o600 })
  if (terminal.isJson) terminal.json({ format: 'selvedge/reconcile-plan@1', ...documentOf(made) })
  else {
    printPlan(made, terminal)
    terminal.out(path === undefined ? 'Not written to a file: name one by -o plan.jsonl.' : nextOf(made, path))
  }
  if (report.incomplete) return exitCode.incomplete
  return made.steps.length === 0 ? exitCode.clean : exitCode.findings
}

function nextOf(made: Plan, path: string): string {
  const isEmpty = made.steps.every((step) => step.repair === 'person')
  const next = isEmpty ? 'nothing to apply' : `next: ${program()} reconcile approve ${path} --by <name>`
  return `Nothing was changed. ${path}, valid until ${made.header.expires}; ${next}`
}

function reportOf(path: string): Report {
  const document = JSON.parse(readFileSync(path, 'utf8')) as Partial<Report>
  if (Array.isArray(document.findings) && Array.isArray(document.invariants)) return document as Report
  const help = 'Give what `selvedge check --json` printed.'
  throw refused('cli/usage-no-report', `${path} is no report of a check.`, help)
}

function readPlan(path: string): Plan {
  const help = 'Make one: selvedge reconcile plan -o plan.jsonl'
  if (!existsSync(path)) throw refused('cli/usage-no-plan', `There is no file ${path}.`, help)
  if (statSync(path).isDirectory()) throw refused('cli/usage-no-plan', `${path} is a folder, not a plan.`, help)
  return parsePlan(readFileSync(path, 'utf8'))
}

/** `selvedge reconcile show plan.jsonl` */
export async function showCommand(path: string, terminal: Terminal): Promise<number> {
  const made = readPlan(path)
  if (terminal.isJson) terminal.json({ format: 'selvedge/reconcile-plan@1', ...documentOf(made) })
  else printPlan(made, terminal, { isWhole: true })
  return exitCode.clean
}

function documentOf(made: Plan) {
  return { sha256: planSha256(made), header: made.header, steps: made.steps, approvals: made.approvals }
}

/** `selvedge reconcile approve plan.jsonl --by ada` */
export async function approveCommand(path: string, by: string, terminal: Terminal): Promise<number> {
  const approved = approve(readPlan(path), by)
  writeFileSync(path, planText(approved), { mode: 0o600 })
  const sha256 = planSha256(approved)
  if (terminal.isJson) terminal.json({ format: 'selvedge/reconcile-approval@1', sha256, approvals: approved.approvals })
  else terminal.out(`${by} approved ${sha256.slice(0, 12)}; next: ${program()} reconcile apply ${path}`)
  return exitCode.clean
}

/** `selvedge reconcile apply plan.jsonl` */
export async function applyCommand(
  path: string,
  options: ReconcileChoice & { readonly allowDelete?: boolean },
  terminal: Terminal,
): Promise<number> {
  const made = readPlan(path)
  const config = await resolveConfig(options, terminal)
  const folder = folderOf(options)
  const onProgress = (line: string) => terminal.note(line)
  return told(await apply(config, made, { folder, onProgress, allowDelete: options.allowDelete === true }), terminal)
}

/** `selvedge reconcile undo <run> --by ada` */
export async function undoCommand(
  run: string,
  options: ReconcileChoice & { readonly by: string },
  terminal: Terminal,
): Promise<number> {
  const config = await resolveConfig(options, terminal)
  const onProgress = (line: string) => terminal.note(line)
  return told(await undo(config, run, { folder: folderOf(options), by: options.by, onProgress }), terminal, {
    isUndo: true,
  })
}

/** `selvedge reconcile log` */
export async function logCommand(options: ReconcileChoice, terminal: Terminal): Promise<number> {
  const journal = openJournal(folderOf(options))
  const runs = runsOf(journal.entries)
  if (terminal.isJson)
    terminal.json({ format: 'selvedge/reconcile-log@1', path: journal.path, runs, entries: journal.entries.length })
  else printRuns(runs, terminal)
  return exitCode.clean
}

function told(applied: Applied, terminal: Terminal, { isUndo = false } = {}): number {
  if (terminal.isJson) terminal.json({ format: 'selvedge/reconcile-run@1', ...applied })
  else printApplied(applied, terminal, { isUndo })
  const isWhole = applied.failed === 0 && applied.skipped === 0 && applied.differing.length === 0
  return isWhole && applied.stopped === undefined ? exitCode.clean : exitCode.repairPartlyFailed
}
