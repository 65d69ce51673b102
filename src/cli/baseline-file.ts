/**
 * The baseline file: findings that are accepted, each until a day and for a reason.
 *
 *     { "format": "selvedge/baseline@1",
 *       "accepted": [{ "invariant": "…", "key": "42", "reason": "…", "until": "2026-12-31", "by": "ada" }] }
 *
 * It is kept under version control: sorted, with the fields in one order, so that a change of it is the change of one
 * entry. It is written beside itself and then moved, so that nobody reads half of it.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { refused } from '../base/error.ts'
import { type Baseline, type Config, faultOf } from '../invariant/invariant.ts'
import { baselineEntrySchema } from './config-schema.ts'
import { lineInJson, lineOfJsonPath } from './place-of-fault.ts'

const format = 'selvedge/baseline@1'
const fileName = 'selvedge.baseline.json'
const schema = z.strictObject({ format: z.literal(format), accepted: z.array(baselineEntrySchema) })

/** A configuration with where it was read and what was given beside it. */
export interface Located {
  readonly config: Config
  readonly path?: string | undefined
  /** `--baseline` */
  readonly given?: string | undefined
}

/** Where the baseline is, whether or not it is there yet; undefined when nothing says where it should be. */
export function baselinePath({ config, path, given }: Located): string | undefined {
  if (given !== undefined) return resolve(given)
  if (path === undefined) return undefined
  return config.baselineFile === undefined ? join(dirname(path), fileName) : resolve(dirname(path), config.baselineFile)
}

/**
 * The configuration with the entries of the file after its own.
 *
 * @throws Refused `config/no-baseline` when one was given and is not there, and all that `readBaseline` throws.
 */
export function withBaselineFile(located: Located): Config {
  const file = baselinePath(located)
  if (file === undefined) return located.config
  if (!existsSync(file)) {
    if (located.given === undefined) return located.config
    throw refused('config/no-baseline', `There is no file ${file}.`, 'Correct --baseline, or leave it out.', { file })
  }
  const { config } = located
  const entries = readBaseline(file, new Set(config.invariants.map((invariant) => invariant.name)))
  return { ...config, baseline: [...(config.baseline ?? []), ...entries] }
}

/**
 * The entries of the file.
 *
 * @throws Refused `config/bad-baseline` with file, line and fix when it is no baseline, or an entry is wrong.
 */
export function readBaseline(file: string, invariants: ReadonlySet<string>): readonly Baseline[] {
  const text = readFileSync(file, 'utf8')
  const wrong = (line: number, what: string, help: string) =>
    refused('config/bad-baseline', `${file}:${line}: ${what}.`, help, { file, line })
  const content = parsed(text, wrong)
  const checked = schema.safeParse(content)
  if (!checked.success) {
    const { path, message } = checked.error.issues[0]!
    const line = lineOfJsonPath(text, path as (string | number)[])
    const where = path.length === 0 ? 'the baseline' : path.join('.')
    throw wrong(line, `${where}: ${message}`, `Correct it there, or let \`selvedge accept\` write it ("${format}").`)
  }
  const accepted = checked.data.accepted as readonly Baseline[]
  const seen = new Set<string>()
  accepted.forEach((entry, i) => {
    const line = (field: string) => lineOfJsonPath(text, ['accepted', i, field])
    const fault = faultOf(entry, invariants)
    if (fault !== undefined) throw wrong(line(fault.field), `the baseline ${fault.what}`, fault.help)
    if (seen.has(placeOf(entry)))
      throw wrong(line('key'), `the baseline accepts "${entry.key}" twice`, 'Keep one of the two entries.')
    seen.add(placeOf(entry))
  })
  return accepted
}

/** The file with an entry more, or in place of the one for the same key. Resolves with whether one was replaced. */
export function acceptInto(file: string, entry: Baseline, invariants: ReadonlySet<string>): { replaced: boolean } {
  const before = existsSync(file) ? readBaseline(file, invariants) : []
  const others = before.filter((other) => placeOf(other) !== placeOf(entry))
  writeBaseline(file, [...others, entry])
  return { replaced: others.length < before.length }
}

function writeBaseline(file: string, entries: readonly Baseline[]): void {
  const accepted = [...entries]
    .sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))
    .map(({ invariant, key, incident, reason, until, by }) => ({ invariant, key, incident, reason, until, by }))
  writeWhole(file, `${JSON.stringify({ format, accepted }, null, 2)}\n`)
}

/** Writes a file so that whoever opens it sees the old one or the whole new one. */
export function writeWhole(file: string, text: string): void {
  const half = `${file}.${process.pid}.part`
  writeFileSync(half, text)
  renameSync(half, file)
}

function parsed(text: string, wrong: (line: number, what: string, help: string) => Error): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const told = error instanceof Error ? error.message : String(error)
    const what = `this is not JSON: ${told.replace(/,? ?\.{0,3}".*$/s, '').trim()}`
    throw wrong(lineInJson(text, told), what, 'Correct it there: commas between entries, none after the last one.')
  }
}

/** What one entry is about: there is at most one for each. */
function placeOf({ invariant, key, incident }: Baseline): string {
  return JSON.stringify([invariant, key, incident ?? ''])
}
