import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCsv } from '../../src/page/csv';
import { ARROW } from '../../src/protocol/messages';
import { readPayload } from '../../src/protocol/payload';
import { payload } from '../fake';
import { tableOf } from '../tables';

const csv = (...parts: unknown[][]): string =>
  toCsv(parts.map(values => ({ table: tableOf(values), skip: 0 }))).join('');

test('every column that any payload has, absent values empty', () => {
  assert.equal(csv([{ a: 1, b: 2 }], [{ c: true, a: null }]), 'a,b,c\r\n1,2,\r\n,,true\r\n');
});

test('what would break a line or a cell is quoted; an empty text is not nothing', () => {
  const text = csv([{ 'a,b': 'say "hi"' }, { 'a,b': 'two\nlines' }, { 'a,b': '' }]);
  assert.equal(text, '"a,b"\r\n"say ""hi"""\r\n"two\nlines"\r\n""\r\n');
});

test('nested values are JSON', () => {
  assert.equal(csv([{ box: [1, 2] }]), 'box\r\n"[1,2]"\r\n');
});

test('rows that were skipped are left out', () => {
  const table = readPayload(ARROW, payload('float64'));
  const lines = toCsv([{ table, skip: 2 }])
    .join('')
    .trim()
    .split('\r\n');
  assert.equal(lines.length, 2);
});
