/**
 * A plan as a file: one JSON document a line.
 *
 *     {"format":"selvedge/plan@1","created":…,"expires":…,"config":…,"steps":2,"byRepair":{…},"tables":[…],"body":"<sha256 of all that stands before it here, and of the steps>"}
 *     {"step":1,"invariant":…,"key":…,"repair":"sql",…}
 *     {"step":2,…}
 *     {"approval":{"by":"ada","at":…,"sha256":"<of all lines above that are no approval>"}}
 *
 * The same data, configuration and moment give the same bytes. A step is run as its line says, so what was approved is
 * what happens; a line that was touched afterwards no longer has the hash that was approved, and nothing is run.
 */
import { createHash } from 'node:crypto'
import { refused } from '../base/error.ts'
import { rowText } from '../digest/digest.ts'
import type { Proof, RepairRow, Verdict } from '../invariant/invariant.ts'
import type { FullRow, GuardedStatement } from './writers/writer.ts'

/** The format that this version reads and writes. */
export const planFormat = 'selvedge/plan@1'

/** What one side held when the plan was made. */
export interface PlannedImage {
  readonly side: string
  /** Rows as canonical text, by the names of the invariant's columns; empty where the side had none. */
  readonly rows: readonly RepairRow[]
  readonly hash: string
  /** Which transaction wrote it; empty where the engine cannot tell, or where an earlier step of the plan writes it. */
  readonly stamp: string
}

/** What an SQL step writes. */
export interface PlannedWrite {
  readonly kind: 'insert' | 'update' | 'delete'
  readonly source: string
  readonly table: string
  readonly columns: readonly string[]
  /** The whole row as it was; absent where there was none. */
  readonly before?: FullRow
  readonly beforeHash: string
  readonly statement: GuardedStatement
  /** What `undo` does, while the row still is as the step left it. */
  readonly inverse: GuardedStatement
  /** The hash of the row that is brought back, where a run is undone: a trigger may make another one of it. */
  readonly restores?: string
}

/** How a finding is repaired. A step for a person changes nothing. */
export type RepairKind = 'unblock' | 're-emit' | 'sql' | 'http' | 'person'

/** One step: one key of one invariant, at one side. */
export interface PlanStep {
  readonly step: number
  readonly invariant: string
  readonly key: string
  /** The key's parts as canonical text. */
  readonly parts: readonly string[]
  readonly verdict: Verdict
  readonly proof: Proof
  readonly because: string
  readonly repair: RepairKind
  /** Why this way and no other, in one sentence. */
  readonly why: string
  readonly isAutomatic: boolean
  /** The place in the declaration of the side that is changed: of an SQL step the written one. */
  readonly target: number
  readonly before: readonly PlannedImage[]
  /** What all sides are to hold; null stands for no row. Absent where the repair decides it itself. */
  readonly after?: RepairRow | null
  readonly write?: PlannedWrite
}

/** How many findings and rows an invariant had; the limits are held against it. */
export interface PlannedTable {
  readonly invariant: string
  readonly rows: number
  readonly findings: number
  /** Findings of rows that all sides have, by the column that differs. */
  readonly byColumn: Readonly<Record<string, number>>
  readonly columns: number
}

/** The first line of a plan. */
export interface PlanHeader {
  readonly format: typeof planFormat
  readonly created: string
  readonly expires: string
  /** The digest of the configuration that the plan was made with. */
  readonly config: string
  readonly steps: number
  readonly byRepair: Readonly<Record<string, number>>
  readonly deletes: number
  /** Findings that were gone, or had changed, when the plan was made. */
  readonly settled: number
  readonly tables: readonly PlannedTable[]
  readonly body: string
}

/** Who approved what, and when. */
export interface Approval {
  readonly by: string
  readonly at: string
  readonly sha256: string
}

/** A plan in memory. */
export interface Plan {
  readonly header: PlanHeader
  readonly steps: readonly PlanStep[]
  readonly approvals: readonly Approval[]
}

/** The sha256 of a text, as hex. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The hash of a whole row; of none, the hash of nothing. */
export function rowHash(row: FullRow | undefined): string {
  return sha256(row === undefined ? '' : rowText(row.texts))
}

/** The hash of what a side holds; rows are in order already. */
export function imageHash(rows: readonly (readonly (string | null)[])[]): string {
  return sha256(rows.map((row) => rowText([rowText(row)])).join(''))
}

/** The header with the hash over itself and the steps: a limit is held against what the header says, too. */
export function sealed(header: Omit<PlanHeader, 'body'>, steps: readonly PlanStep[]): PlanHeader {
  return { ...header, body: sha256(`${JSON.stringify(header)}\n${bodyText(steps)}`) }
}

/** The plan's lines, approvals last. */
export function planText({ header, steps, approvals }: Plan): string {
  const signed = approvals.map((approval) => `${JSON.stringify({ approval })}\n`)
  return `${JSON.stringify(header)}\n${bodyText(steps)}${signed.join('')}`
}

/** The steps' lines. */
function bodyText(steps: readonly PlanStep[]): string {
  return steps.map((step) => `${JSON.stringify(step)}\n`).join('')
}

/** What is approved: header and steps. */
export function planSha256({ header, steps }: Plan): string {
  return sha256(planText({ header, steps, approvals: [] }))
}

/**
 * Reads a plan and refuses one that was edited.
 *
 * @throws Refused `reconcile/not-a-plan` when it is none of this format; `reconcile/edited` when a line was changed.
 */
export function parsePlan(text: string): Plan {
  const lines = text.split('\n').filter((line) => line !== '')
  const documents = lines.map(parseLine)
  const header = documents[0] as PlanHeader | undefined
  if (header?.format !== planFormat)
    throw refused(
      'reconcile/not-a-plan',
      `This is no plan of the format ${planFormat}.`,
      'Make one: selvedge reconcile plan -o plan.jsonl',
    )
  const steps = documents.slice(1).filter((one) => !isApproval(one)) as PlanStep[]
  const approvals = documents.filter(isApproval).map((one) => one.approval)
  const plan = { header, steps, approvals }
  const body = lines.slice(1).filter((_, i) => !isApproval(documents[i + 1]))
  const { body: seal, ...rest } = header
  const isSealed = sha256([JSON.stringify(rest), ...body].map((line) => `${line}\n`).join('')) === seal
  const isWhole = isSealed && steps.length === header.steps
  const sha = sha256([lines[0], ...body].map((line) => `${line}\n`).join(''))
  if (!isWhole || approvals.some((approval) => approval.sha256 !== sha))
    throw refused(
      'reconcile/edited',
      'The plan was changed after it was made or approved.',
      'Nothing was written. Make it anew, look at it with `selvedge reconcile show`, and approve it.',
    )
  return plan
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw refused(
      'reconcile/edited',
      'A line of the plan is not JSON: it was changed or cut off.',
      'Nothing was written. Make it anew: selvedge reconcile plan -o plan.jsonl',
    )
  }
}

function isApproval(document: unknown): document is { readonly approval: Approval } {
  return typeof document === 'object' && document !== null && 'approval' in document
}
