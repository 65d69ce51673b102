/** Makes a plan of findings: looks at each key again, and chooses how it is repaired. Writes nothing. */
import { type Clock, systemClock } from '../base/clock.ts'
import type { Report } from '../check/check.ts'
import { rowText } from '../digest/digest.ts'
import {
  type Config,
  defineConfig,
  type Finding,
  type Invariant,
  keyParts,
  type Repair,
  type RepairRow,
  type SqlRepair,
} from '../invariant/invariant.ts'
import { configDigest } from './config-digest.ts'
import { fightsOf } from './decide-fight.ts'
import { type Chosen, decideRepair } from './decide-repair.ts'
import { openJournal } from './journal.ts'
import { openWriters, type Writers } from './open-writers.ts'
import {
  imageHash,
  type Plan,
  type PlannedImage,
  type PlannedTable,
  type PlanStep,
  planFormat,
  sealed,
} from './plan-file.ts'
import { type PreparedWrite, preparedWrites, resolved, rowOf } from './prepare-write.ts'
import { briefState, type Comparison, differingColumns, holds, type KeyState, openSides, type Sides } from './sides.ts'

/** What may be given to `plan`. */
export interface PlanOptions {
  readonly clock?: Clock
  /** Where the journal is: keys that were repaired and differ again are left to a person. */
  readonly folder?: string
  /** Plans that delete rows; they are left to a person otherwise. */
  readonly allowDelete?: boolean
  /** At most so many keys of each invariant, the first by key: a way to begin small. */
  readonly most?: number
  /** How long the plan may be applied; an hour unless given. */
  readonly validForMs?: number
}

/** An hour: long enough for a person to read and approve, short enough that most rows still are as they were. */
const validForMsDefault = 3_600_000

/**
 * Plans the repair of a check's findings. Each key is read again: what holds by now, or differs otherwise than the check
 * said, is left out and counted as settled.
 *
 * @throws Refused `invariant/bad-config` when the configuration is wrong; `check/unreadable` when a side cannot be read.
 * @example
 * const made = await plan(config, await check(config), { folder: '.selvedge/reconcile' })
 * writeFileSync('plan.jsonl', planText(made))
 */
export async function plan(config: Config, report: Report, options: PlanOptions = {}): Promise<Plan> {
  defineConfig(config)
  const clock = options.clock ?? systemClock
  const sides = openSides(config, options.clock)
  const writers = openWriters(config)
  const now = clock.now()
  try {
    const fights = options.folder === undefined ? () => undefined : fightsOf(openJournal(options.folder).entries, now)
    const allowDelete = options.allowDelete === true
    const work: Work = { sides, writers, fights, allowDelete, most: options.most ?? Number.POSITIVE_INFINITY }
    const drafts: Draft[] = []
    let settled = 0
    for (const invariant of config.invariants) {
      const findings = report.findings.filter((finding) => finding.invariant === invariant.name)
      if (findings.length === 0) continue
      const planned = await planInvariant(invariant, findings, work)
      settled += findings.length - planned.kept
      drafts.push(...planned.drafts)
    }
    const steps = drafts.map((draft, i): PlanStep => ({ step: i + 1, ...draft }))
    const validForMs = options.validForMs ?? validForMsDefault
    return {
      approvals: [],
      steps,
      header: sealed(
        {
          ...{ format: planFormat, created: now.toISOString() },
          ...{ expires: new Date(now.getTime() + validForMs).toISOString(), config: configDigest(config) },
          ...{ steps: steps.length, byRepair: counted(steps.map((step) => step.repair)) },
          ...{ deletes: steps.filter((step) => step.write?.kind === 'delete').length, settled },
          tables: tablesOf(config, report),
        },
        steps,
      ),
    }
  } finally {
    await Promise.all([sides.close(), writers.close()])
  }
}

interface Work {
  readonly sides: Sides
  readonly writers: Writers
  readonly fights: (invariant: string, key: string) => string | undefined
  readonly allowDelete: boolean
  readonly most: number
}

type Draft = Omit<PlanStep, 'step'>

async function planInvariant(
  invariant: Invariant,
  findings: readonly Finding[],
  work: Work,
): Promise<{ readonly drafts: readonly Draft[]; readonly kept: number }> {
  const drafts: Draft[] = []
  // A finding about a whole source or column has no row to look at.
  const whole = findings.filter((finding) => finding.key === '')
  for (const finding of whole) drafts.push(personDraft(finding, decideRepair(finding, openFacts(invariant.repairs))))
  const keyed = findings.filter((finding) => finding.key !== '')
  if (keyed.length === 0) return { drafts, kept: whole.length }
  const comparison = await work.sides.of(invariant)
  const parts = new Map(keyed.map((finding) => [finding, keyParts(finding.key, keyLength(invariant))]))
  const states = await comparison.read([...parts.values()])
  let kept = whole.length
  for (const finding of keyed) {
    const state = states.get(rowText(parts.get(finding)!))
    if (state === undefined || holds(comparison.shape, state) || !isAsFound(comparison, state, finding)) continue
    kept += 1
    if (kept > work.most) continue
    drafts.push(...(await draftsOf(finding, { comparison, state, work })))
  }
  return { drafts, kept }
}

function keyLength(invariant: Invariant): number {
  return invariant.relation.sides[0]?.key.length ?? 1
}

function openFacts(repairs: readonly Repair[]) {
  return { repairs, closed: {}, fight: undefined, deletesUnasked: false }
}

/** Whether the key differs as the check said: what changed meanwhile has no proof. */
function isAsFound({ shape }: Comparison, state: KeyState, finding: Finding): boolean {
  const present = shape.sideNames.filter((_, s) => (state.images[s]?.length ?? 0) > 0)
  const now = JSON.stringify([present, differingColumns(shape, briefState(shape, state))])
  return now === JSON.stringify([finding.present, finding.columns])
}

interface Looked {
  readonly comparison: Comparison
  readonly state: KeyState
  readonly work: Work
}

async function draftsOf(finding: Finding, looked: Looked): Promise<readonly Draft[]> {
  const { comparison, state, work } = looked
  const { repairs } = comparison.invariant
  const sql = repairs.find((repair) => repair.kind === 'sql')
  const prepared = sql === undefined ? undefined : await preparedSql(looked, sql, finding.key)
  const chosen = decideRepair(finding, {
    repairs,
    closed: {
      ...closedWays(comparison, work.writers),
      ...(typeof prepared === 'string' ? { sql: prepared } : {}),
    },
    fight: work.fights(finding.invariant, finding.key),
    deletesUnasked:
      !work.allowDelete &&
      !(sql?.limits?.deletes ?? 0) &&
      typeof prepared === 'object' &&
      prepared.writes.some(({ write }) => write.kind === 'delete'),
  })
  const call = chosen.declared?.kind === 'http' ? `${chosen.declared.method} ${chosen.declared.url}: ` : ''
  const base = { ...draftBase(finding, chosen), why: `${call}${chosen.why}`, parts: state.key }
  const before = imagesOf(comparison, state)
  if (chosen.repair !== 'sql' || typeof prepared !== 'object') {
    const target = chosen.repair === 're-emit' ? 0 : 1
    return [{ ...base, target, before }]
  }
  return prepared.writes.map(({ target, write }, i) => {
    const written = prepared.writes.slice(0, i).map((earlier) => earlier.target)
    return {
      ...base,
      target,
      before: after(comparison, before, { written, row: prepared.row }),
      after: prepared.row,
      write,
    }
  })
}

async function preparedSql(
  { comparison, state, work }: Looked,
  repair: SqlRepair,
  key: string,
): Promise<string | { readonly row: RepairRow | null; readonly writes: readonly PreparedWrite[] }> {
  const answer = resolved(comparison, state, repair, key)
  if ('why' in answer) return answer.why
  const writes = await preparedWrites(comparison, work.writers, state, { row: answer.row, repair })
  return typeof writes === 'string' ? writes : { row: answer.row, writes }
}

/** Ways for which a source declares no right to write. */
function closedWays(comparison: Comparison, writers: Writers): Partial<Record<'unblock' | 're-emit', string>> {
  const { relation } = comparison.invariant
  const [first, second] = relation.sides
  const isCopied = relation.kind === 'replicaOf'
  const why = (side: (typeof relation.sides)[number] | undefined) =>
    !isCopied
      ? 'no side is the owner'
      : writers.of(side?.source ?? '') === undefined
        ? `the source "${side?.source}" declares no \`repair\``
        : writers.placeOf(side?.source ?? '').startsWith('postgres')
          ? undefined
          : `${side?.source} has no log of ours`
  const [unblock, reEmit] = [why(second), why(first)]
  return { ...(unblock === undefined ? {} : { unblock }), ...(reEmit === undefined ? {} : { 're-emit': reEmit }) }
}

function imagesOf({ shape }: Comparison, state: KeyState): PlannedImage[] {
  return shape.sideNames.map((side, s) => {
    const image = state.images[s] ?? []
    const rows = image.map((row) => rowOf(shape.columnNames, [row])!)
    return { side, rows, hash: imageHash(image), stamp: state.stamps[s] ?? '' }
  })
}

/** The images that a step expects when earlier steps of the plan have written other sides of the same key. */
function after(
  { shape }: Comparison,
  before: readonly PlannedImage[],
  { written, row }: { readonly written: readonly number[]; readonly row: RepairRow | null },
): readonly PlannedImage[] {
  const image = row === null ? [] : [shape.columnNames.map((name) => row[name] ?? null)]
  return before.map((one, s) =>
    written.includes(s) ? { side: one.side, rows: row === null ? [] : [row], hash: imageHash(image), stamp: '' } : one,
  )
}

function draftBase(finding: Finding, chosen: Chosen): Omit<Draft, 'parts' | 'target' | 'before'> {
  const { invariant, key, verdict, proof, because } = finding
  const isAutomatic = chosen.declared?.automatic === true && proof === 'positions' && verdict !== 'skipped'
  return { invariant, key, verdict, proof, because, repair: chosen.repair, why: chosen.why, isAutomatic }
}

function personDraft(finding: Finding, chosen: Chosen): Draft {
  return { ...draftBase(finding, chosen), repair: 'person', parts: [], target: 0, before: [] }
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of [...names].sort()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

function tablesOf(config: Config, report: Report): PlannedTable[] {
  return report.invariants.flatMap(({ name, rows }) => {
    const findings = report.findings.filter((finding) => finding.invariant === name)
    const invariant = config.invariants.find((one) => one.name === name)
    if (findings.length === 0 || invariant === undefined) return []
    const common = findings.filter((finding) => finding.absent.length === 0)
    const byColumn = counted(common.flatMap((finding) => finding.columns.map((entry) => entry.column)))
    const columns = Object.keys(invariant.relation.sides[0]?.columns ?? {}).length
    return [{ invariant: name, rows, findings: findings.length, byColumn, columns }]
  })
}
