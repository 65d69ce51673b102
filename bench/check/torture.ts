/** Pairs that fooled one tool or another; each is a table of two columns beside its key. */

/** Rows as SQL literals that both engines read alike. */
export interface TorturePair {
  readonly name: string
  /** Types of columns `a` and `b`, in PostgreSQL and in MariaDB. */
  readonly types: readonly [postgres: string, mariadb: string]
  readonly owner: readonly string[]
  readonly copy: readonly string[]
  /** Keys that must be found. */
  readonly differing: readonly string[]
  /** Where `id` is no primary key: its value may come twice. */
  readonly isKeyless?: boolean
}

const text = ['text', 'varchar(100)'] as const
const moment = ['timestamp(6)', 'datetime(6)'] as const

export const torturePairs: readonly TorturePair[] = [
  { name: `NULL and ''`, types: text, owner: [`1, null, 'x'`], copy: [`1, '', 'x'`], differing: ['1'] },
  { name: `NULL and 'NULL'`, types: text, owner: [`1, null, 'x'`], copy: [`1, 'NULL', 'x'`], differing: ['1'] },
  { name: 'a|b, c and a, b|c', types: text, owner: [`1, 'a|b', 'c'`], copy: [`1, 'a', 'b|c'`], differing: ['1'] },
  { name: 'a#b, c and a, b#c', types: text, owner: [`1, 'a#b', 'c'`], copy: [`1, 'a', 'b#c'`], differing: ['1'] },
  {
    name: 'four rows, each 10 minutes later',
    types: moment,
    owner: [1, 2, 3, 4].map((id) => `${id}, '2026-01-0${id} 10:00:00', null`),
    copy: [1, 2, 3, 4].map((id) => `${id}, '2026-01-0${id} 10:10:00', null`),
    differing: ['1', '2', '3', '4'],
  },
  { name: 'a space at the end', types: text, owner: [`1, 'x', 'y'`], copy: [`1, 'x ', 'y'`], differing: ['1'] },
  { name: 'upper and lower case', types: text, owner: [`1, 'x', 'y'`], copy: [`1, 'X', 'y'`], differing: ['1'] },
  {
    name: 'é as one and as two code points',
    types: text,
    owner: [`1, 'é', 'y'`],
    copy: [`1, 'e\u0301', 'y'`],
    differing: ['1'],
  },
  {
    name: 'a row that is there twice',
    types: text,
    owner: [`1, 'x', 'y'`, `2, 'x', 'y'`],
    copy: [`1, 'x', 'y'`, `2, 'x', 'y'`, `2, 'x', 'y'`, `2, 'x', 'y'`],
    differing: ['2'],
    isKeyless: true,
  },
  {
    name: 'values swapped between two rows',
    types: text,
    owner: [`1, 'x', 'z'`, `2, 'y', 'z'`],
    copy: [`1, 'y', 'z'`, `2, 'x', 'z'`],
    differing: ['1', '2'],
  },
  {
    name: 'values swapped between columns',
    types: text,
    owner: [`1, 'x', 'y'`],
    copy: [`1, 'y', 'x'`],
    differing: ['1'],
  },
  {
    name: 'microseconds cut',
    types: moment,
    owner: [`1, '2026-01-01 10:00:00.123456', null`],
    copy: [`1, '2026-01-01 10:00:00.123', null`],
    differing: ['1'],
  },
  {
    name: 'the sixth digit of a float',
    types: ['double precision', 'double'],
    owner: ['1, 1.23456, 0'],
    copy: ['1, 1.23457, 0'],
    differing: ['1'],
  },
  {
    name: '2^53 and 2^53 + 1',
    types: ['bigint', 'bigint'],
    owner: ['1, 9007199254740992, 0'],
    copy: ['1, 9007199254740993, 0'],
    differing: ['1'],
  },
]
