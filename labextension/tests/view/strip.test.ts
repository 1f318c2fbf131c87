import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Strip } from '../../src/view/strip';

const ROW = 20;
const HEIGHT = 100;
/** At most 50 rows high. */
const strip = new Strip(ROW, 2, 50 * ROW);

test('few rows are where the scroll bar is', () => {
  assert.equal(strip.top(60, 40, HEIGHT), 60);
  const { from, to, above, below } = strip.shown(60, 40, HEIGHT);
  assert.deepEqual([from, to], [1, 11]);
  assert.deepEqual([above, below], [20, 29 * ROW]);
});

test('a table that fits is in the page as a whole', () => {
  assert.deepEqual(strip.shown(0, 3, HEIGHT), { from: 0, to: 3, above: 0, below: 0 });
  assert.deepEqual(strip.shown(0, 0, HEIGHT), { from: 0, to: 0, above: 0, below: 0 });
});

test('of more rows the strip grows no more, wherever it is scrolled to', () => {
  for (const top of [0, 777, 10_000, strip.end(1_000, HEIGHT)]) {
    const { from, to, above, below } = strip.shown(top, 1_000, HEIGHT);
    assert.ok(Math.abs(above + (to - from) * ROW + below - 50 * ROW) < 1e-6, `at ${top}`);
  }
});

test('the ends of the scroll bar are the first and the last row', () => {
  const rows = 1_000_000;
  const room = 50 * ROW - HEIGHT;
  assert.equal(strip.shown(strip.top(0, rows, HEIGHT), rows, HEIGHT).from, 0);
  const last = strip.shown(strip.top(room, rows, HEIGHT), rows, HEIGHT);
  assert.equal(last.to, rows);
  assert.ok(last.below < 1e-3);
});

test('the row at a place is drawn where the scroll bar is', () => {
  const [rows, scrollTop] = [1_000, 333];
  const top = strip.top(scrollTop, rows, HEIGHT);
  const { from, above } = strip.shown(top, rows, HEIGHT);
  const drawn = above + Math.floor(top / ROW) * ROW - from * ROW;
  assert.ok(drawn <= scrollTop && scrollTop < drawn + ROW);
});

test('a place comes back from its scroll bar', () => {
  const top = strip.top(strip.scrollTop(12_345, 1_000_000, HEIGHT), 1_000_000, HEIGHT);
  assert.ok(Math.abs(top - 12_345) < 1e-6);
});
