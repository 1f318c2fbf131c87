import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatNumber,
  formatSpec,
  formatTick,
  formatTime,
  dateOf,
  formatTimes,
  timeSpace,
  isSpec,
  logLabels,
  logTicks,
} from '../../src/view/format';

test('numbers have six significant digits and no needless zeros', () => {
  assert.equal(formatNumber(0.1 + 0.2), '0.3');
  assert.equal(formatNumber(1234567), (1234567).toLocaleString());
  assert.equal(formatNumber(0.000012345678), '1.23457e-5');
  assert.equal(formatNumber(-0), (0).toLocaleString());
});

test('what is no number says so', () => {
  assert.deepEqual([NaN, Infinity, -Infinity].map(formatNumber), ['NaN', '∞', '−∞']);
});

test('ticks have the digits that tell them apart', () => {
  assert.deepEqual(
    [0, 0.05, 0.1].map(value => formatTick(value, 0.05)),
    ['0.00', '0.05', '0.10'],
  );
  assert.deepEqual(
    [2e-6, 4e-6].map(value => formatTick(value, 2e-6)),
    ['2e-6', '4e-6'],
  );
  assert.deepEqual(
    [2.5, 5].map(value => formatTick(value, 2.5)),
    ['2.5', '5.0'],
  );
  assert.equal(formatTick(1500, 500), (1500).toLocaleString());
  assert.equal(formatTick(3e7, 1e7), '3e7');
});

// Each as Python's format(value, spec) writes it.
for (const [value, spec, text] of [
  [3.14159, '.3f', '3.142'],
  [1234567.891, ',.2f', '1,234,567.89'],
  [1234567, ',d', '1,234,567'],
  [0.1234, '.1%', '12.3%'],
  [12345.678, '.2e', '1.23e+04'],
  [1e-7, '.3g', '1e-07'],
  [1234567, '.3g', '1.23e+06'],
  [0.00012, 'g', '0.00012'],
  [5, '+.1f', '+5.0'],
  [-5, '+.1f', '-5.0'],
  [5, ' .0f', ' 5'],
  [1234.5, '_.1f', '1_234.5'],
  [2.5, 'f', '2.500000'],
  [1e20, '.0E', '1E+20'],
] as const) {
  test(`${value} as '${spec}' is ${text}`, () => {
    assert.ok(isSpec(spec));
    assert.equal(formatSpec(value, spec), text);
  });
}

test('a format that is not understood does not hide the number', () => {
  assert.equal(isSpec('>10'), false);
  assert.equal(formatSpec(1.5, '>10'), '1.5');
  assert.equal(formatSpec(NaN, '.3f'), 'NaN');
});

test('wall-clock times are shown as they were written', () => {
  assert.equal(formatTime(Date.UTC(2025, 9, 9, 8, 5, 3, 7), false), '2025-10-09 08:05:03.007');
  assert.equal(formatTime(1e300), 'no time');
});

test('the day stands below the first tick and where it changes', () => {
  const hour = 3_600_000;
  const start = Date.UTC(2025, 9, 9, 22);
  const labels = formatTimes(
    [0, 1, 2].map(i => start + i * hour),
    hour,
    false,
  );
  assert.deepEqual(labels, ['22:00\n2025-10-09', '23:00', '00:00\n2025-10-10']);
});

test('a logarithmic axis labels powers of ten, or every tick where there are too few', () => {
  const wide = logTicks(0.5, 200);
  assert.deepEqual(logLabels(wide).filter(Boolean), ['1', '10', '100']);
  assert.deepEqual(logLabels(logTicks(2, 5)), ['2', '3', '4', '5']);
  assert.ok(logTicks(1e-300, 1e300).length < 20);
  assert.deepEqual(logLabels(logTicks(1, 1e18, 3)), ['1', '1e6', '1e12', '1e18']);
});

test('labels of times have the room that they need, and no more', () => {
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 250, 500, 1_000, 5_000, 10_000, 15_000, 30_000];
  const stepOf = (seconds: number): number => {
    const perPixel = (seconds * 1_000) / 600;
    const step = steps.find(each => each >= timeSpace(perPixel) * perPixel)!;
    assert.ok(step / perPixel >= (step < 1_000 ? 12 : 8) * 7, `${seconds} s in steps of ${step}`);
    return step;
  };
  assert.deepEqual([1, 3, 5, 9, 30].map(stepOf), [200, 500, 1_000, 1_000, 5_000]);
});

test('a time is in the millisecond that has begun', () => {
  assert.deepEqual([1_000, 1_000.4, 1_000.9].map(dateOf), Array(3).fill(new Date(1_000)));
});
