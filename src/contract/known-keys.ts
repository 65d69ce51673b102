/**
 * Which keys a contract knows, at any depth: the part of a JSON Schema that a writer is held to and a reader ignores.
 *
 * zod strips unknown keys, arktype keeps them, valibot has a word for each: none of that may decide what reaches the
 * log. So the keys are read once from the JSON Schema of the event and compiled to a tree of maps.
 *
 * An object schema that lists properties is closed unless `additionalProperties` says otherwise; one that says nothing
 * about its keys (`{}`, `{ type: 'object' }`) is open. Where a schema has branches, the branches whose `type` and
 * whose constant properties fit the value speak.
 */
import { refused } from '../base/error.ts'

/** What is known about the keys and elements of a value. */
export interface KeyRules {
  /** Whether it says which keys an object may have. */
  objects: boolean
  readonly properties: Map<string, readonly KeyRules[]>
  readonly patterns: { readonly pattern: RegExp; readonly rules: KeyRules }[]
  /** The rules of every other key; undefined when there may be none. */
  rest: readonly KeyRules[] | undefined
  readonly prefix: (readonly KeyRules[])[]
  items: readonly KeyRules[] | undefined
  /** Rules that hold as well: `allOf`, `$ref`, and the parts of conditionals. */
  readonly all: KeyRules[]
  /** Groups of which at least one branch holds: `anyOf` and `oneOf`. */
  readonly choices: KeyRules[][]
  readonly test: BranchTest
}

/** What a branch of a union demands that can be seen at a glance. */
interface BranchTest {
  readonly types: readonly string[] | undefined
  readonly constants: readonly { readonly key: string; readonly values: readonly unknown[] }[]
}

type Schema = Record<string, unknown>

const noTest: BranchTest = { types: undefined, constants: [] }

const silence: readonly KeyRules[] = []

/** Rules that say nothing: everything below is open. */
export const openRules: KeyRules = emptyRules(noTest)

/** How deep references may chain before a value is reached. A schema that goes deeper refers to itself. */
const referenceDepthMax = 64

/**
 * Compiles the known keys of a JSON Schema 2020-12 document.
 *
 * @throws Refused `contract/invalid-schema` when it refers to something it does not hold.
 */
export function compileKnownKeys(document: unknown, owner: string): KeyRules {
  const compiled = new Map<object, KeyRules>()
  const named = indexNames(document)

  function compile(schema: unknown): KeyRules {
    if (typeof schema !== 'object' || schema === null) return openRules
    const known = compiled.get(schema)
    if (known !== undefined) return known
    const rules = emptyRules(testOf(schema as Schema))
    compiled.set(schema, rules)
    fill(rules, schema as Schema)
    return rules
  }

  function fill(rules: KeyRules, schema: Schema): void {
    const { properties, patternProperties, prefixItems, items } = schema
    rules.objects = speaksOfKeys(schema)
    for (const [key, child] of entries(properties)) rules.properties.set(key, [compile(child)])
    for (const [source, child] of entries(patternProperties)) {
      rules.patterns.push({ pattern: patternOf(source), rules: compile(child) })
    }
    const rest = schema.additionalProperties ?? schema.unevaluatedProperties
    if (rest !== undefined && rest !== false) rules.rest = [compile(rest)]
    // A schema of names alone describes a map with any values.
    else if (rest === undefined && properties === undefined && schema.propertyNames !== undefined) {
      rules.rest = [openRules]
    }
    if (Array.isArray(prefixItems)) rules.prefix.push(...prefixItems.map((item) => [compile(item)]))
    if (typeof items === 'object' || items === true) rules.items = [compile(items)]
    for (const part of partsOf(schema)) rules.all.push(compile(part))
    for (const reference of [schema.$ref, schema.$dynamicRef]) {
      if (typeof reference === 'string') rules.all.push(compile(resolve(reference)))
    }
    for (const group of [schema.anyOf, schema.oneOf]) {
      if (Array.isArray(group)) rules.choices.push(group.map(compile))
    }
  }

  function patternOf(source: string): RegExp {
    try {
      return new RegExp(source, 'u')
    } catch (cause) {
      throw refused(
        'contract/invalid-schema',
        `the JSON Schema of ${owner} has a pattern that is no regular expression: ${JSON.stringify(source)}`,
        'Correct the pattern; JSON Schema means ECMAScript with the unicode flag.',
        { owner, cause },
      )
    }
  }

  function resolve(reference: string): unknown {
    const target = reference.startsWith('#/') ? follow(document, reference.slice(2)) : named.get(reference)
    if (target !== undefined) return target
    throw refused(
      'contract/invalid-schema',
      `the JSON Schema of ${owner} refers to ${JSON.stringify(reference)}, which it does not hold`,
      'Put what it refers to under $defs of the same schema.',
      { owner, reference },
    )
  }

  return compile(document)
}

/** The rules that speak about the keys of this object; undefined when none does and every key is allowed. */
export function objectRules(rules: readonly KeyRules[], value: object): readonly KeyRules[] | undefined {
  const [only] = rules
  if (rules.length === 1 && only !== undefined && only.choices.length === 0 && only.all.length === 0) {
    return only.objects ? rules : undefined
  }
  const speaking: KeyRules[] = []
  let spoke = false
  for (const rule of rules) spoke = select(rule, value, speaking, 0) || spoke
  return spoke ? speaking : undefined
}

/** The rules that speak about the elements of this array. */
export function arrayRules(rules: readonly KeyRules[], value: readonly unknown[]): readonly KeyRules[] {
  const speaking: KeyRules[] = []
  for (const rule of rules) select(rule, value, speaking, 0)
  return speaking
}

/** The rules of one key; undefined when the key is unknown. `speaking` comes from `objectRules`. */
export function keyRules(speaking: readonly KeyRules[], key: string): readonly KeyRules[] | undefined {
  const [only] = speaking
  // Nearly every object has one set of rules and no patterns; that path allocates nothing.
  if (speaking.length === 1 && only !== undefined && only.patterns.length === 0) {
    return only.properties.get(key) ?? only.rest
  }
  const found: KeyRules[] = []
  for (const { properties, patterns, rest } of speaking) {
    const before = found.length
    found.push(...(properties.get(key) ?? []))
    for (const { pattern, rules } of patterns) if (pattern.test(key)) found.push(rules)
    if (found.length === before && rest !== undefined) found.push(...rest)
  }
  return found.length > 0 ? found : undefined
}

/** The rules of one element of an array; none when it is open. `speaking` comes from `arrayRules`. */
export function elementRules(speaking: readonly KeyRules[], index: number): readonly KeyRules[] {
  const [only] = speaking
  if (speaking.length === 1 && only !== undefined) return only.prefix[index] ?? only.items ?? silence
  return speaking.flatMap(({ prefix, items }) => prefix[index] ?? items ?? silence)
}

/**
 * Collects the rules that apply to this value. Returns whether they say what it may hold: in a union it is enough
 * that one fitting branch is open, unless the schema beside the union speaks.
 */
function select(rules: KeyRules, value: object, into: KeyRules[], depth: number): boolean {
  if (depth > referenceDepthMax) return false
  const array = Array.isArray(value)
  let spoke = array ? rules.items !== undefined || rules.prefix.length > 0 : rules.objects
  if (spoke) into.push(rules)
  for (const part of rules.all) spoke = select(part, value, into, depth + 1) || spoke
  for (const group of rules.choices) {
    const fitting = group.filter((branch) => fits(branch, value, depth))
    let all = true
    for (const branch of fitting.length > 0 ? fitting : group) all = select(branch, value, into, depth + 1) && all
    spoke = spoke || all
  }
  return spoke
}

function fits(rules: KeyRules, value: object, depth: number): boolean {
  if (depth > referenceDepthMax) return true
  const { types, constants } = rules.test
  if (types !== undefined && !types.includes(Array.isArray(value) ? 'array' : 'object')) return false
  for (const { key, values } of constants) {
    if (Object.hasOwn(value, key) && !values.includes((value as Schema)[key])) return false
  }
  return rules.all.every((part) => fits(part, value, depth + 1))
}

function emptyRules(test: BranchTest): KeyRules {
  return {
    objects: false,
    properties: new Map(),
    patterns: [],
    rest: undefined,
    prefix: [],
    items: undefined,
    all: [],
    choices: [],
    test,
  }
}

/** `{ type: 'object' }` alone says nothing about keys; any of these words does. */
function speaksOfKeys(schema: Schema): boolean {
  return (
    schema.properties !== undefined ||
    schema.patternProperties !== undefined ||
    schema.additionalProperties !== undefined ||
    schema.unevaluatedProperties !== undefined ||
    schema.propertyNames !== undefined
  )
}

/** Subschemas that hold for the same value. A conditional's parts are all known: which one applies is the validator's. */
function partsOf(schema: Schema): unknown[] {
  const { allOf, if: condition, then: consequent, else: alternative, dependentSchemas } = schema
  const parts = Array.isArray(allOf) ? [...allOf] : []
  for (const part of [condition, consequent, alternative]) if (part !== undefined) parts.push(part)
  for (const [, part] of entries(dependentSchemas)) parts.push(part)
  return parts
}

function testOf(schema: Schema): BranchTest {
  const { type } = schema
  const types = typeof type === 'string' ? [type] : Array.isArray(type) ? (type as string[]) : undefined
  const constants: { key: string; values: readonly unknown[] }[] = []
  for (const [key, child] of entries(schema.properties)) {
    if (typeof child !== 'object' || child === null) continue
    const { const: constant, enum: values } = child as Schema
    if (constant !== undefined && !isObject(constant)) constants.push({ key, values: [constant] })
    else if (Array.isArray(values) && !values.some(isObject)) constants.push({ key, values })
  }
  return types === undefined && constants.length === 0 ? noTest : { types, constants }
}

/** Every subschema that can be referred to by name, by the text a `$ref` would have. */
function indexNames(document: unknown): Map<string, unknown> {
  const named = new Map<string, unknown>([['#', document]])
  const visit = (schema: unknown): void => {
    if (!isObject(schema)) return
    const { $id, $anchor, $dynamicAnchor } = schema as Schema
    if (typeof $id === 'string') named.set($id, schema)
    for (const anchor of [$anchor, $dynamicAnchor]) if (typeof anchor === 'string') named.set(`#${anchor}`, schema)
    for (const child of Object.values(schema as object)) visit(child)
  }
  visit(document)
  return named
}

function follow(document: unknown, pointer: string): unknown {
  let at = document
  for (const part of pointer.split('/')) {
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
    if (!isObject(at) || !Object.hasOwn(at as object, key)) return undefined
    at = (at as Schema)[key]
  }
  return at
}

function entries(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value as object) : []
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
