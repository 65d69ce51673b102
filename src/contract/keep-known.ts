/**
 * The reader's side of unknown keys: they are left out, at any depth, so that a writer may add a field before its
 * readers know it. `__proto__` is left out everywhere, since a reader that merges objects would change its own.
 */
import { depthMax } from './inspect.ts'
import { arrayRules, elementRules, type KeyRules, keyRules, objectRules } from './known-keys.ts'

/**
 * The value without its unknown keys; the same object when there are none.
 *
 * @param tooDeep throws; called for a value that nests deeper than any writer may
 */
export function keepKnown(value: unknown, rules: readonly KeyRules[], tooDeep: () => never): unknown {
  return keep(value, rules, tooDeep, 0)
}

function keep(value: unknown, rules: readonly KeyRules[], tooDeep: () => never, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth >= depthMax) tooDeep()
  return Array.isArray(value) ? keepArray(value, rules, tooDeep, depth) : keepObject(value, rules, tooDeep, depth)
}

function keepArray(value: readonly unknown[], rules: readonly KeyRules[], tooDeep: () => never, depth: number) {
  const speaking = rules.length === 0 ? rules : arrayRules(rules, value)
  let copy: unknown[] | undefined
  for (let index = 0; index < value.length; index++) {
    const element = speaking.length === 0 ? speaking : elementRules(speaking, index)
    const kept = keep(value[index], element, tooDeep, depth + 1)
    if (kept === value[index]) continue
    copy ??= [...value]
    copy[index] = kept
  }
  return copy ?? value
}

function keepObject(value: object, rules: readonly KeyRules[], tooDeep: () => never, depth: number): object {
  const speaking = rules.length === 0 ? undefined : objectRules(rules, value)
  const keys = Object.keys(value)
  let copy: Record<string, unknown> | undefined
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as string
    const child = (value as Record<string, unknown>)[key]
    const below = key === '__proto__' ? undefined : speaking === undefined ? none : keyRules(speaking, key)
    const kept = below === undefined ? undefined : keep(child, below, tooDeep, depth + 1)
    if (below !== undefined && kept === child) {
      if (copy !== undefined) copy[key] = child
      continue
    }
    copy ??= copyOf(value, keys.slice(0, index))
    if (below !== undefined) copy[key] = kept
  }
  return copy ?? value
}

function copyOf(value: object, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.map((key) => [key, (value as Record<string, unknown>)[key]]))
}

const none: readonly KeyRules[] = []
