/** JSON text cut into tokens; by hand, because a regular expression outgrows its stack on a text of ten megabytes. */

const others = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[^\s]/y

/**
 * The tokens of a JSON text, as they are written. Text that is no JSON has tokens as well: whoever reads them finds out.
 *
 * @example
 * jsonTokens('{"a": 1.50}') // ['{', '"a"', ':', '1.50', '}']
 */
export function jsonTokens(text: string): string[] {
  const tokens: string[] = []
  for (let at = 0; at < text.length; ) {
    if (text[at] === '"') {
      tokens.push(text.slice(at, jsonStringEnd(text, at)))
      at += tokens.at(-1)!.length
      continue
    }
    others.lastIndex = at
    const token = others.exec(text)?.[0]
    if (token !== undefined) tokens.push(token)
    at += token?.length ?? 1
  }
  return tokens
}

/** Where the string that begins at a quote ends: behind its closing quote, or with the text where there is none. */
export function jsonStringEnd(text: string, from: number): number {
  for (let at = from + 1; ; ) {
    const quote = text.indexOf('"', at)
    if (quote < 0) return text.length
    let slashes = 0
    while (text[quote - 1 - slashes] === '\\') slashes += 1
    if (slashes % 2 === 0) return quote + 1
    at = quote + 1
  }
}
