/**
 * A side that code of yours reads: whatever a service can only tell by its client, or a sum that no SQL writes. All rows
 * are read whenever any are asked for; nothing but one batch is held.
 */

import { refused } from '../../base/error.ts'
import { type ColumnType, canonicalText, type Form } from '../../digest/digest.ts'
import { type CodeRows, type Expression, expressionText, type Side, sideName } from '../../invariant/invariant.ts'
import { streamedReader } from '../streamed.ts'
import type { Described, Forms, Source, ValuedRow } from './source.ts'

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
    rowsPrepared: rowsUnknown,
    recordProbe: async () => undefined,
    bind: (forms) =>
      streamedReader(described, forms, () => streamOf(source, read, side.key.map(expressionText), fields, forms)),
  }
  return described
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
