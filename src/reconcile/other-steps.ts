/** The repairs that write no copy by themselves: let a stream go again, let the owner speak again, ask a service. */
import { retry } from '../inbox/operate.ts'
import type { HttpRepair, ReEmitRepair } from '../invariant/invariant.ts'
import { openDatabase, sqlTable } from '../store/store.ts'
import { changedSide } from './guarded-write.ts'
import { type PlanStep, rowHash } from './plan-file.ts'
import { changedMeanwhile, invariantOf, type StepOutcome, type Workbench } from './workbench.ts'
import { keySql } from './writers/postgres-sql.ts'

/** A service that repairs itself answers within this, or the step has failed. */
const httpTimeoutMs = 15_000

/** Lets the stream of a key try again at the copy. */
export async function unblock(bench: Workbench, step: PlanStep): Promise<StepOutcome> {
  const invariant = invariantOf(bench.config, step.invariant)
  const source = invariant?.relation.sides[1]?.source ?? ''
  const declared = bench.config.sources[source]
  const stream = invariant?.link?.streamOf(step.key)
  if (declared?.repair === undefined || stream === undefined)
    return { kind: 'failed', why: 'the configuration no longer says which stream waits, or may not write there' }
  const db = openDatabase(declared.repair.url, { schema: declared.schema ?? 'selvedge', max: 1 })
  try {
    const { rows } = await db.query<{ consumer: string }>(
      `select consumer from "${(declared.schema ?? 'selvedge').replaceAll('"', '""')}".parked_stream where stream = $1 and ($2::text is null or consumer = $2)`,
      [stream, invariant?.link?.consumer ?? null],
    )
    const again = await Promise.all(rows.map(({ consumer }) => retry(db, consumer, stream)))
    if (!again.includes(true)) return changedMeanwhile(`${stream} no longer waits`)
    return { kind: 'done', why: `${stream} is tried again by ${rows.map(({ consumer }) => consumer).join(', ')}` }
  } finally {
    await db.close()
  }
}

/** The owner says its current state again, in a transaction that holds its row. */
export async function reEmit(bench: Workbench, step: PlanStep): Promise<StepOutcome> {
  const invariant = invariantOf(bench.config, step.invariant)
  const side = invariant?.relation.sides[0]
  const declared = bench.config.sources[side?.source ?? '']
  const repair = invariant?.repairs.find((one): one is ReEmitRepair => one.kind === 're-emit')
  const writer = bench.writers.of(side?.source ?? '')
  if (side === undefined || declared?.repair === undefined || repair === undefined || writer === undefined)
    return { kind: 'failed', why: 'the configuration no longer declares how the owner speaks again' }
  const table = await writer.describe({ ...side, columns: {} })
  if (typeof table === 'string') return { kind: 'failed', why: table }
  const db = openDatabase(declared.repair.url, { schema: declared.schema ?? 'selvedge', max: 1 })
  try {
    return await db.transaction(async (tx) => {
      const named = keySql(table, step.parts, 1)
      const { rows } = await tx.query(
        `select * from ${sqlTable(table.table)} where ${named.text} for update`,
        named.values,
      )
      await bench.at('locked', step.step)
      // Read while the row is held: what is said again is what the owner has now.
      const changed = await changedSide(bench, { ...step, target: -1 })
      if (changed !== undefined) return changedMeanwhile(changed)
      await bench.at('guarded', step.step)
      const { rows: named_ } = await tx.query<{ id: string }>('select pg_current_xact_id()::text as id')
      await repair.reEmit(tx, step.key, rows[0])
      const transaction = named_[0]?.id
      bench.journal.append({
        ...{ kind: 'written', run: bench.run, step: step.step, after: null, afterHash: rowHash(undefined) },
        ...(transaction === undefined ? {} : { transaction }),
      })
      await bench.at('written', step.step)
      return { kind: 'done', why: `${side.source} said the state of ${step.key} again` }
    })
  } finally {
    await db.close()
  }
}

/** Asks a service to repair itself. The key of idempotency stays the same when a step is run again after a crash. */
export async function callHttp(bench: Workbench, step: PlanStep): Promise<StepOutcome> {
  const invariant = invariantOf(bench.config, step.invariant)
  const repair = invariant?.repairs.find((one): one is HttpRepair => one.kind === 'http')
  if (repair === undefined) return { kind: 'failed', why: 'the configuration no longer declares the call' }
  const changed = await changedSide(bench, { ...step, target: -1 })
  if (changed !== undefined) return changedMeanwhile(changed)
  await bench.at('guarded', step.step)
  const url = repair.url.replaceAll('{key}', encodeURIComponent(step.key))
  const row = step.before[0]?.rows[0]
  const token = repair.tokenFrom === undefined ? undefined : process.env[repair.tokenFrom]
  const answer = await fetch(url, {
    method: repair.method,
    headers: {
      'content-type': 'application/json',
      'idempotency-key': `${bench.run}/${step.step}`,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(repair.method === 'DELETE' ? {} : { body: JSON.stringify(repair.body?.(row, step.key) ?? row ?? null) }),
    signal: AbortSignal.timeout(httpTimeoutMs),
  })
  await answer.body?.cancel()
  const why = `${repair.method} answered ${answer.status}`
  return { kind: answer.ok ? 'done' : 'failed', why }
}
