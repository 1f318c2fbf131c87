import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noExtremes, Trace } from '../../src/view/trace';

const numbers = (...values: number[]): Float64Array => Float64Array.from(values);
const count = (rows: number, f: (row: number) => number): Float64Array =>
  Float64Array.from({ length: rows }, (_, row) => f(row));

/** Not random, but without a pattern that blocks of 64 could follow. */
const jumble = (row: number): number => ((row * 7919) % 10007) - 5000;

function filled(rows: number, capacity: number, step = rows): Trace {
  const trace = new Trace(capacity);
  const [xs, ys] = [count(rows, row => row), count(rows, jumble)];
  for (let from = 0; from < rows; from += step) {
    trace.append(xs, ys, from, Math.min(rows, from + step));
  }
  return trace;
}

test('extremes are those of a plain search, wherever the rows begin and end', () => {
  const trace = filled(20_000, 1_000_000, 777);
  for (const [from, to] of [
    [0, 20_000],
    [1, 2],
    [63, 65],
    [64, 128],
    [4095, 8193],
    [5000, 5000],
    [17, 19_983],
  ] as const) {
    const rows = Array.from(trace.ys.subarray(from, to));
    const positive = rows.filter(value => value > 0);
    assert.deepEqual(trace.extremes(from, to, noExtremes()), [
      rows.reduce((least, value) => Math.min(least, value), Infinity),
      rows.reduce((most, value) => Math.max(most, value), -Infinity),
      positive.reduce((least, value) => Math.min(least, value), Infinity),
    ]);
  }
});

test('NaN and infinities have no part in extremes', () => {
  const trace = new Trace(10_000);
  trace.append(numbers(0, 1, 2, 3), numbers(NaN, 5, Infinity, -Infinity), 0, 4);
  assert.deepEqual(trace.extremes(0, 4, noExtremes()), [5, 5, 5]);
});

test('when it is full the oldest rows leave and the newest stay', () => {
  const trace = filled(50_000, 16_384, 1000);
  assert.equal(trace.length + trace.dropped, 50_000);
  assert.ok(trace.length <= 16_384 && trace.length > 8_000, `${trace.length} rows`);
  assert.equal(trace.xs[0], trace.dropped);
  assert.equal(trace.xs[trace.length - 1], 49_999);
  const rows = Array.from(trace.ys.subarray(0, trace.length));
  assert.deepEqual(trace.extremes(0, trace.length, noExtremes()).slice(0, 2), [
    Math.min(...rows),
    Math.max(...rows),
  ]);
});

test('one append larger than the capacity leaves the newest rows too', () => {
  const trace = filled(100_000, 16_384);
  assert.equal(trace.xs[trace.length - 1], 99_999);
  assert.equal(trace.length + trace.dropped, 100_000);
});

test('absent values are left out, NaN stays and interrupts', () => {
  const trace = new Trace(10_000);
  trace.append(numbers(0, 1, 2), numbers(7, NaN, NaN), 0, 3, row => row === 1);
  assert.deepEqual(Array.from(trace.xs.subarray(0, trace.length)), [0, 2]);
  assert.ok(Number.isNaN(trace.ys[1]));
});

test('a row without x has no place', () => {
  const trace = new Trace(10_000);
  trace.append(numbers(0, NaN, Infinity, 3), numbers(1, 1, 1, 1), 0, 4);
  assert.equal(trace.length, 2);
});

test('a run ends where x goes back, not where it repeats', () => {
  const trace = new Trace(10_000);
  trace.append(numbers(0, 1, 1, 5, 2, 3), numbers(0, 0, 0, 0, 0, 0), 0, 6);
  trace.append(numbers(1, 9), numbers(0, 0), 0, 2);
  assert.equal(trace.runs, 3);
  assert.deepEqual([trace.runStart(1), trace.runEnd(1)], [4, 6]);
  assert.deepEqual(trace.range(), [0, 9]);
});

test('runs and breaks keep their rows when the oldest leave', () => {
  const trace = new Trace(8_192);
  trace.append(
    count(8_000, row => row),
    count(8_000, row => row),
    0,
    8_000,
  );
  trace.break(5, 'evicted');
  trace.append(
    count(4_000, row => row),
    count(4_000, row => row),
    0,
    4_000,
  );
  const [only] = trace.breaks;
  assert.equal(trace.xs[only!.row], 0);
  assert.equal(only!.missing, 5);
  assert.equal(trace.runs, 2);
  assert.equal(trace.runStart(1), only!.row);
});

test('holes that meet are one hole, and there are only so many', () => {
  const trace = new Trace(10_000);
  trace.break(2, 'evicted');
  trace.break(3, 'evicted');
  assert.deepEqual(trace.breaks, [{ row: 0, missing: 5, why: 'evicted' }]);
  for (let row = 0; row < 3_000; row++) {
    trace.append(numbers(row), numbers(row), 0, 1);
    trace.break(1, 'evicted');
  }
  assert.equal(trace.breaks.length, 1_000);
  assert.equal(trace.breaks.at(-1)!.row, 3_000);
});

test('the nearest row is found in the newest run that reaches there', () => {
  const trace = new Trace(10_000);
  trace.append(numbers(0, 10, 20, 8, 13), numbers(0, 0, 0, 0, 0), 0, 5);
  assert.equal(trace.nearest(9), 3);
  assert.equal(trace.nearest(12), 4);
  assert.equal(trace.nearest(19), 2);
  assert.equal(trace.nearest(21), null);
});

test('after clear it is as new', () => {
  const trace = filled(9_000, 100_000);
  trace.clear();
  trace.append(numbers(3), numbers(4), 0, 1);
  assert.deepEqual(trace.extremes(0, 1, noExtremes()), [4, 4, 4]);
  assert.deepEqual([trace.length, trace.runs, trace.dropped], [1, 1, 0]);
});
