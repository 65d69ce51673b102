/** Finds the line of a file that an error or a wrong value comes from. */

/**
 * The line of `path` in an error's stack, or in what a parser says of it; undefined when neither names the file.
 */
export function placeInStack(error: unknown, path: string): number | undefined {
  const {
    stack = '',
    message = '',
    loc,
  } = (error ?? {}) as { stack?: string; message?: string; loc?: { line?: number } }
  const name = path.slice(path.lastIndexOf('/') + 1)
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  for (const text of [stack, message]) {
    const line = new RegExp(`${escaped}(?:\\?\\d+)?:(\\d+)`).exec(text)?.[1]
    if (line !== undefined) return Number(line)
  }
  // Parsers name the place without the file: `Unexpected token (3:14)`.
  const told = /\((\d+):\d+\)/.exec(message)?.[1]
  return told === undefined ? loc?.line : Number(told)
}

/**
 * The line where the value at `path` is written, found by its keys one after the other; numbers (places in lists) are
 * passed over. A guess by text: good enough to lead a person there, and undefined rather than wrong when a key is missing.
 */
export function lineOfPath(text: string, path: readonly string[]): number | undefined {
  let from = 0
  let seen = false
  for (const key of path) {
    if (/^\d+$/.test(key)) continue
    const escaped = key.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    const match = new RegExp(`["']?(?<![\\w$])${escaped}(?![\\w$])["']?\\s*[:,}]`).exec(text.slice(from))
    if (match === null) break
    from += match.index
    seen = true
  }
  return seen ? text.slice(0, from).split('\n').length : undefined
}

/** How many characters V8 quotes before the place of a fault, when it quotes instead of counting. */
const quotedBefore = 10

/** The line of a fault in JSON from what `JSON.parse` says of it: a position, or the text around, or neither. */
export function lineInJson(text: string, message: string): number {
  const position = /position (\d+)/.exec(message)?.[1]
  const quoted = /\.{3}"(.*)" is not valid JSON$|"\.{3} is not valid JSON$/s.exec(message)?.[1]?.replace(/"?\.{3}$/, '')
  const found = quoted === undefined ? -1 : text.indexOf(quoted)
  // A document that ends too early is wrong at its end.
  const at =
    position !== undefined
      ? Number(position)
      : found >= 0
        ? found + quotedBefore
        : /end of/i.test(message)
          ? text.length
          : 0
  return text.slice(0, at).split('\n').length
}

/**
 * The line of the value at `path` in a JSON text that parses; when the last steps of the path are not there, the line of
 * the value that should hold them.
 */
export function lineOfJsonPath(text: string, path: readonly (string | number)[]): number {
  const open: { isList: boolean; at: string | number; isKey: boolean }[] = []
  let best = { depth: -1, at: 0 }
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g)) {
    const inner = open.at(-1)
    if (token === '}' || token === ']') open.pop()
    else if (token === ',' && inner !== undefined) {
      if (inner.isList) inner.at = Number(inner.at) + 1
      else inner.isKey = true
    } else if (inner?.isKey === true) {
      inner.at = JSON.parse(token) as string
      inner.isKey = false
    } else if (token !== ':') {
      const here = open.map((each) => each.at)
      if (here.length > best.depth && here.length <= path.length && here.every((step, i) => step === path[i]))
        best = { depth: here.length, at: index }
      if (token === '{') open.push({ isList: false, at: '', isKey: true })
      if (token === '[') open.push({ isList: true, at: 0, isKey: false })
    }
  }
  return text.slice(0, best.at).split('\n').length
}
