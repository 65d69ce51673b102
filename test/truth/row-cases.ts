/** Rows that are missing, doubled, moved or called strangely. A case says what both sides hold and which keys must be found. */
import type { PerEngine } from './engine.ts'
import type { Table, TruthCase, Values } from './truth-case.ts'

const text = { pg: 'text', maria: 'varchar(200) character set utf8mb4' } as const
const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`
const count = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const numbered = (from: number, to: number): Values[] => count(from, to).map((i) => [String(i), `'v${i}'`])
const keyed = { k: 'bigint', v: text }

/** Rows of a bigint key and a text: `numbered` rows on both sides, changed by `left` and `right`. */
function rows(
  what: string,
  rowCount: number,
  change: { left?: (rows: Values[]) => Values[]; right?: (rows: Values[]) => Values[] },
  found: readonly string[],
): TruthCase {
  const same = (all: Values[]) => all
  return {
    what,
    left: { columns: keyed, rows: (change.left ?? same)(numbered(1, rowCount)) },
    right: { columns: keyed, rows: (change.right ?? same)(numbered(1, rowCount)) },
    found,
  }
}

/** Rows of several text columns, the first `keyParts` of them the key. */
function texts(
  what: string,
  keyParts: number,
  left: readonly (readonly string[])[],
  right: readonly (readonly string[])[],
  found: readonly string[],
): TruthCase {
  const width = left[0]?.length ?? right[0]?.length ?? 0
  const columns = Object.fromEntries(count(0, width - 1).map((i) => [`c${i}`, text]))
  const ballast = count(1, 8).map((i) => count(1, width).map((c) => `ballast ${i} ${c}`))
  const sqlOf = (all: readonly (readonly string[])[]) => [...ballast, ...all].map((row) => row.map(quoted))
  return {
    what,
    left: { columns, keyParts, rows: sqlOf(left) },
    right: { columns, keyParts, rows: sqlOf(right) },
    found,
  }
}

/** Keys of one type that only the left has, among keys that both have. */
function keys(what: string, type: PerEngine, common: readonly PerEngine[], extra: PerEngine, found: string): TruthCase {
  const columns = { k: type, v: 'int' }
  const held = common.map((key, i): Values => [key, String(i)])
  return { what, left: { columns, rows: [...held, [extra, '7']] }, right: { columns, rows: held }, found: [found] }
}

const without =
  (...gone: number[]) =>
  (all: Values[]) =>
    all.filter(([key]) => !gone.includes(Number(key)))
const valued = (values: Readonly<Record<string, string>>) => (all: Values[]) =>
  all.map(([key, value]): Values => [key!, values[String(key)] ?? value!])
const withMore =
  (...more: Values[]) =>
  (all: Values[]) => [...all, ...more]
const sorted = (found: readonly number[]) => found.map(String).sort()

const missing: readonly TruthCase[] = [
  rows('the first row is missing', 1_000, { right: without(1) }, ['1']),
  rows('the last row is missing', 1_000, { right: without(1_000) }, ['1000']),
  rows('a row beyond the largest key', 1_000, { right: withMore(['1001', "'new'"]) }, ['1001']),
  rows('a row far beyond the largest key', 1_000, { right: withMore(['9223372036854775807', "'new'"]) }, [
    '9223372036854775807',
  ]),
  rows('a row before the smallest key', 1_000, { left: withMore(['-5', "'new'"]) }, ['-5']),
  rows('a row at the smallest bigint', 1_000, { left: withMore(['-9223372036854775808', "'new'"]) }, [
    '-9223372036854775808',
  ]),
  rows('a row with the key zero', 1_000, { left: withMore(['0', "'new'"]) }, ['0']),
  rows(
    'rows at the edges of power-of-two buckets',
    4_100,
    { right: without(1, 2, 63, 64, 65, 1_023, 1_024, 1_025, 4_095, 4_096, 4_097) },
    sorted([1, 2, 63, 64, 65, 1_023, 1_024, 1_025, 4_095, 4_096, 4_097]),
  ),
  rows(
    'rows at the edges of thousands',
    4_100,
    { left: without(999, 1_000, 1_001, 1_999, 2_000, 3_000) },
    sorted([999, 1_000, 1_001, 1_999, 2_000, 3_000]),
  ),
  rows('one row here and another there', 1_000, { left: without(10), right: without(20) }, ['10', '20']),
  rows(
    'as many rows here as there, of other keys',
    40,
    { left: withMore(['900', "'x'"]), right: withMore(['901', "'x'"]) },
    ['900', '901'],
  ),
  rows('nothing on the left', 30, { left: () => [] }, sorted(count(1, 30))),
  rows('nothing on the right', 30, { right: () => [] }, sorted(count(1, 30))),
  rows('a single row on the left only', 1, { right: () => [] }, ['1']),
  rows('a single row that differs', 1, { right: valued({ 1: "'w'" }) }, ['1']),
]

const doubled: readonly TruthCase[] = [
  rows('a row that is there twice', 40, { right: withMore(['7', "'v7'"]) }, ['7']),
  rows('a row that is there three times', 40, { right: withMore(['7', "'v7'"], ['7', "'v7'"]) }, ['7']),
  rows('two rows that are there twice', 40, { left: withMore(['7', "'v7'"], ['8', "'v8'"]) }, ['7', '8']),
  rows(
    'a row twice here, and another twice there',
    40,
    { left: withMore(['7', "'v7'"]), right: withMore(['8', "'v8'"]) },
    ['7', '8'],
  ),
  rows('a row twice with another value', 40, { right: withMore(['7', "'w'"]) }, ['7']),
  rows('a pair of rows that exist on one side only, alike', 40, { right: withMore(['77', "'x'"], ['77', "'x'"]) }, [
    '77',
  ]),
]

const moved: readonly TruthCase[] = [
  rows('two rows exchanged their values', 40, { right: valued({ 7: "'v8'", 8: "'v7'" }) }, ['7', '8']),
  rows('two far rows exchanged their values', 2_000, { right: valued({ 1: "'v2000'", 2000: "'v1'" }) }, ['1', '2000']),
  rows('three rows passed their values on', 40, { right: valued({ 7: "'v8'", 8: "'v9'", 9: "'v7'" }) }, [
    '7',
    '8',
    '9',
  ]),
  rows('four rows changed in pairs', 40, { right: valued({ 7: "'x'", 8: "'x'", 9: "'x'", 10: "'x'" }) }, [
    '10',
    '7',
    '8',
    '9',
  ]),
  {
    what: 'sums that stay the same: one more here, one less there',
    left: { columns: { k: 'int', v: 'int' }, rows: count(1, 40).map((i) => [String(i), String(i)]) },
    right: {
      columns: { k: 'int', v: 'int' },
      rows: count(1, 40).map((i) => [String(i), String(i === 7 ? 8 : i === 8 ? 7 : i)]),
    },
    found: ['7', '8'],
  },
  {
    what: 'ten minutes more on an even number of rows',
    left: {
      columns: { k: 'int', v: { pg: 'timestamp', maria: 'datetime' } },
      rows: count(1, 60).map((i) => [String(i), "'2026-01-31 08:00:00'"]),
    },
    right: {
      columns: { k: 'int', v: { pg: 'timestamp', maria: 'datetime' } },
      rows: count(1, 60).map((i) => [String(i), i <= 4 ? "'2026-01-31 08:10:00'" : "'2026-01-31 08:00:00'"]),
    },
    found: ['1', '2', '3', '4'],
  },
  {
    what: 'ten minutes more on every row: the column is to blame, once',
    left: {
      columns: { k: 'int', v: { pg: 'timestamp', maria: 'datetime' } },
      rows: count(1, 60).map((i) => [String(i), "'2026-01-31 08:00:00'"]),
    },
    right: {
      columns: { k: 'int', v: { pg: 'timestamp', maria: 'datetime' } },
      rows: count(1, 60).map((i) => [String(i), "'2026-01-31 08:10:00'"]),
    },
    found: [''],
    why: /mapping error/,
  },
  texts('values exchanged between columns', 1, [['1', 'a', 'b']], [['1', 'b', 'a']], ['1']),
  texts(
    'values exchanged between columns, in two rows that undo each other',
    1,
    [
      ['1', 'a', 'b'],
      ['2', 'b', 'a'],
    ],
    [
      ['1', 'b', 'a'],
      ['2', 'a', 'b'],
    ],
    ['1', '2'],
  ),
  texts('a value that moved to the next column', 1, [['1', 'a', '']], [['1', '', 'a']], ['1']),
  texts('a bar that moved between columns', 1, [['1', 'a|b', 'c']], [['1', 'a', 'b|c']], ['1']),
  texts('a number sign that moved between columns', 1, [['1', 'a#b', 'c']], [['1', 'a', 'b#c']], ['1']),
  texts('a comma that moved between columns', 1, [['1', 'a,b', 'c']], [['1', 'a', 'b,c']], ['1']),
  texts('a letter that moved between columns', 1, [['1', 'ab', 'c']], [['1', 'a', 'bc']], ['1']),
  texts('a length that moved between columns', 1, [['1', 'a1:b', 'c']], [['1', 'a', 'b1:c']], ['1']),
  texts('a text that imitates the next length', 1, [['1', '1:a', 'b']], [['1', '1', ':ab']], ['1']),
  texts('a mark of NULL that moved between columns', 1, [['1', '~', '']], [['1', '', '~']], ['1']),
  texts('a quote that moved between columns', 1, [['1', "a'", 'b']], [['1', 'a', "'b"]], ['1']),
  texts('one column of twelve', 1, [['1', ...'abcdefghijk']], [['1', ...'abcdefghijK']], ['1']),
  {
    what: 'the key and the value exchanged',
    left: {
      columns: { k: 'int', v: 'int' },
      rows: [
        ['1', '1'],
        ['2', '2'],
        ['5', '9'],
      ],
    },
    right: {
      columns: { k: 'int', v: 'int' },
      rows: [
        ['1', '1'],
        ['2', '2'],
        ['9', '5'],
      ],
    },
    found: ['5', '9'],
  },
]

const named: readonly TruthCase[] = [
  texts('a composite key whose slash moved', 2, [['a/b', 'c', 'v']], [['a', 'b/c', 'v']], ['a%2Fb/c', 'a/b%2Fc']),
  texts('a composite key whose bar moved', 2, [['a|b', 'c', 'v']], [['a', 'b|c', 'v']], ['a/b|c', 'a|b/c']),
  texts('a composite key whose letter moved', 2, [['ab', 'c', 'v']], [['a', 'bc', 'v']], ['a/bc', 'ab/c']),
  texts('a composite key with an empty part', 2, [['', 'a', 'v']], [['a', '', 'v']], ['/a', 'a/']),
  texts(
    'a composite key that imitates an escape',
    2,
    [
      ['a/b', 'c', 'v'],
      ['a%2Fb', 'c', 'v'],
    ],
    [['a%2Fb', 'c', 'v']],
    ['a%2Fb/c'],
  ),
  texts(
    'a composite key of four parts',
    4,
    [['a', 'b', 'c', 'd', 'v']],
    [['a', 'b', 'd', 'c', 'v']],
    ['a/b/c/d', 'a/b/d/c'],
  ),
  texts('a composite key whose parts changed places', 2, [['a', 'b', 'v']], [['b', 'a', 'v']], ['a/b', 'b/a']),
  texts('a key in another case', 1, [['Ada', 'v']], [['ADA', 'v']], ['ADA', 'Ada']),
  texts('a key with a trailing blank', 1, [['a', 'v']], [['a ', 'v']], ['a', 'a ']),
  texts('a key in NFC and in NFD', 1, [['caf\u00e9', 'v']], [['cafe\u0301', 'v']], ['cafe\u0301', 'caf\u00e9']),
  texts('a key with a byte order mark', 1, [['\ufeffa', 'v']], [['a', 'v']], ['a', '\ufeffa']),
  texts('an empty key', 1, [['', 'v']], [], ['']),
  texts('a key that is the mark of NULL', 1, [['~', 'v']], [], ['~']),
  texts(
    'keys of our own words',
    1,
    [
      ['__proto__', 'v'],
      ['constructor', 'v'],
      ['toString', 'v'],
      ['hasOwnProperty', 'v'],
    ],
    [],
    ['__proto__', 'constructor', 'hasOwnProperty', 'toString'],
  ),
  texts('a key of quotes and statements', 1, [[`'; drop table t1; --`, 'v']], [], [`'; drop table t1; --`]),
  texts('a key with a line feed', 1, [['a\nb', 'v']], [['a\rb', 'v']], ['a\nb', 'a\rb']),
  texts('a key of emoji', 1, [['😀', 'v']], [['😁', 'v']], ['😀', '😁']),
  texts(
    'a key of 190 letters that differ at the end',
    1,
    [[`${'x'.repeat(190)}y`, 'v']],
    [[`${'x'.repeat(190)}z`, 'v']],
    [`${'x'.repeat(190)}y`, `${'x'.repeat(190)}z`],
  ),
  texts('a text key that looks like a number', 1, [['007', 'v']], [['7', 'v']], ['007', '7']),
  keys(
    'a uuid key',
    { pg: 'uuid', maria: 'char(36)' },
    ["'00000000-0000-7000-8000-000000000001'", "'00000000-0000-7000-8000-000000000002'"],
    "'00000000-0000-7000-8000-000000000003'",
    '00000000-0000-7000-8000-000000000003',
  ),
  keys('a decimal key', 'numeric(12, 2)', ['1.50', '-1.50', '2'], '1.51', '1.51'),
  keys('a negative decimal key', 'numeric(12, 2)', ['1.50', '2'], '-1.50', '-1.5'),
  keys('a day as key', 'date', ["'2026-01-31'", "'2026-02-28'"], "'2026-02-01'", '2026-02-01'),
  keys(
    'a moment as key',
    { pg: 'timestamp', maria: 'datetime(6)' },
    ["'2026-01-31 08:00:00'"],
    "'2026-01-31 08:00:00.000001'",
    '2026-01-31 08:00:00.000001',
  ),
  keys('a boolean key', 'boolean', ['true'], 'false', '0'),
  keys(
    'a uuid key of either engine',
    'uuid',
    ["'00000000-0000-7000-8000-000000000001'"],
    "'00000000-0000-7000-8000-000000000003'",
    '00000000-0000-7000-8000-000000000003',
  ),
  keys('a time of day as key', { pg: 'time', maria: 'time(6)' }, ["'08:00:00'"], "'08:00:00.5'", '08:00:00.5'),
  keys('bits as key', { maria: 'bit(8)' }, ["b'101'"], "b'1010'", '10'),
  keys('a year as key', { maria: 'year' }, ['2025'], '2026', '2026'),
  keys('a set as key', { maria: "set('a', 'b', 'c')" }, ["'a'", "'a,b'"], "'a,c'", 'a,c'),
  keys(
    'bytes as key',
    { pg: 'bytea', maria: 'varbinary(20)' },
    [{ pg: "'\\x6100'", maria: "x'6100'" }],
    { pg: "'\\x61'", maria: "x'61'" },
    '61',
  ),
  keys(
    'an unsigned key above 2^63',
    { maria: 'bigint unsigned' },
    ['1', '18446744073709551615'],
    '18446744073709551614',
    '18446744073709551614',
  ),
  keys('an address as key', { pg: 'inet', maria: 'inet6' }, ["'2001:db8::1'"], "'2001:db8::2'", '2001:db8::2'),
  keys('a smallint key', 'smallint', ['-1', '1'], '-32768', '-32768'),
  keys('an array key', { pg: 'int[]' }, [{ pg: "'{1,2}'" }], { pg: "'{2,1}'" }, '[2, 1]'),
  keys('an enum key', { pg: 'truth_mood', maria: "enum('sad', 'ok', 'happy')" }, ["'sad'", "'ok'"], "'happy'", 'happy'),
]

const hostile = (what: string, table: string, key: string, column: string): TruthCase => {
  const columns = { [key]: text, [column]: text }
  const held: Values[] = [
    ["'1'", "'a'"],
    ["'2'", "'b'"],
  ]
  return {
    what,
    left: { table, columns, rows: [...held, ["'3'", "'c'"]] },
    right: { table, columns, rows: [...held, ["'3'", "'d'"]] },
    found: ['3'],
  }
}

const calledStrangely: readonly TruthCase[] = [
  hostile('names with quotes of every kind', `it's "quoted" \`twice\``, `k"e'y`, 'v`a"l'),
  hostile('names with blanks and semicolons', 'drop table t1; --', 'the key', 'a value; --'),
  hostile('names of our own words', '__proto__', '__proto__', 'constructor'),
  hostile('names of statements', 'select', 'from', 'where'),
  hostile('names of our columns', 'selvedge_rows', 'k0', 'c0'),
  hostile('names in other letters', 'Кириллица', 'ключ', '値'),
  hostile('names with signs that SQL gives a meaning', 'a$b?c%d', '$1', ':name'),
  hostile('names with a comment', 'a /* b', 'k */', 'v --'),
  hostile('names in capitals', 'UserTable', 'UserId', 'FullName'),
]

const unkeyed: readonly TruthCase[] = [
  {
    what: 'a row without a key is told, whatever else is found',
    left: { columns: keyed, rows: [...numbered(1, 40), ['null', "'n'"]] },
    right: { columns: keyed, rows: [...numbered(1, 39), ['40', "'w'"]] },
    found: ['40'],
    why: /^1 rows of left\..* have no key/,
  },
  {
    what: 'a row without a part of its key is told',
    left: {
      columns: { a: text, b: text, v: text },
      keyParts: 2,
      rows: [
        ["'1'", "'1'", "'v'"],
        ["'1'", 'null', "'v'"],
      ],
    },
    right: { columns: { a: text, b: text, v: text }, keyParts: 2, rows: [["'1'", "'1'", "'v'"]] },
    found: [],
    why: /^1 rows of left\..* have no key/,
  },
]

/** A row of two large texts beside a small one; the second ends with `last`. */
function heavy(first: PerEngine, second: PerEngine, last: string, type: PerEngine): Table {
  const insert = (a: string, b: string) =>
    `insert into @ values (2, repeat('x', ${a}), concat(repeat('x', ${b}), '${last}'))`
  const of = (size: PerEngine, engine: 'pg' | 'maria') => (typeof size === 'string' ? size : (size[engine] ?? '0'))
  return {
    columns: { k: 'int', v: type, w: type },
    rows: [['1', "'a'", "'a'"]],
    afterwards: {
      pg: insert(of(first, 'pg'), of(second, 'pg')),
      maria: insert(of(first, 'maria'), of(second, 'maria')),
    },
  }
}

const longtext = { pg: 'text', maria: 'longtext' } as const
/** Together more than MariaDB lets any text be. */
const [half, rest] = [
  { pg: '10485760', maria: '@@max_allowed_packet div 2' },
  { pg: '10485759', maria: '@@max_allowed_packet div 2 - 1' },
] as const

/** A JSON text of 10 MiB. */
const long = (last: string): Table => ({
  columns: { k: 'int', v: { pg: 'jsonb', maria: 'json' } },
  rows: [['1', "'{}'"]],
  afterwards: {
    pg: `insert into @ values (2, to_jsonb(concat(repeat('x', 10485759), '${last}')))`,
    maria: `insert into @ values (2, concat('"', repeat('x', 10485759), '${last}"'))`,
  },
})

const large: readonly TruthCase[] = [
  { what: 'the last letter of a JSON of 10 MiB', left: long('y'), right: long('z'), found: ['2'] },
  {
    what: 'the last letter of a row of 12 MiB',
    left: heavy('8388608', '4194303', 'y', longtext),
    right: heavy('8388608', '4194303', 'z', longtext),
    found: ['2'],
  },
  {
    what: 'the last letter of a row of 20 MiB',
    left: heavy(half, rest, 'y', { pg: 'text' }),
    right: heavy(half, rest, 'z', { pg: 'text' }),
    found: ['2'],
  },
  {
    what: 'a row that outgrows what its server can hash is told, not taken for NULL',
    left: heavy(half, rest, 'y', longtext),
    right: heavy(half, rest, 'z', { maria: 'longtext' }),
    found: [],
    why: /max_allowed_packet/,
  },
  {
    what: 'twenty rows of a hundred thousand',
    left: {
      columns: { k: 'bigint', v: text },
      rows: [],
      afterwards: {
        pg: "insert into @ select i, 'v' || i from generate_series(1, 100000) i",
        maria: "insert into @ select seq, concat('v', seq) from seq_1_to_100000",
      },
    },
    right: {
      columns: { k: 'bigint', v: text },
      rows: [],
      afterwards: {
        pg: "insert into @ select i, case when i % 5000 = 7 then 'w' else 'v' || i end from generate_series(1, 100000) i",
        maria:
          "insert into @ select seq, case when seq % 5000 = 7 then 'w' else concat('v', seq) end from seq_1_to_100000",
      },
    },
    found: sorted(count(0, 19).map((i) => i * 5_000 + 7)),
  },
]

/** Keys that one side has, and that the other side's charset cannot even write. */
const unwritable = (what: string, key: string, type: PerEngine): TruthCase => ({
  what,
  left: {
    columns: { k: text, v: 'int' },
    rows: [
      ["'a'", '1'],
      [quoted(key), '2'],
    ],
  },
  right: { columns: { k: type, v: 'int' }, rows: [["'a'", '1']] },
  found: [key],
})

const foreign: readonly TruthCase[] = [
  unwritable('a key beyond latin1', '漢', { pg: 'text', maria: 'varchar(20) character set latin1' }),
  unwritable('a key beyond ASCII', 'é', { pg: 'text', maria: 'varchar(20) character set ascii' }),
  unwritable('a key beyond utf8mb3', '😀', { pg: 'text', maria: 'varchar(20) character set utf8mb3' }),
  unwritable('a key beyond an enum', '漢', { pg: 'text', maria: "enum('a', 'b') character set latin1" }),
]

/** All of them. */
export const rowCases: readonly TruthCase[] = [
  ...missing,
  ...doubled,
  ...moved,
  ...named,
  ...calledStrangely,
  ...unkeyed,
  ...foreign,
  ...large,
]
