/** Finds statements that would move a transaction behind our back, so that buffered events and their rows could part. */

const word = '(?:begin|start\\s+transaction|commit|end|rollback|abort|savepoint|release|prepare\\s+transaction)\\b'
const first = new RegExp(`^(?:\\s|;|--[^\\n]*\\n|/\\*[\\s\\S]*?\\*/)*(${word})`, 'i')
const later = new RegExp(`;\\s*(${word})`, 'i')
/** What may hold a semicolon without ending a statement. */
const quoted = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\//g

/**
 * The word of transaction control in `text`, in capitals: its first statement's, or that of a later one where a text holds
 * several (`select 1; commit` reaches the server as one message). Undefined when there is none.
 */
export function transactionControlIn(text: string): string | undefined {
  const found = first.exec(text)?.[1] ?? (text.includes(';') ? laterControl(text) : undefined)
  return found?.toUpperCase()
}

/** A body in standard SQL (`begin atomic … end`) has semicolons and an `end` of its own. */
function laterControl(text: string): string | undefined {
  const bare = text.replace(quoted, ' ')
  const found = later.exec(bare)?.[1]
  return found?.toLowerCase() === 'end' && /\bbegin\s+atomic\b/i.test(bare) ? undefined : found
}
