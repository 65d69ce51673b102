/**
 * One guarded write. Whatever was written since the plan was made, by anybody, wins:
 *
 *     lock the copy's row -> as planned? -> read the other sides, last -> as planned?
 *       -> name the transaction in the journal -> write, with everything in WHERE -> COMMIT -> look at the owner again (inserts)
 *
 * The row is locked before the owner is read, so whoever applies a newer change of the owner's waits for us and writes
 * after us. An insert has no row to lock: a deletion that passes while it is not yet visible would be undone by it. So the
 * owner is read once more after COMMIT, and if it changed, the new row is taken back.
 */
import { rowText } from '../digest/digest.ts'
import type { Side } from '../invariant/invariant.ts'
import { imageHash, type PlannedImage, type PlanStep, rowHash } from './plan-file.ts'
import { changedMeanwhile, invariantOf, type StepOutcome, type Workbench } from './workbench.ts'
import type { FullRow, WritableTable, Writer, WriteSession } from './writers/writer.ts'

/** Runs an SQL step. */
export async function guardedWrite(bench: Workbench, step: PlanStep): Promise<StepOutcome> {
  const { write } = step
  const invariant = invariantOf(bench.config, step.invariant)
  const side = invariant?.relation.sides[step.target]
  const writer = bench.writers.of(write?.source ?? '')
  if (write === undefined || side === undefined || writer === undefined)
    return { kind: 'failed', why: 'the configuration no longer has the side, or its right to write' }
  const table = await writer.describe(side)
  if (typeof table === 'string') return { kind: 'failed', why: table }
  if (table.columns.map((column) => column.name).join() !== write.columns.join())
    return changedMeanwhile(`${table.table} has other columns now`)
  const outcome = await writer.write((session) => inTransaction({ bench, step, writer, table, session }))
  if (outcome.kind !== 'done') return outcome
  await bench.at('committed', step.step)
  return settleInsert(bench, step)
}

interface Inside {
  readonly bench: Workbench
  readonly step: PlanStep
  readonly writer: Writer
  readonly table: WritableTable
  readonly session: WriteSession
}

async function inTransaction({ bench, step, writer, table, session }: Inside): Promise<StepOutcome> {
  const write = step.write!
  const found = await session.lock(table, step.parts)
  await bench.at('locked', step.step)
  const unlike = unlikeBefore(found, write.before)
  if (unlike !== undefined) return changedMeanwhile(unlike)
  await shareOthers(bench, step, { writer, session })
  const changed = await changedSide(bench, step)
  if (changed !== undefined) return changedMeanwhile(changed)
  const along = write.kind === 'delete' ? await session.takenAlong(table, step.parts) : undefined
  if (along !== undefined) return changedMeanwhile(goingAlong(along))
  await bench.at('guarded', step.step)
  const transaction = await session.transactionId()
  const row = await session.run(table, step.parts, write.statement)
  if (row === undefined) return changedMeanwhile('the row is no longer as the plan saw it')
  const after = write.kind === 'delete' ? null : row
  bench.journal.append({
    ...{ kind: 'written', run: bench.run, step: step.step },
    ...(transaction === undefined ? {} : { transaction }),
    ...{ after, afterHash: rowHash(after ?? undefined) },
  })
  await bench.at('written', step.step)
  return { kind: 'done', why: `${write.kind} of ${table.source}.${table.table}` }
}

/** Whatever the rule says that was made for people who delete: what others wrote since is not ours to take. */
const goingAlong = (other: string) => `a row of ${other} names this one, and a foreign key would take it along`

/** How the row under lock differs from what the plan saw, in one sentence. */
export function unlikeBefore(found: readonly FullRow[], before: FullRow | undefined): string | undefined {
  if (found.length > 1) return `${found.length} rows have this key`
  const [row] = found
  if (row === undefined) return before === undefined ? undefined : 'the row is gone'
  if (before === undefined) return 'a row came'
  if (rowHash(row) !== rowHash(before)) return 'the row was written'
  // The same values by another transaction: it was changed, and changed back.
  return row.stamp === before.stamp ? undefined : 'the row was written, and holds the same again'
}

/** Holds the other sides' rows where they are in the same database; elsewhere nothing can hold them. */
async function shareOthers(
  bench: Workbench,
  step: PlanStep,
  { writer, session }: { readonly writer: Writer; readonly session: WriteSession },
): Promise<void> {
  const sides = invariantOf(bench.config, step.invariant)?.relation.sides ?? []
  for (const side of otherSides(sides, step)) {
    if (bench.writers.placeOf(side.source) !== writer.place) continue
    const table = await writer.describe({ ...side, columns: {} })
    if (typeof table !== 'string') await session.share(table, step.parts)
  }
}

function otherSides(sides: readonly Side[], step: PlanStep): readonly Side[] {
  return step.before.length === 0 ? [] : sides.filter((_, s) => s !== step.target)
}

/** The first of the other sides that is not as the plan expects it; undefined when all are. */
export async function changedSide(bench: Workbench, step: PlanStep): Promise<string | undefined> {
  if (step.before.length === 0) return undefined
  const invariant = invariantOf(bench.config, step.invariant)
  if (invariant === undefined) return 'the invariant is no longer declared'
  const comparison = await bench.sides.of(invariant)
  const state = (await comparison.read([step.parts])).get(rowText(step.parts))
  const changed = step.before.find(
    (image, s) => s !== step.target && !isAs(image, state?.images[s] ?? [], state?.stamps[s] ?? ''),
  )
  return changed === undefined ? undefined : `${changed.side} is no longer as the plan saw it`
}

function isAs(planned: PlannedImage, image: readonly (readonly (string | null)[])[], stamp: string): boolean {
  return imageHash(image) === planned.hash && (planned.stamp === '' || planned.stamp === stamp)
}

/** After the COMMIT of an insert: takes the row back when the owner changed while it was not yet visible. */
export async function settleInsert(bench: Workbench, step: PlanStep): Promise<StepOutcome> {
  const write = step.write!
  const done: StepOutcome = { kind: 'done', why: `${write.kind} of ${write.source}.${write.table}` }
  if (write.kind !== 'insert') return done
  const changed = await changedSide(bench, step)
  if (changed === undefined) return done
  const side = invariantOf(bench.config, step.invariant)?.relation.sides[step.target]
  const writer = bench.writers.of(write.source)
  const table = side === undefined ? 'no side' : await writer?.describe(side)
  const written = bench.journal.entries.findLast(
    (entry) => entry.kind === 'written' && entry.run === bench.run && entry.step === step.step,
  )
  if (writer === undefined || table === undefined || typeof table === 'string' || written?.kind !== 'written')
    return { kind: 'failed', why: `${changed}, and the new row could not be taken back` }
  return takenBack(step, { writer, table, from: written.after ?? undefined, changed })
}

interface New {
  readonly writer: Writer
  readonly table: WritableTable
  readonly from: FullRow | undefined
  readonly changed: string
}

/** Removes the new row, unless somebody wrote it by now or wrote what hangs on it. */
async function takenBack(step: PlanStep, { writer, table, from, changed }: New): Promise<StepOutcome> {
  return writer.write(async (session) => {
    await session.lock(table, step.parts)
    const along = await session.takenAlong(table, step.parts)
    if (along !== undefined) return { kind: 'failed', why: `${changed}; the new row stays, for ${goingAlong(along)}` }
    const gone = await session.run(table, step.parts, writer.restoreOf(table, step.parts, { from, to: undefined }))
    return changedMeanwhile(`${changed}; the new row was ${gone === undefined ? 'written by others' : 'taken back'}`)
  })
}
