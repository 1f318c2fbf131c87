import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Twin } from '../../src/mirror/twin';
import type { State } from '../../src/protocol/widgetState';

function twins(state: State) {
  const shown: State[] = [];
  const waiting = new Set<() => void>();
  const twin = new Twin(
    state,
    values => shown.push(values),
    callback => {
      waiting.add(callback);
      return () => waiting.delete(callback);
    },
  );
  const settle = (): void => {
    for (const callback of [...waiting]) callback();
  };
  return { twin, shown, settle };
}

test('what the kernel changes is shown, and only that', () => {
  const { twin, shown } = twins({ value: 1, max: 9 });
  twin.tell({ value: 1, max: 9 });
  twin.tell({ value: 2, max: 9 });
  assert.deepEqual(shown, [{ value: 2 }]);
});

test('what the reader has set is not taken back by what was told before', () => {
  const { twin, shown, settle } = twins({ value: 1, max: 9 });
  twin.ask(['value']);
  twin.tell({ value: 2, max: 5 });
  assert.deepEqual(shown, [{ max: 5 }]);
  twin.answer(['value'], { value: 7 });
  twin.tell({ value: 3, max: 5 });
  twin.tell({ value: 7, max: 5 });
  assert.equal(shown.length, 1);
  settle();
  assert.deepEqual(shown[1], { value: 7 });
});

test('what the kernel made of a value is shown once that is settled', () => {
  const { twin, shown, settle } = twins({ value: 1 });
  twin.ask(['value']);
  twin.answer(['value'], { value: 8 });
  settle();
  assert.deepEqual(shown, [{ value: 8 }]);
  twin.tell({ value: 9 });
  assert.deepEqual(shown.at(-1), { value: 9 });
});

test('while the reader goes on nothing is settled', () => {
  const { twin, shown, settle } = twins({ value: 1 });
  twin.ask(['value']);
  twin.answer(['value'], { value: 2 });
  twin.ask(['value']);
  settle();
  assert.deepEqual(shown, []);
});

test('what was refused is as the kernel tells it, at once', () => {
  const { twin, shown } = twins({ value: 1 });
  twin.ask(['value']);
  twin.release(['value']);
  assert.deepEqual(shown, [{ value: 1 }]);
});

test('one that is left shows nothing more', () => {
  const { twin, shown, settle } = twins({ value: 1 });
  twin.answer(['value'], { value: 2 });
  twin.end();
  settle();
  assert.deepEqual(shown, []);
});
