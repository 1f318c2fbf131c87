import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyOf } from '../src/signals';

test('the first signal that is aborted aborts, with its reason', () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const joined = anyOf(one.signal, other.signal);
  assert.equal(joined.aborted, false);
  other.abort('why');
  one.abort('later');
  assert.deepEqual([joined.aborted, joined.reason], [true, 'why']);
});

test('one that is aborted already aborts at once', () => {
  assert.equal(anyOf(new AbortController().signal, AbortSignal.abort()).aborted, true);
});
