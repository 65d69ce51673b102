/**
 * Upcasts: from schema version n to n + 1, one step each, so that a reader of version 3 meets data of version 1 by
 * running step 1 and then step 2. The steps are pure functions of the data.
 */
import { refused } from '../base/error.ts'

/** One step, from the data of version n to the data of version n + 1. */
export type UpcastStep = (older: unknown) => unknown

/**
 * A step as the declaration gives it. Its parameter is whatever the older version was, so the author may annotate it;
 * a method's parameter is compared both ways, which is what allows that without giving up the type of the result.
 */
type Step<To> = { step(older: unknown): To }['step']

/** The versions below `V`, as a union: `Below<3>` is `1 | 2`. */
type Below<V extends number, Seen extends unknown[] = [unknown]> = number extends V
  ? number
  : Seen['length'] extends V
    ? never
    : Seen['length'] | Below<V, [...Seen, unknown]>

/** The version before `V`. */
type Before<V extends number, Seen extends unknown[] = []> = number extends V
  ? number
  : [...Seen, unknown]['length'] extends V
    ? Seen['length']
    : Before<V, [...Seen, unknown]>

/** The steps of a declaration of version `V`: the last one must return the data of the newest schema. */
export type Upcasts<V extends number, To> = {
  readonly [From in Below<V>]?: From extends Before<V> ? Step<To> : Step<unknown>
}

/**
 * The steps of a declaration as a map, with no gap up to the current version. The oldest versions may be missing:
 * once nothing of them is left anywhere, their steps can be deleted.
 *
 * @throws Refused `contract/upcast-gap`.
 */
export function checkUpcasts(owner: string, schemaVersion: number, declared: object): ReadonlyMap<number, UpcastStep> {
  const steps = new Map<number, UpcastStep>()
  for (const [from, step] of Object.entries(declared)) {
    const version = Number(from)
    if (!Number.isSafeInteger(version) || version < 1 || version >= schemaVersion || typeof step !== 'function') {
      throw refused(
        'contract/upcast-gap',
        `${owner} is at schemaVersion ${schemaVersion} and cannot have an upcast from ${from}`,
        'Upcasts are functions that start at 1 up to the version before the current one.',
        { owner, schemaVersion, from },
      )
    }
    steps.set(version, step as UpcastStep)
  }
  const oldest = Math.min(schemaVersion, ...steps.keys())
  for (let version = oldest; version < schemaVersion; version++) {
    if (steps.has(version)) continue
    throw refused(
      'contract/upcast-gap',
      `${owner} can upcast from version ${oldest} but has no upcast from version ${version} to ${version + 1}`,
      `Give an upcast from ${version}, so that every older version reaches version ${schemaVersion}.`,
      { owner, schemaVersion, missing: version },
    )
  }
  return steps
}
