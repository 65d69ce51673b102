/** `selvedge demo --actions n`: the proof, as one document or as a table. */
import { randomBytes } from 'node:crypto'
import type { Scheduler } from '../base/scheduler.ts'
import { keptFolder } from '../store/embedded.ts'
import { databaseUrl, type Server } from '../store/server.ts'
import { serviceDatabases } from '../store/service-databases.ts'
import { PublishedAddress } from './demo-address.ts'
import { exitCode } from './exit-code.ts'
import { notePsql, wantedFolder, writeKeptConfigs } from './kept-config.ts'
import { memoryMiB } from './memory.ts'
import { isKept, openDemo } from './open-demo.ts'
import { program } from './program-name.ts'
import type { Terminal } from './terminal.ts'
import { columnsText } from './text.ts'
import { untilAborted } from './until-aborted.ts'

/** What the proof is told. */
export interface ProofChoice {
  readonly actions: number
  readonly seed?: string | undefined
  readonly keep?: string | boolean | undefined
  readonly scheduler: Scheduler
  /** Aborted when it is time to end. */
  readonly signal: AbortSignal
}

/** Memory is looked at this often; a peak shorter than that is not seen. */
const memoryEveryMs = 500

/** Runs the proof on `server` and prints what came out. */
export async function proofCommand(server: Server, choice: ProofChoice, terminal: Terminal): Promise<number> {
  const { prove } = await import('../../examples/academy/proof.ts')
  const { scheduler } = choice
  let peakPssMiB = 0
  scheduler.task('memory', async () => {
    peakPssMiB = Math.max(peakPssMiB, memoryMiB() ?? 0)
    return memoryEveryMs
  })
  const firstPageMs = await timeFirstPage(server, scheduler)
  const keep = isKept(choice)
  const run = await runName(server, keep)
  try {
    const proof = await prove({
      ...{ serverUrl: server.url, actions: choice.actions, seed: seedOf(choice.seed) },
      ...{ prefix: run.prefix, keep },
      onProgress: (line) => terminal.note(line),
    })
    const document = { ...proof, firstPageMs, peakPssMiB }
    if (terminal.isJson) terminal.json(document)
    else printProof(document, terminal)
    if (keep) await stayUp(server, { prefix: run.prefix, choice, terminal })
    return holds(proof) ? exitCode.clean : exitCode.findings
  } finally {
    await run.drop()
  }
}

/** Whether the proof proves: nothing is wrong in the cured academy, and the check missed and invented nothing in either. */
function holds({ problems, during, rogueWrites }: Proof): boolean {
  const counts = problems.flatMap(({ naive, cured }) => [naive, cured])
  const mistakes = [...counts, rogueWrites].reduce((sum, { missed, invented }) => sum + missed + invented, 0)
  return mistakes + during.invented + problems.reduce((sum, { cured }) => sum + cured.inconsistencies, 0) === 0
}

/** How long a person would wait for the page: the live academy is opened on this server, asked once, and closed again. */
async function timeFirstPage(server: Server, scheduler: Scheduler): Promise<number> {
  const opened = await openDemo(server, { scheduler, command: program() })
  await opened.close()
  return opened.firstPageMs
}

/** A prefix under which all databases and roles of this proof stand, and which a killed one's janitor sweeps. */
async function runName(server: Server, keep: boolean): Promise<{ prefix: string; drop(): Promise<void> }> {
  if (keep) return { prefix: `selvedge_proof_${randomBytes(3).toString('hex')}`, drop: async () => undefined }
  const databases = await serviceDatabases(server, { prefix: 'selvedge_proof' })
  const { name } = await databases.create('run')
  return { prefix: name, drop: () => databases.stop() }
}

/** An embedded server ends with this process: what was kept can be read and written until then. */
async function stayUp(
  server: Server,
  { prefix, choice, terminal }: { readonly prefix: string; readonly choice: ProofChoice; readonly terminal: Terminal },
): Promise<void> {
  const { serviceNames } = await import('../../examples/academy/services.ts')
  const urls = (variant: string) =>
    Object.fromEntries(serviceNames.map((name) => [name, databaseUrl(server.url, `${prefix}_${variant}_${name}`)]))
  const variants = { naive: urls('naive'), cured: urls('cured') }
  const folder = wantedFolder(choice.keep) as string
  if (server.kind === 'given') return writeKeptConfigs(folder, variants, terminal)
  const address = new PublishedAddress()
  address.write({ page: '', variants })
  notePsql(server, { folder: keptFolder(folder), database: `${prefix}_cured_user` }, terminal)
  terminal.note(`check it from another terminal: ${program()} check --demo cured; Ctrl-C ends the server`)
  try {
    await untilAborted(choice.signal, new Promise<never>(() => undefined))
  } finally {
    address.remove()
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
