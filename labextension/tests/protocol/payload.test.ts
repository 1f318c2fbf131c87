import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ARROW, NDJSON } from '../../src/protocol/messages';
import { type Kind, readPayload, VALUE } from '../../src/protocol/payload';

interface Case {
  name: string;
  payload: string;
  kind: Kind;
  zoned: boolean;
  numbers: (number | null)[];
}

const cases = JSON.parse(readFileSync('tests/fixtures/payloads.json', 'utf8')) as Case[];
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const caseOf = (name: string): Case => cases.find(each => each.name === name)!;
const lines = (text: string): Uint8Array => new TextEncoder().encode(text);

for (const { name, payload, kind, zoned, numbers } of cases) {
  test(`an Arrow column of ${name} is read as numbers`, () => {
    const table = readPayload(ARROW, bytesOf(payload));
    const column = table.column(name)!;
    assert.equal(table.rows, numbers.length);
    assert.equal(column.kind, kind);
    assert.equal(column.zoned, zoned);
    // Nanoseconds since 1970 do not fit a double; a microsecond is as near as it gets.
    const read = [...column.numbers()].map(value => Math.round(value * 1e3) / 1e3);
    assert.deepEqual(
      read,
      numbers.map(value => value ?? NaN),
    );
  });
}

test('payloads are read wherever they begin in memory', () => {
  const { payload, numbers } = caseOf('int64');
  const bytes = bytesOf(payload);
  for (const shift of [1, 4, 7]) {
    const shifted = new Uint8Array(bytes.length + shift);
    shifted.set(bytes, shift);
    const table = readPayload(ARROW, shifted.subarray(shift));
    assert.deepEqual([...table.column('int64')!.numbers()], numbers);
  }
});

test('nulls are told from NaN', () => {
  const nulls = readPayload(ARROW, bytesOf(caseOf('nulls').payload)).column('nulls')!;
  assert.deepEqual(
    [0, 1, 2].map(row => nulls.isNull(row)),
    [false, true, false],
  );
  const floats = readPayload(ARROW, bytesOf(caseOf('float64').payload)).column('float64')!;
  assert.equal(floats.hasNulls, false);
});

test('a duration is in seconds, whatever its unit', () => {
  const column = readPayload(ARROW, bytesOf(caseOf('duration_us').payload)).column('duration_us')!;
  assert.equal(column.at(0), 1.5);
});

test('a column may have any name, and rows without it have nothing there', () => {
  const table = readPayload(NDJSON, lines('{"a": 1}\n{"toString": 2, "__proto__": {"b": 3}}'));
  assert.deepEqual(table.names, ['a', 'toString', '__proto__']);
  assert.deepEqual(
    ['toString', '__proto__'].map(name => table.column(name)!.at(0)),
    [null, null],
  );
  assert.deepEqual(table.column('__proto__')!.at(1), { b: 3 });
});

test('large whole numbers are shown exactly', () => {
  const column = readPayload(ARROW, bytesOf(caseOf('int64').payload)).column('int64')!;
  assert.equal(column.at(2), 2n ** 53n + 2n);
});

test('text is read as text, categories too', () => {
  const text = readPayload(ARROW, bytesOf(caseOf('text').payload)).column('text')!;
  assert.deepEqual([text.at(0), text.at(1), text.at(2)], ['a', null, 'ü']);
  const category = readPayload(ARROW, bytesOf(caseOf('category').payload)).column('category')!;
  assert.deepEqual([category.at(0), category.at(1)], ['a', 'b']);
});

test('what is not Arrow raises', () => {
  assert.throws(() => readPayload(ARROW, lines('this is not Arrow, but it is long enough')));
});

test('JSON objects are rows of a table whose columns may come later', () => {
  const table = readPayload(NDJSON, lines('{"a":1}\n{"a":2,"b":"x"}\n'));
  assert.deepEqual(table.names, ['a', 'b']);
  assert.deepEqual([...table.column('a')!.numbers()], [1, 2]);
  assert.equal(table.column('b')!.isNull(0), true);
  assert.equal(table.column('b')!.kind, 'text');
});

test('JSON values that are no objects are one column', () => {
  const table = readPayload(NDJSON, lines('1\n2.5\nnull\n'));
  assert.deepEqual([...table.column(VALUE)!.numbers()], [1, 2.5, NaN]);
});

test('a blob is one row', () => {
  const table = readPayload('image/png', new Uint8Array([1, 2]));
  assert.equal(table.rows, 1);
  assert.deepEqual(table.column(VALUE)!.at(0), new Uint8Array([1, 2]));
});
