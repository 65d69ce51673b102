/** The commands that look at one thing: explain, doctor; and the one that prints SQL. */
import { systemClock } from '../base/clock.ts'
import { diagnose, explain } from '../explain/explain.ts'
import { inboxMigrations } from '../inbox/migrations.ts'
import { captureMigrations } from '../log/capture.ts'
import { logMigrations } from '../log/migrations.ts'
import { replicaMigrations } from '../replica/migrations.ts'
import { printMigrations } from '../store/store.ts'
import { exitCodeFor } from './exit-code.ts'
import { printDiagnosis } from './print-diagnosis.ts'
import { printHistory } from './print-history.ts'
import { type ConfigChoice, resolveConfig } from './resolve-config.ts'
import type { Terminal } from './terminal.ts'

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
