/**
 * A side that code of yours reads: whatever a service can only tell by its client, or a sum that no SQL writes. All rows
 * are read whenever any are asked for; nothing but one batch is held.
 */

import { refused } from '../../base/error.ts'
import { type ColumnType, canonicalText, type Form, rowText } from '../../digest/digest.ts'
import { type CodeRows, type Expression, expressionText, type Side, sideName } from '../../invariant/invariant.ts'
import { streamedDigests, streamedHashes, streamedValues } from '../streamed.ts'
import type { Described, Forms, Held, Keys, ReferenceBatch, SideReader, Source, ValuedRow } from './source.ts'

/** Rows handed on at a time. */
const rowsPerBatch = 1_000
/** What code does not say beforehand. */
const rowsUnknown = 10_000
const anyType: ColumnType = { kind: 'any', name: 'code' }

/** The source of a side that code reads; there is nothing to open, and nothing to close. */
export function codeSource(side: Side, read: CodeRows): Source {
  const source: Source = {
    name: side.source,
    engine: 'code',
    service: side.source,
    schema: 'selvedge',
    describe: async (described, columns) => describeCode(source, described, read, columns),
    peek: async (asked, key, most) => {
      const found: Readonly<Record<string, unknown>>[] = []
      for await (const row of rowsOf(source, read)) {
        if (found.length === most) break
        if (asked.key.every((part, i) => textOf({ kind: 'text' }, row[expressionText(part)]) === key[i]))
          found.push(row)
      }
      return found
    },
    isBusy: async () => false,
    close: async () => {},
  }
  return source
}

function describeCode(source: Source, side: Side, read: CodeRows, columns?: readonly Expression[]): Described {
  const columnNames = columns === undefined ? Object.keys(side.columns).sort() : columns.map(expressionText)
  const fields = columnNames.map((name) => (columns === undefined ? expressionText(side.columns[name] ?? name) : name))
  const described: Described = {
    name: sideName(side),
    source,
    side,
    key: side.key.map(() => anyType),
    columns: fields.map(() => anyType),
    columnNames,
    rowsAbout: rowsUnknown,
    recordProbe: async () => undefined,
    bind: (forms) => bound(described, () => streamOf(source, read, side.key.map(expressionText), fields, forms), forms),
  }
  return described
}

type Stream = () => AsyncIterable<readonly ValuedRow[]>

function bound(described: Described, stream: Stream, forms: Forms): SideReader {
  return {
    ...described,
    forms,
    shardsMost: 1,
    digests: (spread) => streamedDigests(stream, spread),
    hashes: (spread, buckets) => streamedHashes(stream, spread, buckets),
    values: (spread, buckets) => streamedValues(stream, spread, buckets),
    stream,
    rows: async (keys) => {
      const asked = new Set(keys.map(rowText))
      const images = new Map<string, (string | null)[][]>()
      for await (const { key, values } of each(stream)) {
        const text = rowText(key)
        if (asked.has(text)) images.set(text, [...(images.get(text) ?? []), [...values]])
      }
      return new Map([...images].map(([text, rows]): [string, Held] => [text, { image: rows.sort(byText), stamp: '' }]))
    },
    references: () => referencesOf(stream),
    missing: async (keys: Keys) => {
      const gone = new Set(keys.map(rowText))
      for await (const { key } of each(stream)) gone.delete(rowText(key))
      return gone
    },
    keysOf: async (references, most) => {
      const wanted = new Set(references.map(rowText))
      const keys: string[][] = []
      for await (const { key, values } of each(stream))
        if (wanted.has(rowText(values))) keys.push(key.map((part) => part ?? ''))
      return keys.sort(byText).slice(0, most)
    },
  }
}

async function* each(stream: Stream): AsyncGenerator<ValuedRow> {
  for await (const batch of stream()) yield* batch
}

async function* referencesOf(stream: Stream): AsyncGenerator<ReferenceBatch> {
  for await (const batch of stream()) {
    const named = batch.map(({ values }) => values).filter((row): row is readonly string[] => !row.includes(null))
    yield { references: [...new Map(named.map((row) => [rowText(row), row])).values()], rows: named.length }
  }
}

async function* streamOf(
  source: Source,
  read: CodeRows,
  key: readonly string[],
  columns: readonly string[],
  forms: Forms,
): AsyncGenerator<ValuedRow[]> {
  let batch: ValuedRow[] = []
  for await (const row of rowsOf(source, read)) {
    batch.push({
      key: key.map((name, i) => textOf(forms.key[i], row[name])),
      values: columns.map((name, i) => textOf(forms.columns[i], row[name])),
    })
    if (batch.length < rowsPerBatch) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/** What your code throws is what the check could not read. */
async function* rowsOf(source: Source, read: CodeRows): AsyncGenerator<Readonly<Record<string, unknown>>> {
  try {
    yield* await read()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw refused(
      'check/unreadable',
      `source "${source.name}": ${why}`,
      'The code of this side failed: see its cause.',
      {
        cause: error,
        source: source.name,
      },
    )
  }
}

/** Canonical text; a value that is none of the form stays what it is, and so differs. */
function textOf(form: Form | undefined, value: unknown): string | null {
  if (value === null || value === undefined) return null
  try {
    return canonicalText(form?.kind ?? 'text', value)
  } catch {
    return typeof value === 'object' ? JSON.stringify(value) : String(value)
  }
}

function byText(a: readonly (string | null)[], b: readonly (string | null)[]): number {
  return rowText(a) < rowText(b) ? -1 : 1
}
