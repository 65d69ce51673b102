/**
 * Which of the declared ways repairs a finding: the first that fits, in the order unblock, re-emit, sql, http; else a
 * person. What a verdict says decides what fits: a copy that is merely behind is never written, since what it waits for
 * is on its way and would be overtaken.
 */
import type { Finding, Repair, Verdict } from '../invariant/invariant.ts'
import type { RepairKind } from './plan-file.ts'

type Way = Exclude<RepairKind, 'person'>

const order: readonly Way[] = ['unblock', 're-emit', 'sql', 'http']
const byWriting: readonly Way[] = ['re-emit', 'sql', 'http']

/** What fits a verdict, or why nothing does. */
const ways: Readonly<Record<Verdict, readonly Way[] | string>> = {
  lagging: 'the copy is behind: its consumer must run, and what it waits for would be overtaken by a write',
  'in-flight': 'the change is on its way',
  parked: ['unblock'],
  'never-published': byWriting,
  'lost-in-transport': byWriting,
  misapplied: byWriting,
  regressed: byWriting,
  'conflicting-write': byWriting,
  'lost-delete': byWriting,
  orphan: byWriting,
  'schema-skew': 'the copy does not know this schema version: it must be upgraded, and then released',
  skipped: byWriting,
  diverged: byWriting,
  'mapping-error': 'the declaration maps a column wrongly: correct it before any data',
  'ticker-silent': 'the owner cuts no ticks: its service must run',
}

/** What is known of a finding beside what it says. */
export interface RepairFacts {
  readonly repairs: readonly Repair[]
  /** Why a way is not open here, by way: no right to write, SQL instead of a column. Absent where it is open. */
  readonly closed: Readonly<Partial<Record<Way, string>>>
  /** A sentence when this key was repaired a moment ago and differs again. */
  readonly fight: string | undefined
  /** True when the repair deletes a row and nobody allowed that. */
  readonly deletesUnasked: boolean
}

/** The way to repair, and why. */
export interface Chosen {
  readonly repair: RepairKind
  readonly declared: Repair | undefined
  readonly why: string
}

/** Chooses the way. */
export function decideRepair(finding: Finding, facts: RepairFacts): Chosen {
  const fitting = ways[finding.verdict]
  if (facts.fight !== undefined) return person(facts.fight)
  if (typeof fitting === 'string') return person(fitting)
  if (finding.proof === 'sample') return person('a sample proves nothing about one row')
  if (facts.repairs.length === 0) return person('the invariant declares no repair (`repairedBy`)')
  const reasons: string[] = []
  for (const way of order) {
    const declared = facts.repairs.find(({ kind }) => kind === way)
    if (declared === undefined) continue
    if (!fitting.includes(way)) {
      reasons.push(`${way} does not repair what is ${finding.verdict}`)
      continue
    }
    const closed = facts.closed[way]
    if (closed !== undefined) {
      reasons.push(closed)
      continue
    }
    if (way === 'sql' && facts.deletesUnasked) {
      reasons.push('a row would be deleted, and deleting was not allowed (--allow-delete)')
      continue
    }
    return { repair: way, declared, why: whys[way] }
  }
  return person(reasons.length === 0 ? `no declared repair fits what is ${finding.verdict}` : reasons.join('; '))
}

const whys: Readonly<Record<Way, string>> = {
  unblock: 'its stream waits at the copy and may be tried again',
  're-emit': 'the owner says its current state again, through its log',
  sql: 'the copy is written to what the owner, or the policy, says',
  http: 'the service is asked to repair itself',
}

function person(why: string): Chosen {
  return { repair: 'person', declared: undefined, why }
}
