import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Held } from '../../src/page/held';
import { rowsOf } from '../tables';

test('another view is given all that is held, holes in their places', () => {
  const held = new Held();
  held.take(rowsOf(0, [{ v: 0 }]));
  held.take({ kind: 'gap', stream: 's', start: 1, end: 5, why: 'evicted' });
  held.take(rowsOf(5, [{ v: 5 }, { v: 6 }]));
  const told = [...held.replay()].map(each => ('start' in each ? [each.kind, each.start] : []));
  assert.deepEqual(told, [
    ['rows', 0],
    ['gap', 1],
    ['rows', 5],
  ]);
});

test('of images the newest is held', () => {
  const held = new Held();
  const image = rowsOf(0, [1]);
  const [column] = [{ at: () => Uint8Array.of(7) }];
  image.table = { rows: 1, names: ['value'], column: () => column as never };
  held.take(image);
  assert.deepEqual(
    [held.newest, held.rows.length, [...held.replay()].length],
    [Uint8Array.of(7), 0, 1],
  );
});

test('a new life holds nothing of the old', () => {
  const held = new Held();
  held.take(rowsOf(0, [{ v: 0 }]));
  held.take({ kind: 'begun', stream: 's', epoch: 'f', recovered: false });
  assert.deepEqual([[...held.replay()], held.came, held.rows.length], [[], 0, 0]);
});
