/** A strict reader of the XML that we write: elements, attributes in double quotes, text, the five entities. */

const character = '(?:[\\t\\n\\r\\u{20}-\\u{d7ff}\\u{e000}-\\u{fffd}\\u{10000}-\\u{10ffff}])'
const entity = '&(?:amp|lt|gt|quot|apos|#(?:9|10|13));'
const text = new RegExp(`^(?:${entity}|(?![<&])${character})*$`, 'u')
const attributes = new RegExp(`^(?:\\s+[A-Za-z_][\\w.-]*="(?:${entity}|(?![<&"])${character})*")*\\s*/?$`, 'u')

/** `yes`, or what is wrong first. */
export function wellFormed(xml: string): string {
  const declared = /^<\?xml version="1\.0" encoding="UTF-8"\?>\n/.exec(xml)
  if (declared === null) return 'it has no XML declaration'
  const open: string[] = []
  let roots = 0
  const pieces = xml.slice(declared[0].length).split(/(<[^>]*>)/u)
  for (const piece of pieces) {
    const tag = /^<(\/?)([A-Za-z_][\w.-]*)([^>]*)>$/u.exec(piece)
    if (tag === null) {
      if (!text.test(piece) || piece.includes(']]>')) return `this is no text: ${JSON.stringify(piece.slice(0, 80))}`
      if (open.length === 0 && piece.trim() !== '') return 'there is text outside of the root'
      continue
    }
    const [, closes, name = '', rest = ''] = tag
    if (closes === '/') {
      if (open.pop() !== name || rest !== '') return `</${name}> closes nothing`
      continue
    }
    if (!attributes.test(rest)) return `<${name}> has wrong attributes: ${JSON.stringify(rest.slice(0, 80))}`
    const names = [...rest.matchAll(/\s([A-Za-z_][\w.-]*)="/g)].map((match) => match[1])
    if (new Set(names).size < names.length) return `<${name}> has an attribute twice`
    if (open.length === 0) roots += 1
    if (!rest.endsWith('/')) open.push(name)
  }
  if (open.length > 0) return `<${open.at(-1)}> is never closed`
  return roots === 1 ? 'yes' : `there are ${roots} roots`
}
