/**
 * The shape of a configuration, checked before anything is read. A module gives invariants as `selvedge/invariant` makes
 * them; a JSON file writes them down as data:
 *
 *     { "sources": { "user": { "url": "postgres://…" } },
 *       "invariants": [{ "kind": "replicaOf", "name": "…", "owner": { … }, "copy": { … }, "within": 5, "about": "User" }] }
 */
import { z } from 'zod'
import { seconds } from '../base/duration.ts'
import {
  agree,
  conserves,
  correspondsTo,
  type Invariant,
  publishes,
  type Repair,
  references,
  replicaOf,
  type SummedDeclaration,
  type WatchDeclaration,
} from '../invariant/invariant.ts'
import { readSchedule } from '../watch/schedule.ts'

const source = z.strictObject({
  url: z.string('is no text; is its environment variable set?').min(1, 'is empty; is its environment variable set?'),
  schema: z.string().optional(),
  service: z.string().optional(),
  http: z
    .strictObject({
      token: z.string('is no text; is its environment variable set?').optional(),
      perSecond: z.number().positive().optional(),
      timeoutMs: z.number().positive().optional(),
    })
    .optional(),
  repair: z.strictObject({ url: z.string().min(1, 'is empty; is its environment variable set?') }).optional(),
})

/** An entry of a baseline, in a configuration or in a file of its own. */
export const baselineEntrySchema = z.strictObject({
  invariant: z.string(),
  key: z.string(),
  incident: z.string().optional(),
  reason: z.string(),
  until: z.string(),
  by: z.string().optional(),
})

const common = {
  sources: z.record(z.string(), source),
  baseline: z.array(baselineEntrySchema).optional(),
  baselineFile: z.string().min(1).optional(),
}

const textOrVariable = z.union([
  z.string('is no text; is its environment variable set?').min(1, 'is empty; is its environment variable set?'),
  z.strictObject({ env: z.string().min(1) }),
])
const watchShape = {
  timezone: z.string().optional(),
  history: z.strictObject({ path: z.string().optional(), keepDays: z.number().min(1).optional() }).optional(),
  webhook: z
    .strictObject({
      url: textOrVariable,
      secret: textOrVariable.optional(),
      on: z.enum(['new', 'change', 'all']).optional(),
    })
    .optional(),
  port: z.int().min(0).max(65_535).optional(),
  host: z.string().min(1).optional(),
}

/** A pattern is read here already, so that the line in the file can be named. */
const pattern = z.string().superRefine((text, context) => {
  try {
    readSchedule(text)
  } catch (error) {
    context.addIssue({
      code: 'custom',
      message: error instanceof Error ? error.message.replace(/\.$/, '') : String(error),
    })
  }
})
const duration = z.strictObject({ milliseconds: z.number().positive() })
const watchOfModule = z.strictObject({
  ...{ ...watchShape, every: z.union([duration, pattern]) },
  silentAfter: duration.optional(),
  wholeWithin: duration.optional(),
})
/** In JSON a duration is a number of seconds. */
const secondsWritten = z.number().positive()
const watchOfJson = z.strictObject({
  ...{ ...watchShape, every: z.union([secondsWritten, pattern]) },
  silentAfter: secondsWritten.optional(),
  wholeWithin: secondsWritten.optional(),
})

/** The settings of the watch that a JSON file writes down. */
export function watchFrom(from: z.infer<typeof watchOfJson>): WatchDeclaration {
  const { every, silentAfter, wholeWithin, ...rest } = from
  return {
    ...withoutUndefined(rest),
    every: typeof every === 'number' ? seconds(every) : every,
    ...(silentAfter === undefined ? {} : { silentAfter: seconds(silentAfter) }),
    ...(wholeWithin === undefined ? {} : { wholeWithin: seconds(wholeWithin) }),
  } as WatchDeclaration
}

/** An invariant as code makes it: what matters is that it was made by us. */
const declared = z.custom<Invariant>(
  (value) => typeof (value as Partial<Invariant>)?.within === 'function',
  'is no invariant; make it with replicaOf, references, correspondsTo, agree, conserves, publishes or custom of selvedge/invariant',
)

/** The default export of a config module. */
export const configModuleSchema = z.strictObject({
  ...common,
  invariants: z.array(declared),
  watch: watchOfModule.optional(),
})

const expression = z.union([z.string(), z.strictObject({ column: z.string() }), z.strictObject({ sql: z.string() })])
const sideShape = {
  source: z.string(),
  table: z.string().optional(),
  query: z.string().optional(),
  http: z
    .strictObject({
      path: z.string(),
      items: z.string().optional(),
      next: z.string().optional(),
      pageSize: z.number().int().positive().optional(),
      cursorParam: z.string().optional(),
      one: z.string().optional(),
      item: z.string().optional(),
      version: z.string().optional(),
    })
    .optional(),
  key: z.union([expression, z.array(expression)]),
  columns: z.union([z.array(z.string()), z.record(z.string(), expression)]).optional(),
  where: z.string().optional(),
}
const side = z.strictObject(sideShape)
const stateSide = z.strictObject({ ...sideShape, state: expression.optional() })
const { columns: _, ...ungrouped } = sideShape
const summedSide = z.strictObject({
  ...{ ...ungrouped, key: sideShape.key.optional() },
  sum: z.union([expression, z.record(z.string(), expression)]),
})
const terms = {
  automatic: z.boolean().optional(),
  limits: z.record(z.string(), z.number().nonnegative()).optional(),
}
/** Ways of repairing that data can say; events that are said again, and policies, are code. */
const repair = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('unblock'), ...terms }),
  z.strictObject({ kind: z.literal('sql'), ...terms, insert: z.record(z.string(), z.string().nullable()).optional() }),
  z.strictObject({
    ...{ kind: z.literal('http'), ...terms, method: z.enum(['POST', 'PUT', 'PATCH', 'DELETE']), url: z.string() },
    tokenFrom: z.string().optional(),
  }),
])
const more = {
  name: z.string(),
  /** Seconds. */
  within: z.number().positive().optional(),
  about: z.string().optional(),
  under: z.string().optional(),
  /** A schedule of its own: a cron pattern, or seconds. */
  every: z.union([secondsWritten, pattern]).optional(),
  repairedBy: z.array(repair).optional(),
}
const states = z.array(z.tuple([z.string().nullable(), z.string().nullable()]))

const written = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('replicaOf'), ...more, owner: side, copy: side }),
  z.strictObject({ kind: z.literal('agree'), ...more, sides: z.array(side).min(2) }),
  z.strictObject({ kind: z.literal('publishes'), ...more, owner: side }),
  z.strictObject({ kind: z.literal('conserves'), ...more, sides: z.array(summedSide).min(2) }),
  z.strictObject({
    ...{ kind: z.literal('references'), ...more, parent: side },
    child: z.strictObject({ ...sideShape, by: z.union([expression, z.array(expression)]) }),
  }),
  z.strictObject({
    ...{ kind: z.literal('correspondsTo'), ...more, left: stateSide, right: stateSide },
    allowed: states.optional(),
  }),
])

/** The content of a `selvedge.config.json`. */
export const configJsonSchema = z.strictObject({
  ...common,
  invariants: z.array(written),
  watch: watchOfJson.optional(),
})

/** Makes the invariants that a JSON file writes down. */
export function invariantOf(from: z.infer<typeof written>): Invariant {
  const { within, about, under, every, repairedBy } = from
  let invariant = made(from)
  if (within !== undefined) invariant = invariant.within(seconds(within))
  if (about !== undefined) invariant = invariant.about(about)
  if (every !== undefined) invariant = invariant.every(typeof every === 'number' ? seconds(every) : every)
  if (repairedBy !== undefined) invariant = invariant.repairedBy(...(withoutUndefined(repairedBy) as Repair[]))
  return under === undefined ? invariant : invariant.under(under)
}

/** Zod writes optional keys as `undefined`, which exact optional types do not know: absent keys are left absent. */
function made(from: z.infer<typeof written>): Invariant {
  const { name } = from
  switch (from.kind) {
    case 'replicaOf':
      return replicaOf(name, withoutUndefined({ owner: from.owner, copy: from.copy }))
    case 'agree':
      return agree(name, ...withoutUndefined(from.sides))
    case 'publishes':
      return publishes(name, withoutUndefined(from.owner))
    case 'conserves':
      return conserves(name, ...(withoutUndefined(from.sides) as SummedDeclaration[]))
    case 'references':
      return references(name, withoutUndefined({ child: from.child, parent: from.parent }))
    case 'correspondsTo':
      return correspondsTo(name, {
        ...withoutUndefined({ left: from.left, right: from.right }),
        ...(from.allowed === undefined ? {} : { allowed: from.allowed }),
      })
  }
}

type Defined<T> = T extends (infer E)[]
  ? Defined<E>[]
  : T extends object
    ? { [K in keyof T]: Defined<Exclude<T[K], undefined>> }
    : T

function withoutUndefined<T>(value: T): Defined<T> {
  return JSON.parse(JSON.stringify(value)) as Defined<T>
}
