/** What the process says by its exit code. README.md lists them; scripts and builds rely on them. */
import { isSelvedgeError } from '../base/error.ts'

export const exitCode = {
  clean: 0,
  findings: 1,
  usage: 2,
  config: 3,
  /** Something could not be read or done: wins over findings, because "no findings" would not mean "all is well". */
  incomplete: 4,
  /** Some steps of a repair were done, and some failed or were overtaken by other writes. */
  repairPartlyFailed: 5,
  interrupted: 130,
  terminated: 143,
} as const

/** Codes of errors that mean: the command was typed wrongly. */
const usageCodes = new Set([
  'explain/unknown-entity',
  'check/unknown-invariant',
  'store/bad-url',
  'store/bad-identifier',
  'inbox/skip-unsigned',
  'inbox/not-parked',
  'reconcile/unsigned',
  'reconcile/signed',
  'reconcile/unknown-run',
  'reconcile/not-a-plan',
])

/** The exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (!isSelvedgeError(error)) return exitCode.incomplete
  if (error.code.startsWith('cli/usage') || usageCodes.has(error.code)) return exitCode.usage
  if (/^(config|invariant)\//.test(error.code)) return exitCode.config
  return exitCode.incomplete
}

/** The exit code of something that was looked at: incomplete wins over findings. */
export function exitCodeFor({
  findings,
  incomplete,
}: {
  readonly findings: number
  readonly incomplete: boolean
}): number {
  if (incomplete) return exitCode.incomplete
  return findings === 0 ? exitCode.clean : exitCode.findings
}
