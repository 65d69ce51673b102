/** `selvedge accept`: writes a finding down as known, until a day and for a reason. */
import { type Clock, systemClock } from '../base/clock.ts'
import { refused } from '../base/error.ts'
import { allKeys, type Baseline, faultOf, isDay } from '../invariant/invariant.ts'
import { acceptInto, baselinePath } from './baseline-file.ts'
import { type ConfigChoice, locateConfig } from './resolve-config.ts'
import type { Terminal } from './terminal.ts'

/** What a person gave. */
export interface AcceptOptions extends ConfigChoice {
  readonly reason: string
  readonly until: string
  readonly by?: string | undefined
  readonly incident?: string | undefined
  readonly baseline?: string | undefined
}

/**
 * Writes the entry into the baseline file.
 *
 * @throws Refused `cli/usage-…` for a day that has passed or is none, a reason that says nothing, `*` without an
 *   incident, or an invariant that is not declared; nothing is written then.
 */
export async function acceptCommand(
  { invariant, key }: { readonly invariant: string; readonly key: string },
  options: AcceptOptions,
  terminal: Terminal,
  clock: Clock = systemClock,
): Promise<number> {
  const located = { ...(await locateConfig(options, terminal)), given: options.baseline }
  const file = baselinePath(located)
  if (file === undefined)
    throw refused(
      'cli/usage-no-baseline',
      'There is no configuration to keep a baseline beside.',
      'Name a file by --baseline.',
    )
  const names = new Set(located.config.invariants.map((one) => one.name))
  const { reason, until, by, incident } = options
  const entry: Baseline = {
    ...{ invariant, key, reason, until },
    ...(by === undefined ? {} : { by }),
    ...(incident === undefined ? {} : { incident }),
  }
  const fault = faultOf(entry, names)
  if (fault !== undefined) throw refused('cli/usage-bad-entry', `The entry ${fault.what}.`, fault.help)
  if (isDay(until) && until < clock.now().toISOString().slice(0, 'yyyy-mm-dd'.length))
    throw refused('cli/usage-bad-entry', `${until} has passed.`, 'Give the last day on which it is accepted.')
  const { replaced } = acceptInto(file, entry, names)
  if (terminal.isJson) terminal.json({ format: 'selvedge/accept@1', file, replaced, entry })
  else {
    const what = key === allKeys ? `all keys of incident ${incident}` : `"${key}"`
    terminal.out(`${what} of "${invariant}" ${replaced ? 'stays' : 'is'} accepted until ${until}: ${file}`)
  }
  return 0
}
