/**
 * The members of a JSON object with their exact text. `JSON.parse` forgets white space, the form of numbers, escapes
 * and repeated keys; a codec that gives back the bytes it was given has to keep them.
 */

/** One member of an object. All `lead` and `text` joined, and the tail, are the text again. */
export interface JsonMember {
  readonly name: string
  /** Everything between the value before and this value: comma, white space, the key as written, colon. */
  readonly lead: string
  /** The value exactly as written. */
  readonly text: string
}

/** The members of an object and what follows the last value. */
export interface JsonMembers {
  readonly members: readonly JsonMember[]
  readonly tail: string
}

/** Cuts the text of a JSON object into its members. The text must be valid JSON: parse it first. */
export function splitMembers(text: string): JsonMembers {
  const members: JsonMember[] = []
  let last = 0
  let at = text.indexOf('{') + 1
  for (;;) {
    at = skipWhite(text, at)
    if (text[at] === ',') at = skipWhite(text, at + 1)
    if (text[at] === '}') return { members, tail: text.slice(last) }
    const keyEnd = skipString(text, at)
    const name = JSON.parse(text.slice(at, keyEnd)) as string
    const start = skipWhite(text, skipWhite(text, keyEnd) + 1)
    const end = skipValue(text, start)
    members.push({ name, lead: text.slice(last, start), text: text.slice(start, end) })
    last = end
    at = end
  }
}

const white = new Set([' ', '\t', '\n', '\r'])

function skipWhite(text: string, from: number): number {
  let at = from
  while (white.has(text[at] as string)) at++
  return at
}

/** The index after the string that begins at `from`. */
function skipString(text: string, from: number): number {
  let at = from + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

/** The index after the value that begins at `from`. It counts brackets rather than recursing: depth is the sender's. */
function skipValue(text: string, from: number): number {
  if (text[from] === '"') return skipString(text, from)
  let depth = 0
  for (let at = from; at < text.length; ) {
    const character = text[at] as string
    if (character === '"') {
      at = skipString(text, at)
      continue
    }
    if (depth === 0 && (character === ',' || character === '}' || white.has(character))) return at
    if (character === '{' || character === '[') depth++
    if (character === '}' || character === ']') {
      depth--
      if (depth === 0) return at + 1
    }
    at++
  }
  return text.length
}
