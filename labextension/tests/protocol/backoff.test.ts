import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff } from '../../src/protocol/backoff';

test('the first wait is anything up to half a second', () => {
  assert.equal(backoff(0, 0), 0);
  assert.equal(backoff(0, 1), 500);
});

test('waits double and stay below ten seconds for ever', () => {
  const longest = [0, 1, 2, 3, 4, 5, 1_000_000].map(attempt => backoff(attempt, 1));
  assert.deepEqual(longest, [500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
});

test('what the server asks for wins', () => {
  assert.equal(backoff(7, 0.5, 1234), 1234);
  assert.equal(backoff(7, 0.5, 0), 0);
});
