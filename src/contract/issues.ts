/**
 * What a validator found, as sentences that may be logged. Paths and expectations are the contract's own words;
 * values are the users' data, and some libraries print them into their messages.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'

/** One problem of a payload: where, and what the contract expects there. */
export interface Problem {
  /** `user.emails[0]`; empty for the payload itself. */
  readonly path: string
  readonly problem: string
}

/** The most problems listed. Ten tell what is wrong; a hostile payload has as many as it has elements. */
export const problemsMax = 10

/** The longest path and the longest sentence, in characters. Keys of a map can be as long as their author likes. */
const textLengthMax = 200

/** Validator's issues as problems, with no value of the payload in them. */
export function problemsOf(issues: readonly StandardSchemaV1.Issue[], payload: unknown): readonly Problem[] {
  return issues.slice(0, problemsMax).map((issue) => {
    const steps = (issue.path ?? []).map((step) => (typeof step === 'object' ? step.key : step))
    return { path: pathText(steps), problem: bounded(sentence(issue, valueAt(payload, steps))) }
  })
}

/** `userId must be text; tags[0] …` for the message of an error. */
export function listProblems(problems: readonly Problem[]): string {
  return problems.map(({ path, problem }) => (path === '' ? problem : `${path}: ${problem}`)).join('; ')
}

/** A path as one would write it in code: `user.emails[0]["odd key"]`. */
export function pathText(steps: readonly PropertyKey[]): string {
  let text = ''
  for (const step of steps) {
    if (typeof step === 'number' || (typeof step === 'string' && /^\d+$/.test(step))) text += `[${step}]`
    else if (/^[A-Za-z_$][\w$]*$/.test(String(step))) text += text === '' ? String(step) : `.${String(step)}`
    else text += `[${JSON.stringify(String(step))}]`
  }
  return bounded(text)
}

function sentence(issue: StandardSchemaV1.Issue, value: unknown): string {
  // arktype and valibot keep what they expected beside the message, and put the value into the message.
  const { expected } = issue as { readonly expected?: unknown }
  if (typeof expected === 'string' && /\((?:was|is) |[Rr]eceived /.test(issue.message)) return `must be ${expected}`
  return withoutValue(issue.message, value)
}

/** The shortest value that is blanked out. Shorter ones are found in ordinary words. */
const blankedLengthMin = 3

function withoutValue(message: string, value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') return message
  const text = String(value)
  if (text.length < blankedLengthMin) return message
  return message.replaceAll(JSON.stringify(text), '"…"').replaceAll(text, '…')
}

function valueAt(payload: unknown, steps: readonly PropertyKey[]): unknown {
  let at = payload
  for (const step of steps) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
    at = (at as Record<PropertyKey, unknown>)[step]
  }
  return at
}

function bounded(text: string): string {
  return text.length <= textLengthMax ? text : `${text.slice(0, textLengthMax)}…`
}
