import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import type { Database } from '../store/store.ts'
import {
  type Cell,
  canonicalSettings,
  canonicalSql,
  canonicalText,
  digestColumnsSql,
  hash60,
  hash60Sql,
  hashedText,
  hashedTextSql,
  type Kind,
  kindOf,
  type Lane,
  normalJson,
  type PostgresType,
  rowHashSql,
  rowText,
  rowTextSql,
} from './digest.ts'

let fresh: Awaited<ReturnType<typeof freshDatabase>>
let db: Database
beforeAll(async () => {
  fresh = await freshDatabase()
  db = await fresh.connect()
})
afterAll(async () => {
  await db.close()
  await fresh.drop()
})

const type = (name: string): PostgresType => ({ name, form: 'b', category: name.startsWith('_') ? 'A' : 'U' })

/** Runs one statement under the settings that canonical text needs. */
async function ask<R>(sql: string, values: readonly unknown[] = []): Promise<R[]> {
  return db.transaction(
    async (tx) => {
      for (const [name, value] of Object.entries(canonicalSettings))
        tx.send(`select set_config('${name}', '${value}', true)`)
      return (await tx.query<R>(sql, values)).rows
    },
    { readOnly: true },
  )
}

/** The canonical texts that SQL gives to literals of a type. */
async function sqlTexts(typeName: string, literals: readonly (string | null)[]): Promise<(string | null)[]> {
  const rows = await ask<{ text: string | null }>(
    `select ${canonicalSql(type(typeName), 'v')} as text from (select x::${typeName} v, n from unnest($1::text[]) with ordinality as u(x, n)) s order by n`,
    [literals],
  )
  return rows.map((row) => row.text)
}

/** The digest, in a lane, of rows given as SQL `values`. */
async function digest(lane: Lane, rows: string, types: readonly string[]): Promise<unknown> {
  const cells: Cell[] = types.map((name, i) => ({ sql: `c${i}`, type: type(name) }))
  const list = types.map((name, i) => `x.c${i}::${name} as c${i}`).join(', ')
  const names = types.map((_, i) => `c${i}`).join(', ')
  return (
    await ask(
      `select ${digestColumnsSql('h', lane)} from (select ${rowHashSql(lane, cells)} h from (select ${list} from (values ${rows}) as x(${names})) t offset 0) q`,
    )
  )[0]
}

/** Any text PostgreSQL can hold: no NUL, no lone half of a surrogate pair. */
const text = fc.string({ unit: 'grapheme' }).map((s) => s.replaceAll('\0', ''))
const bounded = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const timestamps = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T00:00:00Z'),
  noInvalidDate: true,
})

interface Claim {
  readonly typeName: string
  readonly values: fc.Arbitrary<unknown>
  readonly literal: (value: never) => string
}
const claims: readonly Claim[] = [
  { typeName: 'int8', values: bounded, literal: String },
  {
    typeName: 'numeric',
    values: fc.tuple(bounded, fc.integer({ min: 0, max: 12 })).map(([n, s]) => shifted(n, s)),
    literal: String,
  },
  {
    typeName: 'float8',
    values: fc.double(),
    literal: (value: number) => (Object.is(value, -0) ? '-0' : String(value)),
  },
  { typeName: 'float4', values: fc.float(), literal: (value: number) => (Object.is(value, -0) ? '-0' : String(value)) },
  { typeName: 'bool', values: fc.boolean(), literal: String },
  { typeName: 'text', values: text, literal: String },
  { typeName: 'timestamptz', values: timestamps, literal: (value: Date) => value.toISOString() },
  { typeName: 'timestamp', values: timestamps, literal: (value: Date) => value.toISOString().slice(0, -1) },
  { typeName: 'uuid', values: fc.uuid(), literal: (value: string) => value.toUpperCase() },
  {
    typeName: 'bytea',
    values: fc.uint8Array(),
    literal: (value: Uint8Array) => `\\x${Buffer.from(value).toString('hex')}`,
  },
]

function shifted(n: bigint, scale: number): string {
  const digits = String(n < 0n ? -n : n).padStart(scale + 1, '0')
  const cut = digits.length - scale
  return `${n < 0n ? '-' : ''}${digits.slice(0, cut)}${scale === 0 ? '' : `.${digits.slice(cut)}`}`
}

describe('canonical text in SQL and in TypeScript', () => {
  it.each(claims)('is the same for $typeName', async ({ typeName, values, literal }) => {
    const property = fc.asyncProperty(fc.array(values, { minLength: 1, maxLength: 200 }), async (list) => {
      const kind: Kind = kindOf(type(typeName))
      expect(
        await sqlTexts(
          typeName,
          list.map((value) => literal(value as never)),
        ),
      ).toEqual(list.map((value) => canonicalText(kind, value)))
    })
    await fc.assert(property, { numRuns: 12, seed: 7 })
  })

  it('is the same for json and jsonb, whatever the order of keys and the scale of numbers', async () => {
    const json = fc
      .jsonValue({ noUnicodeString: false })
      .map((value) => JSON.parse(JSON.stringify(value).replaceAll('\\u0000', '')) as unknown)
    const property = fc.asyncProperty(
      fc.array(
        json.filter((value) => value !== null),
        { minLength: 1, maxLength: 50 },
      ),
      async (list) => {
        const literals = list.map((value) => JSON.stringify(value))
        const expected = literals.map((literal) => canonicalText('json', JSON.parse(literal)))
        for (const typeName of ['jsonb', 'json'])
          expect((await sqlTexts(typeName, literals)).map((got) => normalJson(got!))).toEqual(expected)
      },
    )
    await fc.assert(property, { numRuns: 12, seed: 7 })
  })

  it('holds at the edges: infinities, BC, leap seconds apart, 2^53 + 1, NaN', async () => {
    expect(
      await sqlTexts('timestamptz', ['infinity', '-infinity', '0044-03-15 12:00Z', '0044-03-15 12:00Z BC']),
    ).toEqual(['infinity', '-infinity', '0044-03-15 12:00:00', '0044-03-15 12:00:00 BC'])
    expect(await sqlTexts('numeric', ['1.00', '1.0', '9007199254740993', 'NaN', 'Infinity', '-0.00'])).toEqual([
      '1',
      '1',
      '9007199254740993',
      'NaN',
      'Infinity',
      '0',
    ])
    expect(await sqlTexts('char(4)', ['a', 'a  '])).toEqual(['a', 'a'])
  })

  it('gives the same text to hash, with and without lengths', async () => {
    const word = fc.stringMatching(/^[0-9a-z .:-]{0,9}$/)
    const cell = fc.oneof(
      fc.record({ value: fc.option(text), form: fc.constant({}) }),
      fc.record({ value: fc.option(word), form: fc.constant({ isShort: true }) }),
    )
    const property = fc.asyncProperty(fc.array(cell, { minLength: 1, maxLength: 6 }), async (row) => {
      const [values, hashed] = [row.map(({ value }) => value), row.map(({ form }) => form)]
      const names = row.map((_, i) => `$${i + 1}::text`)
      const [got] = await ask<{ text: string }>(`select ${hashedTextSql(names, hashed)} as text`, values)
      expect(got?.text).toBe(hashedText(values, hashed))
    })
    await fc.assert(property, { numRuns: 60, seed: 7 })
  })

  it('gives the same row text and the same 60 bits for any texts and NULLs', async () => {
    const property = fc.asyncProperty(fc.array(fc.option(text), { minLength: 1, maxLength: 6 }), async (row) => {
      const names = row.map((_, i) => `$${i + 1}::text`)
      const [got] = await ask<{ text: string; hash: string }>(
        `select ${rowTextSql(names)} as text, ${hash60Sql(rowTextSql(names))}::text as hash`,
        row,
      )
      expect(got).toEqual({ text: rowText(row), hash: String(hash60(rowText(row))) })
    })
    await fc.assert(property, { numRuns: 60, seed: 7 })
  })
})

/** Pairs of tables that differ; each defeats some hash that is in use elsewhere. */
const torture: readonly (readonly [name: string, types: readonly string[], a: string, b: string])[] = [
  ['NULL and the empty text', ['int8', 'text'], `(1, null)`, `(1, '')`],
  ['NULL and the text NULL', ['int8', 'text'], `(1, null)`, `(1, 'NULL')`],
  ['a separator that moves', ['text', 'text'], `('a|b', 'c')`, `('a', 'b|c')`],
  ['a length prefix that moves', ['text', 'text'], `('1:a', '')`, `('1', 'a')`],
  ['values swapped between columns', ['text', 'text'], `('a', 'b')`, `('b', 'a')`],
  ['a value swapped between rows', ['int8', 'text'], `(1, 'a'), (2, 'b')`, `(1, 'b'), (2, 'a')`],
  [
    'two columns swapped between rows',
    ['int8', 'text', 'int8'],
    `(1, 'a', 7), (2, 'b', 8)`,
    `(1, 'b', 8), (2, 'a', 7)`,
  ],
  [
    'equal shifts on an even number of rows',
    ['int8', 'timestamptz'],
    `(1, '2026-01-01 00:00Z'), (2, '2026-01-01 01:00Z')`,
    `(1, '2026-01-01 00:10Z'), (2, '2026-01-01 01:10Z')`,
  ],
  ['a pair of equal rows', ['int8', 'text'], `(1, 'a'), (1, 'a')`, `(2, 'b'), (2, 'b')`],
  ['a doubled row', ['int8'], `(1)`, `(1), (1)`],
  ['upper and lower case', ['text'], `('A')`, `('a')`],
  ['a trailing blank', ['text'], `('a')`, `('a ')`],
  ['a byte order mark', ['text'], `('a')`, `(U&'\\FEFFa')`],
  ['NFC and NFD', ['text'], `(U&'\\00E9')`, `(U&'e\\0301')`],
  ['a microsecond', ['timestamptz'], `('2026-01-01 00:00:00.000001Z')`, `('2026-01-01 00:00:00Z')`],
  ['the sixth digit of a float', ['float8'], `(1.000001)`, `(1.000002)`],
  ['-0 and 0', ['float8'], `('-0')`, `('0')`],
  ['2^53 and 2^53 + 1', ['int8'], `(9007199254740992)`, `(9007199254740993)`],
  ['numeric NaN and NULL', ['numeric'], `('NaN')`, `(null)`],
  ['numeric NaN and Infinity', ['numeric'], `('NaN')`, `('Infinity')`],
  ['a numeric and its negative', ['numeric'], `(0.01)`, `(-0.01)`],
  ['numeric infinities', ['numeric'], `('Infinity')`, `('-Infinity')`],
  ['numeric zero and NULL', ['numeric'], `(0)`, `(null)`],
  ['timestamp infinity and NULL', ['timestamptz'], `('infinity')`, `(null)`],
  ['44 BC and 44 AD', ['timestamptz'], `('0044-03-15 BC')`, `('0044-03-15')`],
  ['JSON brackets that move', ['jsonb'], `('[[1],2]')`, `('[[1,2]]')`],
  ['a JSON key that leaves its object', ['jsonb'], `('{"a":{"b":1},"c":2}')`, `('{"a":{"b":1,"c":2}}')`],
  ['the shape of an array', ['_int4'], `('{{1,2},{3,4}}')`, `('{1,2,3,4}')`],
  ['JSON null and NULL', ['jsonb'], `('null')`, `(null)`],
  ['bytes and their text', ['bytea'], `('\\x00')`, `('\\x0000')`],
]

describe.each(['record', 'portable'] as const)('the digest in the %s lane', (lane) => {
  it.each(torture)('sees %s', async (_name, types, a, b) => {
    expect(await digest(lane, a, types)).not.toEqual(await digest(lane, b, types))
    expect(await digest(lane, a, types)).toEqual(await digest(lane, a, types))
  })

  it('does not invent a difference: 1.10 is 1.1, 08:00Z is 09:00+01, int4 is int8, order is nothing', async () => {
    const types = ['int8', 'numeric', 'timestamptz']
    const same = await digest(lane, `(1, 1.10, '2026-01-01 08:00Z'), (2, 2, null)`, types)
    expect(await digest(lane, `(2, 2.000, null), (1, 1.1, '2026-01-01 09:00+01')`, types)).toEqual(same)
    expect(await digest(lane, `(1, 1.10, '2026-01-01 08:00'), (2, 2, null)`, ['int4', 'numeric', 'timestamp'])).toEqual(
      same,
    )
  })
})
