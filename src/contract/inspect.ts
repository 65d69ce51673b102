/**
 * One walk over a payload before it is published: are all keys known to the contract, and would JSON carry every
 * value unchanged? `JSON.stringify` turns NaN into null, dates into strings and drops functions without a word; an
 * event is kept for years, so each of these is refused with its path.
 */
import { arrayRules, elementRules, type KeyRules, keyRules, objectRules } from './known-keys.ts'

/** Where a payload is at fault, and why. The reason names types and keys, never a value. */
export interface Fault {
  readonly code: 'unknown-key' | 'not-json' | 'payload-too-large'
  readonly reason: string
  /** From the inside out: the walk adds a step on its way back, so that a payload without fault costs nothing. */
  readonly path: (string | number)[]
}

/** The deepest nesting of a payload. Hand-made data stays below ten; a value that refers to itself is found here. */
export const depthMax = 64

/** What a walk may still spend, in bytes of the text it is about to become. */
interface Budget {
  left: number
}

/**
 * The first fault of `value`, or undefined.
 *
 * @param rules the known keys; none where the contract is open
 * @param bytesMax stops early on a payload that cannot fit; the exact size is checked on the text
 */
export function inspect(value: unknown, rules: readonly KeyRules[], bytesMax: number): Fault | undefined {
  return walk(value, rules, { left: bytesMax }, 0)
}

function walk(value: unknown, rules: readonly KeyRules[], budget: Budget, depth: number): Fault | undefined {
  switch (typeof value) {
    case 'string':
      budget.left -= value.length
      return budget.left < 0 ? tooLarge() : undefined
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : fault('not-json', `${String(value)} has no form in JSON`)
    case 'object':
      if (value === null) return undefined
      if (depth >= depthMax) return fault('not-json', `is nested deeper than ${depthMax} levels or refers to itself`)
      if (Array.isArray(value)) return walkArray(value, rules, budget, depth)
      return walkObject(value, rules, budget, depth)
    default:
      return fault('not-json', typeof value === 'undefined' ? 'is undefined' : `is a ${typeof value}`)
  }
}

function walkArray(value: readonly unknown[], rules: readonly KeyRules[], budget: Budget, depth: number) {
  const speaking = rules.length === 0 ? rules : arrayRules(rules, value)
  for (let index = 0; index < value.length; index++) {
    budget.left -= 2
    if (budget.left < 0) return tooLarge()
    const element = speaking.length === 0 ? speaking : elementRules(speaking, index)
    const found = walk(value[index], element, budget, depth + 1)
    if (found !== undefined) return at(found, index)
  }
  return undefined
}

function walkObject(value: object, rules: readonly KeyRules[], budget: Budget, depth: number): Fault | undefined {
  if (!isPlain(value)) return fault('not-json', `is a ${value.constructor?.name ?? 'special'} object, not plain data`)
  const speaking = rules.length === 0 ? undefined : objectRules(rules, value)
  for (const key of Object.keys(value)) {
    const child = (value as Record<string, unknown>)[key]
    // JSON leaves out undefined properties, which is what an absent optional field means.
    if (child === undefined) continue
    budget.left -= key.length + 3
    if (budget.left < 0) return tooLarge()
    // A reader that merges objects by assignment would change the prototype of its own.
    if (key === '__proto__') return at(fault('unknown-key', 'no contract may use the key __proto__'), key)
    const below = speaking === undefined ? none : keyRules(speaking, key)
    if (below === undefined) return at(fault('unknown-key', 'the contract has no such key'), key)
    const found = walk(child, below, budget, depth + 1)
    if (found !== undefined) return at(found, key)
  }
  return undefined
}

/**
 * The first thing that a validator dropped, or made unfit for JSON, on the way from `before` to `after`; undefined
 * when there is nothing. In a union a library may strip a key that only another branch knows, which the known keys
 * cannot see.
 */
export function inspectResult(before: unknown, after: unknown, bytesMax: number): Fault | undefined {
  return inspect(after, none, bytesMax) ?? dropped(before, after)
}

function dropped(before: unknown, after: unknown): Fault | undefined {
  if (typeof before !== 'object' || before === null || typeof after !== 'object' || after === null) return undefined
  if (before === after) return undefined
  if (Array.isArray(before)) {
    if (!Array.isArray(after) || after.length !== before.length) return undefined
    for (let index = 0; index < before.length; index++) {
      const found = dropped(before[index], after[index])
      if (found !== undefined) return at(found, index)
    }
    return undefined
  }
  for (const key of Object.keys(before)) {
    const child = (before as Record<string, unknown>)[key]
    if (child === undefined) continue
    if (!Object.hasOwn(after, key)) return at(fault('unknown-key', 'the schema drops this key'), key)
    const found = dropped(child, (after as Record<string, unknown>)[key])
    if (found !== undefined) return at(found, key)
  }
  return undefined
}

/** The path of the first string or key that PostgreSQL's text cannot hold; undefined when all can be stored. */
export function findUnstorable(value: unknown): readonly (string | number)[] | undefined {
  if (typeof value === 'string') return storable(value) ? undefined : []
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, child] of Object.entries(value)) {
    const step = Array.isArray(value) ? Number(key) : key
    if (!storable(key)) return [step]
    const path = findUnstorable(child)
    if (path !== undefined) return [step, ...path]
  }
  return undefined
}

/** NUL has no place in PostgreSQL's text, and half a surrogate pair is no character in UTF-8. */
function storable(text: string): boolean {
  return !/\0|\p{Surrogate}/u.test(text)
}

const none: readonly KeyRules[] = []

/** Plain data of any realm: test runners load code in a context with an Object of its own. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null
}

function fault(code: Fault['code'], reason: string): Fault {
  return { code, reason, path: [] }
}

function tooLarge(): Fault {
  return fault('payload-too-large', 'is larger than allowed')
}

function at(found: Fault, step: string | number): Fault {
  found.path.push(step)
  return found
}
