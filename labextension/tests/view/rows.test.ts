import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rows } from '../../src/view/rows';
import { rowsOf, tableOf } from '../tables';

const MANY = { rows: 1_000_000, bytes: 1_000_000_000 };

const read = (rows: Rows, column = 'v'): unknown[] =>
  Array.from({ length: rows.length }, (_, index) => {
    const { table, row } = rows.find(index)!;
    return table.column(column)?.at(row);
  });

test('rows are found by their place, across parts, skips and holes', () => {
  const rows = new Rows(MANY);
  rows.append(rowsOf(10, [{ v: 0 }, { v: 1 }]));
  rows.append(rowsOf(20, [{ v: 8 }, { v: 2 }], 1));
  assert.deepEqual(read(rows), [0, 1, 2]);
  assert.equal(rows.find(2)!.number, 20);
  assert.equal(rows.find(3), null);
  assert.equal(rows.find(-1), null);
});

test('many small payloads become one, with every column that any of them has', () => {
  const rows = new Rows(MANY);
  for (let row = 0; row < 64; row++) rows.append(rowsOf(row, [row === 63 ? { w: 1 } : { v: row }]));
  assert.equal(rows.parts.length, 1);
  assert.deepEqual(read(rows).slice(60), [60, 61, 62, null]);
  assert.deepEqual([...rows.columns.keys()], ['v', 'w']);
  assert.equal(rows.parts[0]!.table.column('v')!.kind, 'number');
  assert.equal(rows.bytes, 640);
});

test('rows on both sides of a hole are not merged', () => {
  const rows = new Rows(MANY);
  for (let row = 0; row < 40; row++) rows.append(rowsOf(row, [{ v: row }]));
  for (let row = 50; row < 90; row++) rows.append(rowsOf(row, [{ v: row }]));
  assert.equal(rows.parts.length, 80);
  assert.equal(rows.find(40)!.number, 50);
});

test('the oldest leave when there are too many or too large; the newest part stays', () => {
  const rows = new Rows({ rows: 5, bytes: 35 });
  for (let row = 0; row < 12; row += 2) rows.append(rowsOf(row, [{ v: row }, { v: row + 1 }]));
  assert.deepEqual([rows.length, rows.dropped, rows.bytes], [2, 10, 20]);
  rows.append({ table: tableOf([{ v: 1 }]), skip: 0, start: 12, bytes: 1_000 });
  assert.deepEqual([rows.length, rows.find(0)!.number], [1, 12]);
});

test('after clear it is as new', () => {
  const rows = new Rows(MANY);
  rows.append(rowsOf(0, [{ v: 0 }]));
  rows.clear();
  rows.append(rowsOf(0, [{ w: 5 }]));
  assert.deepEqual([read(rows, 'w'), [...rows.columns.keys()]], [[5], ['w']]);
});
