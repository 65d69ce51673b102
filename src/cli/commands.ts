/** The commands that read: check, explain, doctor; and the one that prints SQL. */
import { systemClock } from '../base/clock.ts'
import { check } from '../check/check.ts'
import { diagnose, explain } from '../explain/explain.ts'
import { inboxMigrations } from '../inbox/migrations.ts'
import { captureMigrations } from '../log/capture.ts'
import { logMigrations } from '../log/migrations.ts'
import { replicaMigrations } from '../replica/migrations.ts'
import { printMigrations } from '../store/store.ts'
import { exitCodeFor } from './exit-code.ts'
import { printDiagnosis } from './print-diagnosis.ts'
import { printHistory } from './print-history.ts'
import { printReport } from './print-report.ts'
import { program } from './program-name.ts'
import { type ConfigChoice, resolveConfig } from './resolve-config.ts'
import type { Terminal } from './terminal.ts'

/** `selvedge check` */
export async function checkCommand(
  options: ConfigChoice & { readonly only?: readonly string[] | undefined },
  terminal: Terminal,
): Promise<number> {
  const config = await resolveConfig(options, terminal)
  const report = await check(config, {
    onProgress: (line) => terminal.note(line),
    ...(options.only === undefined ? {} : { only: options.only }),
  })
  if (terminal.isJson) terminal.json({ format: 'selvedge/check@1', ...report })
  else printReport(report, { terminal, program: program(), flags: flagsOf(options) })
  return exitCodeFor({ findings: report.findings.length, incomplete: report.incomplete })
}

function flagsOf({ config, demo }: ConfigChoice): string {
  if (demo !== undefined && demo !== false) return demo === true ? ' --demo' : ` --demo ${demo}`
  return config === undefined ? '' : ` --config ${config}`
}

/** `selvedge explain <entity> <id>` */
export async function explainCommand(
  question: { readonly entity: string; readonly key: string },
  options: ConfigChoice,
  terminal: Terminal,
): Promise<number> {
  const config = await resolveConfig(options, terminal)
  const history = await explain(config, question)
  if (terminal.isJson) terminal.json({ format: 'selvedge/explain@1', ...history })
  else printHistory(history, { terminal, now: systemClock.now() })
  return exitCodeFor({ findings: 0, incomplete: history.unread.length > 0 })
}

/** `selvedge doctor` */
export async function doctorCommand(
  options: ConfigChoice & { readonly held?: number | undefined },
  terminal: Terminal,
): Promise<number> {
  const config = await resolveConfig(options, terminal)
  const diagnosis = await diagnose(config, options.held === undefined ? {} : { heldMs: options.held * 1_000 })
  if (terminal.isJson) terminal.json({ format: 'selvedge/doctor@1', ...diagnosis })
  else printDiagnosis(diagnosis, terminal)
  return exitCodeFor({ findings: diagnosis.symptoms.length, incomplete: diagnosis.unread.length > 0 })
}

/** `selvedge migrate --print-sql` */
export async function migrateCommand({ schema }: { readonly schema: string }, terminal: Terminal): Promise<number> {
  const sql = printMigrations(schema, [logMigrations, captureMigrations, inboxMigrations, replicaMigrations])
  if (terminal.isJson) terminal.json({ format: 'selvedge/migrate@1', schema, sql })
  else terminal.out(sql)
  return 0
}
