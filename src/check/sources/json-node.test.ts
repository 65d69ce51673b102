import { expect, it } from 'vitest'
import { isObject, JsonList, JsonNumber, nodeText, parseJson, valueAt, writtenJson } from './json-node.ts'

const text =
  '{"meta": {"next": 9007199254740993, "a.b": "é"}, "data": [ {"id": 1.10}, [], null, true, "x\\n" ], "id": 1, "id": 2}'

it('values are found by their paths, with every digit, and the last of equal names', () => {
  const body = parseJson(text)
  expect(valueAt(body, 'meta.next')).toEqual(new JsonNumber('9007199254740993'))
  expect(valueAt(body, 'meta.a.b')).toBe('é')
  expect(valueAt(body, 'id')).toEqual(new JsonNumber('2'))
  expect([valueAt(body, 'data.id'), valueAt(body, '__proto__'), valueAt(body, 'meta.toString')]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})

it('items come one after the other, and stay as they are written', () => {
  const data = valueAt(parseJson(text), 'data')
  const items = data instanceof JsonList ? [...data.items()] : []
  expect(items.map(writtenJson)).toEqual(['{"id": 1.10}', '[]', 'null', 'true', '"x\\n"'])
  expect(items.map(isObject)).toEqual([true, false, false, false, false])
  expect(nodeText({ kind: 'json' }, items[0])).toBe('{"id": 1.1}')
})

it('what is no JSON is said at once, wherever it is wrong', () => {
  for (const wrong of ['', '{"a": [1, }', '[{"a": "\\x"}]', `{} {}`, '["a\u0001"]', 'undefined'])
    expect(() => parseJson(wrong), wrong).toThrow(SyntaxError)
})

it('a text of megabytes is read, and a key of it does not keep it', () => {
  const long = 'y'.repeat(3_000_000)
  const body = parseJson(`{"key": "0123456789abcdef", "long": "${long}", "escaped": "${long}\\u0041"}`)
  expect(valueAt(body, 'key')).toBe('0123456789abcdef')
  expect(valueAt(body, 'long') === long).toBe(true)
  expect(valueAt(body, 'escaped') === `${long}A`).toBe(true)
})
