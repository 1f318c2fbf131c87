import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decimate, Points, type Viewport } from '../../src/view/decimate';
import { Trace } from '../../src/view/trace';

const jumble = (row: number): number => ((row * 7919) % 10007) - 5000;

function traceOf(xs: readonly number[], ys: readonly number[]): Trace {
  const trace = new Trace(10_000_000);
  trace.append(Float64Array.from(xs), Float64Array.from(ys), 0, xs.length);
  return trace;
}

const rising = (rows: number): number[] => Array.from({ length: rows }, (_, row) => row);

function pointsOf(trace: Trace, viewport: Viewport, budget?: number): [number, number][] {
  const points = new Points();
  decimate(trace, viewport, points, budget);
  return Array.from({ length: points.length }, (_, index) => [
    points.xs[index]!,
    points.ys[index]!,
  ]);
}

/** What a column of pixels shows: the first, the least, the greatest and the last of its values. */
function columnsOf(points: readonly (readonly [number, number])[], viewport: Viewport) {
  const scale = viewport.columns / (viewport.max - viewport.min);
  const columns = new Map<number, number[]>();
  for (const [x, y] of points) {
    const column = Math.floor((x - viewport.min) * scale);
    if (Number.isNaN(y) || column < 0 || column >= viewport.columns) continue;
    columns.set(column, [...(columns.get(column) ?? []), y]);
  }
  return new Map(
    [...columns].map(([column, ys]) => [
      column,
      { first: ys[0], min: Math.min(...ys), max: Math.max(...ys), last: ys.at(-1) },
    ]),
  );
}

for (const [rows, viewport] of [
  [50_000, { min: 0, max: 49_999, columns: 800 }],
  [50_000, { min: 12_345.6, max: 23_456.7, columns: 333 }],
  [5_000, { min: -100, max: 9_999, columns: 1_000 }],
] as const) {
  test(`every pixel column of ${viewport.columns} shows what all its rows would`, () => {
    const xs = rising(rows);
    const ys = xs.map(jumble);
    const all = xs.map((x, row) => [x, ys[row]!] as const);
    const drawn = pointsOf(traceOf(xs, ys), viewport);
    assert.deepEqual(columnsOf(drawn, viewport), columnsOf(all, viewport));
    assert.ok(drawn.length <= 4 * viewport.columns + 8, `${drawn.length} points`);
  });
}

test('few rows are drawn as they are, with a neighbour on each side', () => {
  const trace = traceOf(rising(10), rising(10));
  const drawn = pointsOf(trace, { min: 3, max: 5, columns: 100 });
  assert.deepEqual(
    drawn.map(([x]) => x),
    [2, 3, 4, 5, 6],
  );
});

test('a single spike among a million rows is not lost', () => {
  const xs = rising(1_000_000);
  const ys = xs.map(row => (row === 654_321 ? 99 : 0));
  const drawn = pointsOf(traceOf(xs, ys), { min: 0, max: 1_000_000, columns: 500 });
  assert.equal(Math.max(...drawn.map(([, y]) => y)), 99);
});

test('the line is interrupted at NaN and at a break, and nowhere else', () => {
  const trace = traceOf([0, 1, 2], [5, NaN, 7]);
  trace.append(Float64Array.of(3, 4), Float64Array.of(8, 9), 0, 1);
  trace.break(10, 'evicted');
  trace.append(Float64Array.of(3, 4), Float64Array.of(8, 9), 1, 2);
  const drawn = pointsOf(trace, { min: 0, max: 10, columns: 100 });
  assert.deepEqual(
    drawn.map(([, y]) => y),
    [5, NaN, 7, 8, NaN, 9],
  );
});

test('a break between two crowded pixel columns interrupts the line', () => {
  const trace = traceOf(rising(500), rising(500));
  trace.break(100, 'evicted');
  const more = Float64Array.from({ length: 500 }, (_, row) => 600 + row);
  trace.append(more, more, 0, 500);
  const drawn = pointsOf(trace, { min: 0, max: 1_100, columns: 11 });
  const lifted = drawn.findIndex(([, y]) => Number.isNaN(y));
  assert.equal(drawn[lifted - 1]![0], 499);
  assert.equal(drawn[lifted + 1]![0], 600);
});

test('NaN in a crowded pixel column does not hide the other rows', () => {
  const ys = rising(1_000).map(row => (row % 100 === 0 ? NaN : row));
  const drawn = pointsOf(traceOf(rising(1_000), ys), { min: 0, max: 1_000, columns: 10 });
  const heights = drawn.map(([, y]) => y).filter(y => !Number.isNaN(y));
  assert.deepEqual([Math.min(...heights), Math.max(...heights)], [1, 999]);
});

test('where x goes back, the line goes back', () => {
  const trace = traceOf([0, 5, 10, 2, 4], [0, 1, 2, 3, 4]);
  const drawn = pointsOf(trace, { min: 0, max: 10, columns: 100 });
  assert.deepEqual(
    drawn.map(([x]) => x),
    [0, 5, 10, 2, 4],
  );
});

test('beyond the budget the newest runs are drawn, and that is told', () => {
  const xs = rising(10_000).map(row => row % 10);
  const points = new Points();
  const viewport = { min: 0, max: 10, columns: 100 };
  const trace = traceOf(xs, rising(10_000));
  assert.equal(decimate(trace, viewport, points, 500), false);
  assert.ok(points.length <= 510, `${points.length} points`);
  assert.equal(points.ys[points.length - 1], 9_999);
  assert.equal(decimate(trace, viewport, points), true);
});

test('nothing in view draws nothing but the neighbours', () => {
  const trace = traceOf([0, 1], [0, 1]);
  assert.deepEqual(pointsOf(trace, { min: 5, max: 6, columns: 10 }), [[1, 1]]);
  assert.deepEqual(pointsOf(new Trace(10), { min: 5, max: 6, columns: 10 }), []);
});
