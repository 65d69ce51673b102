/** `selvedge demo --actions n`: the proof, as one document or as a table. */
import { systemClock } from '../base/clock.ts'
import { systemScheduler } from '../base/scheduler.ts'
import type { Server } from '../store/server.ts'
import { exitCode } from './exit-code.ts'
import { memoryMiB } from './memory.ts'
import type { Terminal } from './terminal.ts'
import { columnsText } from './text.ts'

/** What the proof is told. */
export interface ProofChoice {
  readonly actions: number
  readonly seed?: string
  readonly keep?: string | boolean
}

/** Memory is looked at this often; a peak shorter than that is not seen. */
const memoryEveryMs = 500

/** Runs the proof on `server` and prints what came out. */
export async function proofCommand(server: Server, choice: ProofChoice, terminal: Terminal): Promise<number> {
  const { prove } = await import('../../examples/academy/proof.ts')
  const scheduler = systemScheduler()
  let peakPssMiB = 0
  scheduler.task('memory', async () => {
    peakPssMiB = Math.max(peakPssMiB, memoryMiB() ?? 0)
    return memoryEveryMs
  })
  try {
    const proof = await prove({
      ...{ serverUrl: server.url, actions: choice.actions, seed: seedOf(choice.seed) },
      prefix: `selvedge_proof_${process.pid}`,
      keep: choice.keep !== undefined && choice.keep !== false,
      onProgress: (line) => terminal.note(line),
    })
    const document = { ...proof, firstPageMs: Math.round(systemClock.monotonicMs()), peakPssMiB }
    if (terminal.isJson) terminal.json(document)
    else printProof(document, terminal)
    return exitCode.clean
  } finally {
    await scheduler.stop()
  }
}

/** Numbers stay numbers, so that the document says the seed as it was given. */
function seedOf(text: string | undefined): number | string {
  if (text === undefined) return 7
  return /^\d{1,15}$/.test(text) ? Number(text) : text
}

type Proof = Awaited<ReturnType<typeof import('../../examples/academy/proof.ts')['prove']>>

function printProof(proof: Proof & { readonly peakPssMiB: number }, { out, paint }: Terminal): void {
  const { naive, cured } = proof.actions
  out(
    `Actions accepted and refused: naive ${naive.accepted} and ${naive.refused}, cured ${cured.accepted} and ${cured.refused}.`,
  )
  out('')
  out(paint.strong('Faults'))
  const faults = proof.faults.map(({ kind, planned, hit }) => [
    kind,
    String(planned),
    String(hit.naive),
    String(hit.cured),
  ])
  for (const line of columnsText([['kind', 'planned', 'hit naive', 'hit cured'], ...faults])) out(`  ${line}`)
  out('')
  out(paint.strong('Inconsistencies'))
  const problems = proof.problems.map(({ name, naive: bad, cured: good }) => [
    ...[name, String(bad.inconsistencies), String(bad.missed), String(bad.invented)],
    ...[String(good.inconsistencies), String(good.missed), String(good.invented)],
  ])
  const head = ['problem', 'naive', 'missed', 'invented', 'cured', 'missed', 'invented']
  for (const line of columnsText([head, ...problems])) out(`  ${line}`)
  out('')
  const { rogueWrites: rogue, during } = proof
  out(`Checks while it ran: ${during.checks}, which invented ${during.invented}.`)
  out(
    `Writes behind the services' backs: ${rogue.injected}, of which the check found ${rogue.found}, missed ${rogue.missed} and invented ${rogue.invented}.`,
  )
  out(`Peak memory: ${proof.peakPssMiB} MiB.`)
}
