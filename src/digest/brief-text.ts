/**
 * Long values as what tells them apart. A value of megabytes is no use to whoever reads a finding, and ten of them on both
 * sides would not fit into memory: of texts and bytes beyond a limit only length and SHA-256 leave the database, which is
 * all that a verdict needs. JSON and decimals stay whole, since they may be the same in other words.
 */
import { createHash } from 'node:crypto'
import type { Form } from './form.ts'
import { sha256Sql } from './hash.ts'
import type { Kind } from './kind.ts'

/** Bytes of canonical text up to which a value stays whole: more than people read, and 10,000 such rows are 40 megabytes. */
export const wholeBytesMost = 4_096

/**
 * What a brief value looks like, as a pattern of SQL. A short value that looks like one is made brief as well, or somebody
 * could write what stands for another value, and be taken for it.
 */
const briefPattern = '<% bytes, sha256 %>'
const looksBrief = /^<.* bytes, sha256 .*>$/s

/** Whether values of a form become brief: those that are the same only when their texts are. */
export function isBriefable(form: Form | Kind): boolean {
  const kind = typeof form === 'string' ? form : form.kind
  return kind === 'text' || kind === 'bytes'
}

/**
 * A canonical text, or its length and SHA-256 where it is long or looks like that.
 *
 * @example
 * briefText('text', 'x'.repeat(5_000)) // '<5000 bytes, sha256 c59d3c04…>'
 */
export function briefText(form: Form | Kind, text: string | null): string | null {
  if (text === null || !isBriefable(form)) return text
  const bytes = Buffer.byteLength(text)
  if (bytes <= wholeBytesMost && !looksBrief.test(text)) return text
  return `<${bytes} bytes, sha256 ${createHash('sha256').update(text).digest('hex')}>`
}

/** The same in PostgreSQL, over an expression that is canonical text. */
export function briefSql(text: string): string {
  const brief = `'<' || octet_length(${text}) || ' bytes, sha256 ' || encode(${sha256Sql(text)}, 'hex') || '>'`
  const isBrief = `octet_length(${text}) > ${wholeBytesMost} or ${text} collate "C" like '${briefPattern}'`
  return `case when ${isBrief} then ${brief} else ${text} end`
}

/** The same in MySQL, as a text. */
export function mysqlBriefSql(text: string): string {
  const brief = `concat('<',octet_length(${text}),' bytes, sha256 ',sha2(${text},256),'>')`
  const isBrief = `octet_length(${text}) > ${wholeBytesMost} or cast(${text} as binary) like '${briefPattern}'`
  return `if(${isBrief},${brief},${text})`
}
