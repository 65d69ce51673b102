/** The history of an entity for people: what each service holds, then the timeline. */
import { counted } from '../base/counted.ts'
import type { ExplainedRow, Explanation, Moment } from '../explain/explain.ts'
import type { Terminal } from './terminal.ts'
import { ageText, columnsText, valueText } from './text.ts'

/** Prints the history; ages are measured at `now`. */
export function printHistory(history: Explanation, { terminal, now }: { terminal: Terminal; now: Date }): void {
  const { paint } = terminal
  terminal.out(paint.strong(`${history.entity} ${history.key}`))
  terminal.out('')
  const differing = differingColumns(history.rows)
  const told = history.rows.filter(({ row, role, isMissing }) => row !== undefined || isMissing || role === 'owner')
  for (const row of told) printRow(row, { terminal, now, differing })
  const empty = history.rows.filter((row) => !told.includes(row)).map(({ table }) => table)
  if (empty.length > 0) terminal.out(paint.faint(`  nothing in ${[...new Set(empty)].join(', ')}`))
  if (history.rows.length === 0) terminal.out('  No service is declared to hold it.')
  terminal.out('')
  if (history.moments.length === 0 && history.unknown.length === 0) terminal.out('  No event is known of it.')
  if (history.moments.length > 0) {
    terminal.out(paint.strong('What happened'))
    const lines = columnsText(
      history.moments.map((moment) => [
        moment.at.toISOString().slice(0, 23).replace('T', ' '),
        moment.service,
        momentText(moment),
      ]),
    )
    history.moments.forEach((moment, i) => {
      const isBad = moment.kind === 'parked' || moment.kind === 'written-behind' || moment.kind === 'conflict'
      terminal.out(`  ${isBad ? paint.bad(lines[i]!) : lines[i]}`)
    })
  }
  if (history.unknown.length > 0) terminal.out(paint.strong('Not known'))
  for (const { services, what, toldBy } of togetherOf(history.unknown))
    terminal.out(`  ${services.join(', ')}: ${what}. ${paint.faint(toldBy)}`)
  for (const place of history.unread) terminal.out(paint.bad(`  not read: ${place.service}: ${place.message}`))
  terminal.out('')
  terminal.out(
    `${counted(history.rows.filter(({ row }) => row !== undefined).length, 'row')} in ${counted(new Set(history.rows.map((row) => row.service)).size, 'service')}, ${counted(history.moments.length, 'moment')}${history.unread.length === 0 ? '' : `, ${paint.bad(`${counted(history.unread.length, 'place')} not read`)}`}.`,
  )
}

/** Columns that owner and copies share by name and do not agree on. */
function differingColumns(rows: readonly ExplainedRow[]): ReadonlySet<string> {
  const values = new Map<string, Set<string>>()
  for (const { role, row } of rows) {
    if (role === 'reference' || row === undefined) continue
    for (const [column, value] of Object.entries(row)) {
      if (value instanceof Date) continue
      values.set(column, (values.get(column) ?? new Set()).add(valueText(value, 1_000)))
    }
  }
  return new Set([...values].filter(([, seen]) => seen.size > 1).map(([column]) => column))
}

interface RowContext {
  readonly terminal: Terminal
  readonly now: Date
  readonly differing: ReadonlySet<string>
}

function printRow(held: ExplainedRow, { terminal, now, differing }: RowContext): void {
  const { paint } = terminal
  const role = { owner: 'owner', copy: 'copy', reference: 'refers to it' }[held.role]
  const version = held.version === undefined ? '' : `, version ${held.version}`
  const age = held.asOf === undefined ? '' : `, changed ${ageText(held.asOf, now)}`
  if (held.row === undefined) {
    terminal.out(`  ${held.table}  ${paint.faint(`${role}${version}${age}`)}  ${paint.bad('has no such row')}`)
    return
  }
  terminal.out(`  ${held.table}  ${paint.faint(`${role}${version}${age}`)}`)
  const cells = Object.entries(held.row).map(([column, value]) => {
    const text = `${column}=${value === null ? 'NULL' : valueText(value)}`
    return held.role !== 'reference' && differing.has(column) ? paint.bad(text) : text
  })
  terminal.out(`      ${cells.join('  ')}`)
}

function momentText(moment: Moment): string {
  const event = moment.event === undefined ? '' : `${moment.event.type ?? moment.event.stream} v${moment.event.version}`
  switch (moment.kind) {
    case 'published':
      return `published ${event}${moment.tick === undefined ? ' (in no tick yet)' : ` in tick ${moment.tick}`} ${valueText(moment.data, 80)}`
    case 'sent':
      return `sent ${event} to ${moment.destination}`
    case 'applied':
      return `applied ${event} (${moment.consumer}${moment.tick === undefined ? '' : `, tick ${moment.tick}`})`
    case 'duplicate':
      return `dropped a second ${event} (${moment.consumer})`
    case 'pulled':
      return `pulled ${event} from its owner (${moment.consumer})`
    case 'parked':
      return `waits with ${event} after ${counted(moment.attempts, 'attempt')} (${moment.consumer}): ${moment.error}`
    case 'released':
      return `released ${event} (${moment.consumer})${moment.by === undefined ? '' : ` by ${moment.by}`}`
    case 'conflict':
      return `conflict in ${moment.replica}: ${moment.field} ${valueText(moment.lost)} lost`
    case 'written-behind':
      return `${moment.table} was written and nothing was published`
    case 'repaired':
      return `repaired${moment.by === undefined ? '' : ` by ${moment.by}`}`
  }
}

/** Eight services that cannot tell the same are one sentence. */
function togetherOf(unknown: Explanation['unknown']): readonly { services: string[]; what: string; toldBy: string }[] {
  const together = new Map<string, { services: string[]; what: string; toldBy: string }>()
  for (const { service, what, toldBy } of unknown) {
    const entry = together.get(what + toldBy) ?? { services: [], what, toldBy }
    entry.services.push(service)
    together.set(what + toldBy, entry)
  }
  return [...together.values()]
}
