import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCell, plainText } from '../../src/view/cell';

test('a value is shown as what it is', () => {
  const cell = (value: unknown) => formatCell(value, 'other', true);
  assert.deepEqual([null, undefined, 0.1 + 0.2, 12_345n, true, 'a'].map(cell), [
    '–',
    '–',
    '0.3',
    '12,345',
    'true',
    'a',
  ]);
});

test('nested values are JSON, integers of any size in it', () => {
  assert.equal(plainText({ a: [2n ** 60n, 0.5] }), '{"a":["1152921504606846976",0.5]}');
  assert.equal(plainText(new Uint8Array(3)), '3 bytes');
});

test('what is too long for a cell is cut', () => {
  assert.equal(formatCell('y'.repeat(1_000_000), 'text', true).length, 1_001);
});
