/**
 * JSON of an API without the loss of a digit: `JSON.parse` turns 9007199254740993 into 9007199254740992, so numbers are
 * kept as they were written. Also a node's value by a path, and its canonical text in a form.
 */
import { canonicalText, type Form, JsonReader, jsonTextOf, travelText } from '../../digest/digest.ts'

/** A number as it was written. */
export class JsonNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** A JSON object as it was written; its members are looked for when somebody asks for them. */
export class JsonObject {
  readonly text: string
  #members: ReadonlyMap<string, JsonNode> | undefined

  constructor(text: string) {
    this.text = text
  }

  /** A map, so that no name in it means anything to JavaScript; the last of equal names counts. */
  get members(): ReadonlyMap<string, JsonNode> {
    this.#members ??= new Map(membersOf(this.text))
    return this.#members
  }
}

/** A JSON list as it was written. */
export class JsonList {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  /** One after the other, for a list of megabytes is best gone over once. */
  *items(): Generator<JsonNode> {
    const reader = new JsonReader(this.text, { isChecked: true })
    reader.open()
    if (reader.closes('list')) return
    for (;;) {
      yield readNode(reader)
      reader.skipBlanks()
      if (reader.closes('list')) return
      reader.separate('item')
    }
  }
}

/** A JSON value. */
export type JsonNode = JsonNumber | JsonObject | JsonList | string | boolean | null

/**
 * Reads JSON text. All of it is checked; what is in an object or a list is kept as text until it is asked for, since a tree
 * of all values takes twenty times the memory of the text.
 *
 * @throws SyntaxError when it is none.
 */
export function parseJson(text: string): JsonNode {
  const reader = new JsonReader(text)
  reader.skipBlanks()
  reader.skipValue()
  reader.skipBlanks()
  if (!reader.isAtEnd()) throw reader.wrong()
  const checked = new JsonReader(text, { isChecked: true })
  checked.skipBlanks()
  return readNode(checked)
}

function* membersOf(text: string): Generator<[string, JsonNode]> {
  const reader = new JsonReader(text, { isChecked: true })
  reader.open()
  if (reader.closes('object')) return
  for (;;) {
    const from = reader.at
    reader.skipString()
    const name = detached(reader.parsed(from, reader.at))
    reader.separate('name')
    yield [name, readNode(reader)]
    reader.skipBlanks()
    if (reader.closes('object')) return
    reader.separate('item')
  }
}

function readNode(reader: JsonReader): JsonNode {
  const kind = reader.kind()
  const from = reader.at
  reader.skipValue()
  if (kind === 'string') return detached(reader.parsed(from, reader.at))
  const text = reader.text.slice(from, reader.at)
  if (kind === 'object') return new JsonObject(text)
  if (kind === 'list') return new JsonList(text)
  if (kind === 'number') return new JsonNumber(detached(text))
  return text === 'null' ? null : text === 'true'
}

/** V8 copies shorter parts of a text; longer ones hold on to all of it. */
const copiedMost = 12
/** Longer values are looked at and let go; shorter ones may be kept, as keys are. */
const keptMost = 65_536

/** A text that does not keep alive the page in which it stands. */
function detached(part: string): string {
  if (part.length <= copiedMost || part.length > keptMost) return part
  return Buffer.from(part).toString()
}

/** Whether a node is an object. */
export function isObject(node: JsonNode | undefined): node is JsonObject {
  return node instanceof JsonObject
}

/** The value at a dotted path; a member of that very name comes first. Undefined where there is none. */
export function valueAt(node: JsonNode | undefined, path: string): JsonNode | undefined {
  if (!isObject(node)) return undefined
  const { members } = node
  if (members.has(path)) return members.get(path)
  const dot = path.indexOf('.')
  return dot < 0 ? undefined : valueAt(members.get(path.slice(0, dot)), path.slice(dot + 1))
}

/** A node as JSON text, as it was written. */
export function writtenJson(node: JsonNode): string {
  if (node instanceof JsonNumber || node instanceof JsonList || isObject(node)) return node.text
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
