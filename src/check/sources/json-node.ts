/**
 * JSON of an API without the loss of a digit: `JSON.parse` turns 9007199254740993 into 9007199254740992, so numbers are
 * kept as they were written. Also a node's value by a path, and its canonical text in a form.
 */
import { canonicalText, type Form, jsonTextOf, travelText } from '../../digest/digest.ts'

/** A number as it was written. */
export class JsonNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** A JSON value; objects are maps, so that no name in them means anything to JavaScript. */
export type JsonNode = JsonNumber | string | boolean | null | readonly JsonNode[] | JsonObject

/** A JSON object. */
export interface JsonObject extends ReadonlyMap<string, JsonNode> {}

/** Strings and numbers; anything else is left to `JSON.parse`, which also finds what is wrong. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/**
 * Reads JSON text.
 *
 * @throws SyntaxError when it is none.
 */
export function parseJson(text: string): JsonNode {
  // Each string, names of members too, gets a letter that tells it from a number, which becomes a string.
  const marked = text.replace(tokens, (token) => (token.startsWith('"') ? `"s${token.slice(1)}` : `"n${token}"`))
  return JSON.parse(marked, (_, value: unknown) => {
    if (typeof value === 'string') return value.startsWith('n') ? new JsonNumber(value.slice(1)) : value.slice(1)
    if (!isPlainObject(value)) return value
    return new Map(Object.entries(value).map(([name, member]) => [name.slice(1), member]))
  }) as JsonNode
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

/** Whether a node is an object. */
export function isObject(node: JsonNode | undefined): node is JsonObject {
  return node instanceof Map
}

/** The value at a dotted path; a member of that very name comes first. Undefined where there is none. */
export function valueAt(node: JsonNode | undefined, path: string): JsonNode | undefined {
  if (!isObject(node)) return undefined
  if (node.has(path)) return node.get(path)
  const dot = path.indexOf('.')
  return dot < 0 ? undefined : valueAt(node.get(path.slice(0, dot)), path.slice(dot + 1))
}

/** A node as JSON text, its numbers as they were written. */
export function writtenJson(node: JsonNode): string {
  if (node instanceof JsonNumber) return node.text
  if (Array.isArray(node)) return `[${node.map(writtenJson).join(',')}]`
  if (isObject(node))
    return `{${[...node].map(([name, member]) => `${JSON.stringify(name)}:${writtenJson(member)}`).join(',')}}`
  return JSON.stringify(node)
}

/**
 * The canonical text of a node; what is no value of the form's kind stays the text that it is. An absent member and
 * null are NULL.
 *
 * @example
 * nodeText({ kind: 'decimal' }, new JsonNumber('1.10')) // '1.1'
 */
export function nodeText(form: Form, node: JsonNode | undefined): string | null {
  if (node === undefined || node === null) return null
  if (form.kind === 'json') return travelText(form, writtenJson(node))
  if (node instanceof JsonNumber) return numberText(form, node.text)
  if (typeof node === 'boolean') return bits.has(form.kind) ? String(Number(node)) : String(node)
  if (typeof node !== 'string') return travelText({ kind: 'json' }, writtenJson(node))
  if (form.kind === 'float4' || form.kind === 'float8') return node.trim() === '' ? node : travelText(form, node)
  try {
    return canonicalText(form.kind, node)
  } catch {
    return node
  }
}

/** Kinds that write true as 1. */
const bits: ReadonlySet<string> = new Set(['boolean', 'integer', 'decimal'])

function numberText(form: Form, text: string): string | null {
  if (form.kind === 'integer' || form.kind === 'decimal') return jsonTextOf(text) ?? text
  return travelText(form, text)
}

/** A node for people to read: numbers where nothing is lost, times as such, the rest as text. */
export function readable(node: JsonNode): unknown {
  if (node instanceof JsonNumber) return String(Number(node.text)) === node.text ? Number(node.text) : node.text
  if (typeof node === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(node)) {
    const at = new Date(node)
    return Number.isNaN(at.getTime()) ? node : at
  }
  return typeof node === 'object' && node !== null ? writtenJson(node) : node
}
