import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tally } from '../../src/view/tally';
import { rowsOf } from '../tables';

test('rows, holes by their reason, and what was left out on purpose', () => {
  const tally = new Tally();
  tally.take(rowsOf(0, [1, 2, 3]), 0);
  tally.take({ kind: 'gap', stream: 's', start: 3, end: 1_003, why: 'publisher_overflow' }, 0);
  tally.take({ kind: 'gap', stream: 's', start: 1_003, end: 1_005, why: 'conflated' }, 0);
  assert.equal(tally.rows, 3);
  assert.deepEqual(tally.tell(), ['1,000 missing (publisher overflow)', '2 skipped', '']);
});

test('a new life counts from the start, and says when it began', () => {
  const tally = new Tally();
  tally.take(rowsOf(0, [1]), 0);
  tally.take({ kind: 'begun', stream: 's', epoch: 'e', recovered: true }, 5_000);
  assert.deepEqual([tally.rows, tally.begunAt], [1, null]);
  tally.take({ kind: 'begun', stream: 's', epoch: 'f', recovered: false }, 5_000);
  assert.deepEqual([tally.rows, tally.begunAt, tally.updated()], [0, 5_000, '']);
});
