/**
 * The repairs of a run: of each invariant that is declared `automatic`, what positions prove, within its limits. Each is
 * repaired by itself, so that one that fails, or that a limit holds back, holds back no other.
 */
import { isSelvedgeError } from '../base/error.ts'
import type { Report } from '../check/check.ts'
import type { Config } from '../invariant/invariant.ts'
import { type AutomaticRepair, reconcileAutomatically } from '../reconcile/reconcile.ts'
import type { OnReport } from './carry-out.ts'
import type { RepairRun } from './record.ts'

/** What may be given to automatic repairs. */
export interface AutomaticOptions {
  /** Where the journal is kept: the same as that of `selvedge reconcile`, so that there is one audit trail and `undo` knows it. */
  readonly folder: string
  readonly reconcile?: typeof reconcileAutomatically
}

/**
 * The `onReport` of a watch whose configuration declares `automatic` repairs; undefined when it declares none, and then
 * nothing is ever written.
 *
 * @example
 * const onReport = automaticRepairs(config, { folder: '.selvedge/reconcile' })
 * const watching = await watch(config, onReport === undefined ? {} : { onReport })
 */
export function automaticRepairs(config: Config, options: AutomaticOptions): OnReport | undefined {
  const automatic = config.invariants.flatMap(({ name, repairs }) =>
    repairs.some((repair) => repair.automatic === true) ? [name] : [],
  )
  if (automatic.length === 0) return undefined
  return async (report) => {
    const repairs: RepairRun[] = []
    for (const invariant of automatic) {
      const own = reportOf(report, invariant)
      if (own.findings.length > 0) repairs.push(await repairOf(invariant, own, { config, options }))
    }
    return repairs
  }
}

function reportOf(report: Report, name: string): Report {
  return {
    ...report,
    findings: report.findings.filter(({ invariant }) => invariant === name),
    invariants: report.invariants.filter((one) => one.name === name),
  }
}

interface Context {
  readonly config: Config
  readonly options: AutomaticOptions
}

/** Never rejects: a repair that cannot be carried out is told with the run, and the watch goes on. */
async function repairOf(invariant: string, report: Report, { config, options }: Context): Promise<RepairRun> {
  const refused = report.findings.length
  // Said without a plan, which would read every key again at every run.
  if (report.findings.every(({ proof }) => proof !== 'positions'))
    return {
      invariant,
      repaired: 0,
      refused,
      result: 'left',
      because: 'no positions prove what differs: a person decides',
    }
  try {
    const { reconcile = reconcileAutomatically, folder } = options
    return repairRun(invariant, await reconcile(config, report, { folder }))
  } catch (error) {
    const code = isSelvedgeError(error) ? error.code : 'watch/unexpected'
    const message = error instanceof Error ? error.message : String(error)
    return { invariant, repaired: 0, refused, result: 'left', because: `${code}: ${message}` }
  }
}

function repairRun(invariant: string, outcome: AutomaticRepair): RepairRun {
  const { left } = outcome
  const toPerson = left === 0 ? [] : [`${left} left to a person: ${outcome.leftWhy ?? 'not declared automatic'}`]
  switch (outcome.kind) {
    case 'nothing':
      return { invariant, repaired: 0, refused: left, result: 'left', ...becauseOf(toPerson) }
    case 'refused':
      return { invariant, repaired: 0, refused: left, result: 'left', because: `${outcome.code}: ${outcome.message}` }
    case 'applied': {
      const { run, done, skipped, failed, differing, again, failures, stopped } = outcome.applied
      const isWhole = skipped + failed + differing.length === 0 && stopped === undefined
      const isHealed = isWhole && done > 0 && left === 0 && outcome.settled === 0
      const result = isHealed ? 'healed' : isWhole ? 'left' : 'partly-failed'
      const because = [
        ...(stopped === undefined ? [] : [`stopped: ${stopped}`]),
        ...(failed === 0 ? [] : [`${failed} failed: ${failures[0]?.why}`]),
        ...(skipped === 0 ? [] : [`${skipped} skipped: ${again[0]?.why ?? 'they were written meanwhile'}`]),
        ...(differing.length === 0 ? [] : [`${differing.length} differ again`]),
        ...toPerson,
      ]
      return { invariant, run, repaired: done, refused: skipped + failed + left, result, ...becauseOf(because) }
    }
  }
}

function becauseOf(reasons: readonly string[]): Pick<RepairRun, 'because'> {
  return reasons.length === 0 ? {} : { because: reasons.join('; ') }
}
