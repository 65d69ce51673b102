/** What the doctor says, for people. */
import { counted } from '../base/counted.ts'
import type { Diagnosis } from '../explain/explain.ts'
import type { Terminal } from './terminal.ts'

/** Prints symptoms with what to do, after one line for each source. */
export function printDiagnosis(diagnosis: Diagnosis, terminal: Terminal): void {
  const { paint } = terminal
  for (const { source, service, server, walLevel, hasLog, notes } of diagnosis.sources) {
    const name = source === service ? source : `${source} (service ${service})`
    const log = hasLog ? 'with a log of ours' : 'without our tables'
    // Of other engines the name comes with the version, and they have no level.
    const engine = walLevel === '' ? server : `PostgreSQL ${server}, wal_level ${walLevel}`
    terminal.out(`${paint.strong(name)}  ${engine}, ${log}`)
    for (const note of notes) terminal.out(`    ${note}`)
  }
  for (const { message, help } of diagnosis.symptoms) {
    terminal.out(`${paint.bad('✗')} ${message}`)
    terminal.out(`    ${help}`)
  }
  for (const { service, message } of diagnosis.unread)
    terminal.out(`${paint.bad('?')} not examined: ${service}: ${message}`)
  const isWell = diagnosis.symptoms.length === 0 && diagnosis.unread.length === 0
  const unread = diagnosis.unread.length === 0 ? '' : `, ${counted(diagnosis.unread.length, 'thing')} not examined`
  const said = diagnosis.symptoms.length === 0 ? 'no symptoms' : counted(diagnosis.symptoms.length, 'symptom')
  terminal.out(
    `${isWell ? paint.good('✓') : paint.bad('✗')} ${counted(diagnosis.sources.length, 'source')}: ${said}${unread}.`,
  )
}
