/** Equal values that look different: of other types, scales, zones, orders or encodings. Nothing may be found in them. */
import { jsonAsText, type PerEngine } from './engine.ts'
import { alike, type TruthCase, type Values } from './truth-case.ts'

const pg = (sql: string): PerEngine => ({ pg: sql })
const maria = (sql: string): PerEngine => ({ maria: sql })
const both = (forPg: string, forMaria: string): PerEngine => ({ pg: forPg, maria: forMaria })
const text = both('text', 'longtext character set utf8mb4')
const micros = both('timestamp', 'datetime(6)')
const double = both('float8', 'double')
const single = both('float4', 'float')
const json = both('jsonb', 'json')
const chars = (value: string): PerEngine =>
  both(
    `convert_from('\\x${Buffer.from(value).toString('hex')}', 'UTF8')`,
    `convert(x'${Buffer.from(value).toString('hex')}' using utf8mb4)`,
  )
const id = '00000000-0000-7000-8000-0000000000ab'

const numbers: readonly TruthCase[] = [
  alike('1.10 and 1.1', ['numeric(12, 2)', '1.10', '0.00', '-1.50'], ['numeric(12, 1)', '1.1', '0.0', '-1.5']),
  alike('scales of 2 and 6', ['numeric(12, 2)', '1.10', '100', 'null'], ['numeric(20, 6)', '1.1', '100', 'null']),
  alike(
    'a numeric without scale',
    [pg('numeric'), pg('1.1000'), pg('100'), pg('1e2')],
    [pg('numeric(12, 2)'), pg('1.1'), pg('100'), pg('100')],
  ),
  alike(
    'a decimal rounded to cents, and one that was cut',
    ['numeric(12, 4)', '1.2350', '-1.2350', '0.0049', '1.2399', '-1.2399'],
    ['numeric(12, 2)', '1.24', '-1.24', '0', '1.23', '-1.23'],
  ),
  alike('a double and a float', [double, '0.1', '1e20', '16777216'], [single, '0.1', '1e20', '16777216']),
  alike('a double and a decimal', [double, '0.1', '1.5', '-0.01'], ['numeric(12, 2)', '0.1', '1.50', '-0.01']),
  alike('int and bigint', ['int', '0', '-1', '2147483647', 'null'], ['bigint', '0', '-1', '2147483647', 'null']),
  alike('smallint and bigint', ['smallint', '-32768', '7'], ['bigint', '-32768', '7']),
  alike(
    'a whole number and a decimal without digits',
    ['bigint', '7', '-7', '9007199254740993'],
    ['numeric(20, 0)', '7', '-7', '9007199254740993'],
  ),
  alike('a whole number and a decimal with zeros', ['int', '7', '0'], ['numeric(12, 2)', '7.00', '0.00']),
  alike('a decimal zero and its negative', ['numeric(12, 2)', '0', '0'], ['numeric(12, 2)', '-0.00', '-0']),
  alike(
    'numeric special values',
    [pg('numeric'), pg("'NaN'"), pg("'Infinity'"), pg("'-Infinity'")],
    [pg('numeric'), pg("'nan'"), pg("'inf'"), pg("'-inf'")],
  ),
  alike(
    'floats by other digits',
    [double, '0.1', '1e20', '1e-7', '123456.789'],
    [double, '0.1000000000000000055', '100000000000000000000', '0.0000001', '1.23456789e5'],
  ),
  alike(
    'float special values',
    [pg('float8'), pg("'NaN'"), pg("'Infinity'"), pg("'-0'")],
    [pg('float8'), pg("'nan'"), pg("'inf'"), pg("'-0.0'")],
  ),
  alike('the sign of a zero, which a decimal cannot hold', [double, both("'-0'", '-0e0')], ['numeric(12, 2)', '0']),
  alike('the sign of a zero, which MariaDB does not keep', [pg('float8'), pg("'-0'")], [maria('double'), maria('0')]),
  alike('the sign of a zero, which a whole number cannot hold', [double, both("'-0'", '-0e0')], ['int', '0']),
  alike(
    'an unsigned and a signed number',
    [maria('bigint unsigned'), '0', '9223372036854775807'],
    ['bigint', '0', '9223372036854775807'],
  ),
  alike(
    'an unsigned number and a decimal',
    [maria('bigint unsigned'), '18446744073709551615'],
    ['numeric(20, 0)', '18446744073709551615'],
  ),
  alike('zerofill', [maria('int(8) unsigned zerofill'), '7'], ['int', '7']),
  alike(
    'tinyint(1) and boolean',
    [maria('tinyint(1)'), '1', '0', 'null'],
    [both('boolean', 'boolean'), 'true', 'false', 'null'],
  ),
  alike('bit(1) and boolean', [maria('bit(1)'), "b'1'", "b'0'"], [both('boolean', 'boolean'), 'true', 'false']),
  alike('an oid and a bigint', [pg('oid'), pg('4294967295')], [pg('bigint'), pg('4294967295')]),
  alike('a serial and an int', [pg('serial'), pg('1')], [pg('int'), pg('1')]),
]

const texts: readonly TruthCase[] = [
  alike(
    'varchar and text',
    ['varchar(200)', "'Ada'", "''", 'null', chars('é😀'.slice(0, 1))],
    [text, "'Ada'", "''", 'null', chars('é')],
  ),
  alike('char(n) and its padding', ['char(10)', "'Ada'", "''"], [text, "'Ada'", "''"]),
  alike('char(n) of other lengths', ['char(10)', "'Ada'"], ['char(36)', "'Ada'"]),
  alike(
    'latin1 and utf8mb4',
    [maria('varchar(50) character set latin1'), chars('Äé'), "'a'"],
    [text, chars('Äé'), "'a'"],
  ),
  alike('utf8mb3 and utf8mb4', [maria('varchar(50) character set utf8mb3'), chars('Äé漢')], [text, chars('Äé漢')]),
  alike('ucs2 and utf8mb4', [maria('varchar(50) character set ucs2'), chars('Äé漢')], [text, chars('Äé漢')]),
  alike(
    'collations of other rules',
    [both('text collate "C"', 'varchar(50) collate utf8mb4_bin'), "'Ada'", "'ada'"],
    [both('text collate truth_insensitive', 'varchar(50) collate utf8mb4_general_ci'), "'Ada'", "'ada'"],
  ),
  alike(
    'an enum and a varchar',
    [both('truth_mood', "enum('sad', 'ok', 'happy')"), "'ok'", "'happy'", 'null'],
    ['varchar(20)', "'ok'", "'happy'", 'null'],
  ),
  alike('a set and its text', [maria("set('a', 'b', 'c')"), "'a,c'", "''"], [text, "'a,c'", "''"]),
  alike('a domain and its type', [pg('truth_domain'), pg("'a'")], [pg('text'), pg("'a'")]),
  alike('an emoji', [text, chars('👩‍👩‍👧'), chars('\ufeff')], ['varchar(50)', chars('👩‍👩‍👧'), chars('\ufeff')]),
  alike('a text of a megabyte', [text, "repeat('x', 1000000)"], [both('varchar', 'longtext'), "repeat('x', 1000000)"]),
  alike('an inet and its text', [pg('inet'), pg("'10.0.0.1/24'")], [pg('text'), pg("'10.0.0.1/24'")]),
  alike('a host and its text', [pg('inet'), pg("'10.0.0.1'"), pg("'::1'")], [text, "'10.0.0.1'", "'::1'"]),
  alike(
    'a host and an address of MariaDB',
    [pg('inet'), pg("'2001:db8::1'")],
    [maria('inet6'), maria("'2001:db8::1'")],
  ),
  alike('a uuid and a char(36) in capitals', [pg('uuid'), pg(`'${id}'`)], ['char(36)', `'${id.toUpperCase()}'`]),
  alike('a uuid and a char(36)', [pg('uuid'), pg(`'${id}'`), pg('null')], ['char(36)', `'${id}'`, 'null']),
  alike('a uuid written in other ways', [pg('uuid'), pg(`'${id}'`)], [pg('uuid'), pg(`'{${id.toUpperCase()}}'`)]),
  alike(
    'a uuid and its bytes',
    [both('uuid', 'uuid'), `'${id}'`],
    [both('bytea', 'binary(16)'), both(`'\\x${id.replaceAll('-', '')}'`, `x'${id.replaceAll('-', '')}'`)],
  ),
  alike(
    'a uuid and a uuid of MariaDB',
    [both('uuid', 'uuid'), `'${id}'`],
    [both('uuid', 'uuid'), `'${id.toUpperCase()}'`],
  ),
]

const times: readonly TruthCase[] = [
  alike(
    'moments told in other zones',
    [pg('timestamptz'), pg("'2026-01-31 08:00Z'"), pg("'2026-07-01 08:00Z'")],
    [pg('timestamptz'), pg("'2026-01-31 09:00+01'"), pg("'2026-07-01 13:45+05:45'")],
  ),
  alike(
    'a moment with and without zone',
    [both('timestamptz', 'datetime(6)'), both("'2026-01-31 08:00Z'", "'2026-01-31 08:00:00'")],
    [micros, "'2026-01-31 08:00:00'"],
  ),
  alike(
    'a datetime and a timestamp',
    [maria('datetime'), "'2026-01-31 08:00:00'"],
    [both('timestamptz', 'timestamp'), both("'2026-01-31 08:00Z'", 'from_unixtime(1769846400)')],
  ),
  alike(
    'seconds with other zeros',
    [micros, "'2026-01-31 08:00:00.250000'", "'2026-01-31 08:00:00.000000'"],
    [micros, "'2026-01-31 08:00:00.25'", "'2026-01-31 08:00:00'"],
  ),
  alike(
    'milliseconds and microseconds without rest',
    [both('timestamp(3)', 'datetime(3)'), "'2026-01-31 08:00:00.123'"],
    [micros, "'2026-01-31 08:00:00.123000'"],
  ),
  alike(
    'a moment rounded to seconds, and one that was cut',
    [micros, "'2026-01-31 08:00:00.999999'", "'2026-01-31 08:00:00.999999'", "'1969-12-31 23:59:59.25'"],
    [both('timestamp(0)', 'datetime'), "'2026-01-31 08:00:01'", "'2026-01-31 08:00:00'", "'1969-12-31 23:59:59'"],
  ),
  alike('a day and its first moment', ['date', "'2026-01-31'", 'null'], [micros, "'2026-01-31 00:00:00'", 'null']),
  alike(
    'the hour that comes twice',
    [pg('timestamptz'), pg("'2026-10-25 02:30 CEST'"), pg("'2026-10-25 02:30 CET'")],
    [
      both('timestamptz', 'datetime'),
      both("'2026-10-25 00:30Z'", "'2026-10-25 00:30:00'"),
      both("'2026-10-25 01:30Z'", "'2026-10-25 01:30:00'"),
    ],
  ),
  alike(
    'far away moments',
    [pg('timestamp'), pg("'infinity'"), pg("'0044-03-15 BC'"), pg("'10000-01-01'")],
    [pg('timestamptz'), pg("'infinity'"), pg("'0044-03-15 00:00Z BC'"), pg("'10000-01-01 00:00Z'")],
  ),
  alike(
    'a day and its midnight cast',
    ['date', "'2026-01-31'", "'2024-02-29'"],
    ['date', "'2026-01-31'", "'2024-02-29'"],
  ),
  alike('a time of day', ['time', "'08:00:00'"], [both('time(3)', 'time(3)'), "'08:00:00.000'"]),
  alike('an interval by other words', [pg('interval'), pg("'1 day 2 hours'")], [pg('interval'), pg("'P1DT2H'")]),
]

const structures: readonly TruthCase[] = [
  alike(
    'members in another order',
    [json, `'{"a": 1, "bb": [1, 2], "c": {"x": null, "y": true}}'`],
    [json, `'{"c": {"y": true, "x": null}, "bb": [1, 2], "a": 1}'`],
  ),
  alike('blanks in JSON', [json, `'{"a":1}'`, "'[1,2]'"], [json, `'{ "a" :  1 }'`, "'[ 1 , 2 ]'"]),
  alike('numbers in JSON with zeros', [json, `'{"a": 1.10, "b": [2.0]}'`], [json, `'{"a": 1.1, "b": [2]}'`]),
  alike('numbers in JSON with exponents', [json, `'{"a": 100}'`], [json, `'{"a": 1e2}'`]),
  alike('the sign of a zero, which JSON by its meaning has not', [pg('jsonb'), pg("'-0'")], [pg('jsonb'), pg("'0'")]),
  alike(
    'what only JSON by its text can hold',
    [jsonAsText, `'{"a": 1, "a": 2}'`, `'{"a": -0}'`],
    [pg('jsonb'), pg(`'{"a": 2}'`), pg(`'{"a": 0}'`)],
  ),
  alike(
    'members that come twice among others and blanks',
    [jsonAsText, `'{"b": 1, "a": -0.0, "a": 2}'`],
    [jsonAsText, `'{"a":-0,"a":2.0,"b":1}'`],
  ),
  alike('JSON and a text that holds it', [jsonAsText, `'{"a":1,"a":-0}'`], [text, `'{"a": 1, "a": -0.0}'`]),
  alike(
    'dates in JSON',
    [jsonAsText, `'{"at":"2026-01-01", "b":-0.5}'`],
    [jsonAsText, `'{"b": -0.50,"at": "2026-01-01"}'`],
  ),
  alike('where an array begins, which JSON cannot hold', [pg('int[]'), pg("'[0:1]={1,2}'")], [json, "'[1, 2]'"]),
  alike('an array that begins elsewhere', [pg('int[]'), pg("'[0:1]={1,2}'")], [pg('bigint[]'), pg("'[0:1]={1,2}'")]),
  alike(
    'arrays of floats and of decimals',
    [pg('float8[]'), pg("'{-0,0.1,1e20,NaN}'")],
    [pg('numeric[]'), pg("'{0,0.10,100000000000000000000,NaN}'")],
  ),
  alike('escapes in JSON', [json, `'{"a": "é"}'`], [json, `'{"a": "\\u00e9"}'`]),
  alike(
    'json and jsonb',
    [pg('json'), pg(`'{"b": 1,   "a": 2}'`), pg('null')],
    [pg('jsonb'), pg(`'{"a": 2, "b": 1}'`), pg('null')],
  ),
  alike(
    'an array of ints and of bigints',
    [pg('int[]'), pg("'{1,NULL,3}'"), pg("'{}'")],
    [pg('bigint[]'), pg("'{1, NULL, 3}'"), pg("'{}'")],
  ),
  alike(
    'an array of text and of varchar',
    [pg('text[]'), pg(`'{"a b",c}'`)],
    [pg('varchar[]'), pg("array['a b', 'c']")],
  ),
  alike(
    'bytes written in other ways',
    [both('bytea', 'varbinary(20)'), both("'\\x6100ff'", "x'6100ff'")],
    [both('bytea', 'longblob'), both("decode('YQD/', 'base64')", "unhex('6100FF')")],
  ),
]

interface Keyed {
  readonly type: PerEngine
  readonly keys: readonly PerEngine[]
}

/** Equal rows under keys of two types. */
function keyed(what: string, a: Keyed, b: Keyed): TruthCase {
  const side = ({ type, keys }: Keyed) => ({
    columns: { k: type, v: 'int' },
    rows: keys.map((key, i): Values => [key, String(i)]),
  })
  return { what, left: side(a), right: side(b), found: [] }
}

const keys: readonly TruthCase[] = [
  keyed('keys of int and bigint', { type: 'int', keys: ['-1', '0', '7'] }, { type: 'bigint', keys: ['-1', '0', '7'] }),
  keyed(
    'keys of int and text',
    { type: 'int', keys: ['-1', '0', '7'] },
    { type: 'varchar(20)', keys: ["'-1'", "'0'", "'7'"] },
  ),
  keyed(
    'keys of varchar and text',
    { type: 'varchar(50)', keys: ["'a'", "'B'", "''"] },
    { type: both('text', 'varchar(80)'), keys: ["'a'", "'B'", "''"] },
  ),
  keyed(
    'keys of char(n) with padding',
    { type: 'char(10)', keys: ["'a'", "'bb'"] },
    { type: 'varchar(10)', keys: ["'a'", "'bb'"] },
  ),
  keyed(
    'keys in collations that pad',
    { type: both('text', 'varchar(10) collate utf8mb4_general_ci'), keys: ["'a'", "'B'"] },
    { type: both('varchar(10)', 'varchar(10) collate utf8mb4_bin'), keys: ["'a'", "'B'"] },
  ),
  keyed(
    'keys that differ in case alone',
    { type: both('text', 'varchar(10) collate utf8mb4_general_ci'), keys: ["'a'", "'A'", "'a '"] },
    { type: both('text', 'varchar(10) collate utf8mb4_bin'), keys: ["'a'", "'A'", "'a '"] },
  ),
  keyed(
    'keys of uuid and char(36) in capitals',
    { type: pg('uuid'), keys: [pg(`'${id}'`)] },
    { type: 'char(36)', keys: [`'${id.toUpperCase()}'`] },
  ),
  keyed(
    'keys of uuid and text',
    { type: pg('uuid'), keys: [pg(`'${id}'`)] },
    { type: 'varchar(36)', keys: [`'${id}'`] },
  ),
  keyed(
    'keys of decimals of other scales',
    { type: 'numeric(12, 2)', keys: ['1.50', '2.00'] },
    { type: 'numeric(12, 4)', keys: ['1.5', '2'] },
  ),
  keyed(
    'keys of int and numeric',
    { type: 'int', keys: ['1', '2'] },
    { type: 'numeric(12, 2)', keys: ['1.00', '2.00'] },
  ),
  keyed('keys of hosts', { type: pg('inet'), keys: [pg("'10.0.0.1'")] }, { type: 'varchar(40)', keys: ["'10.0.0.1'"] }),
  keyed('keys of days', { type: 'date', keys: ["'2026-01-31'"] }, { type: 'date', keys: ["'2026-01-31'"] }),
  keyed(
    'keys of moments in other zones',
    { type: pg('timestamptz'), keys: [pg("'2026-01-31 08:00Z'")] },
    { type: pg('timestamptz'), keys: [pg("'2026-01-31 09:00+01'")] },
  ),
  keyed(
    'keys of an enum and its text',
    { type: both('truth_mood', "enum('sad', 'ok', 'happy')"), keys: ["'sad'", "'ok'"] },
    { type: 'varchar(10)', keys: ["'sad'", "'ok'"] },
  ),
  keyed(
    'the largest keys',
    { type: 'bigint', keys: ['9223372036854775807', '-9223372036854775808'] },
    { type: 'numeric(20, 0)', keys: ['9223372036854775807', '-9223372036854775808'] },
  ),
  keyed('no rows at all', { type: 'int', keys: [] }, { type: 'int', keys: [] }),
  keyed('no rows at all, under text keys', { type: 'varchar(10)', keys: [] }, { type: 'varchar(10)', keys: [] }),
]

/** All of them. */
export const alikeCases: readonly TruthCase[] = [...numbers, ...texts, ...times, ...structures, ...keys]
