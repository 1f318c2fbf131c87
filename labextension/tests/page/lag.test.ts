import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lag, tellLag } from '../../src/page/lag';

test('the quickest rows seen are the measure, whatever the clocks say', () => {
  const lag = new Lag();
  lag.came('s', 1, 1_000_000, 5_000);
  assert.equal(tellLag(lag, 5_000), 'lag < 0.1 s');
  lag.came('s', 2, 1_001_000, 7_500);
  assert.equal(tellLag(lag, 7_500), 'lag 1.5 s');
});

test('history is no lag, but rows to come', () => {
  const lag = new Lag();
  lag.expect('s', 2_000);
  lag.came('s', 500, 0, 9_000_000);
  assert.equal(tellLag(lag, 9_000_000), 'catching up: 1,500 to come');
  lag.came('s', 2_000, 0, 9_000_000);
  assert.equal(tellLag(lag, 9_000_000), '');
});

test('rows that will not come are not waited for', () => {
  const lag = new Lag();
  lag.expect('s', 2_000);
  lag.came('s', 500, 0, 0);
  lag.settled('s', 2_000);
  assert.equal(lag.behind, 0);
});

test('where no rows come nothing is known', () => {
  const lag = new Lag();
  lag.came('s', 1, 0, 0);
  assert.equal(tellLag(lag, 4_000), '');
});

test('a stream that begins anew is not behind any more', () => {
  const lag = new Lag();
  lag.expect('s', 100);
  lag.came('s', 10, 0, 0);
  lag.expect('s', 0);
  assert.equal(lag.behind, 0);
});
