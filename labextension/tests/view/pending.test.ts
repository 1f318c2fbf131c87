import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Delivery } from '../../src/protocol/delivery';
import { Pending } from '../../src/view/pending';

/** Frames and a clock that the test turns by hand. */
function stage(t: TestContext, { applyMs = 0, drawMs = 0 } = {}) {
  const frames: (() => void)[] = [];
  let now = 0;
  const page = globalThis as unknown as Record<string, unknown>;
  page.requestAnimationFrame = (then: () => void) => frames.push(then);
  page.cancelAnimationFrame = () => frames.splice(0);
  t.mock.method(performance, 'now', () => now);
  const seen = { applied: 0, drawn: 0, done: 0, frames };
  const leaving = new AbortController();
  const pending = new Pending(
    () => {
      seen.applied++;
      now += applyMs;
    },
    () => {
      seen.drawn++;
      now += drawMs;
    },
    leaving.signal,
  );
  const frame = (): void => {
    now += 16;
    for (const then of frames.splice(0)) then();
  };
  const rows = (): Delivery => ({ kind: 'rows', done: () => seen.done++ }) as unknown as Delivery;
  return { pending, seen, frame, rows, leaving };
}

test('what comes between two frames is drawn once, and then done', t => {
  const { pending, seen, frame, rows } = stage(t);
  for (let count = 0; count < 5; count++) pending.push(rows());
  assert.deepEqual([seen.applied, seen.drawn, seen.done, seen.frames.length], [0, 0, 0, 1]);
  frame();
  assert.deepEqual([seen.applied, seen.drawn, seen.done, seen.frames.length], [5, 1, 5, 0]);
});

test('a hidden page has no frames: nothing is done, so the window closes', t => {
  const { pending, seen, rows } = stage(t);
  for (let count = 0; count < 100; count++) pending.push(rows());
  assert.equal(seen.done, 0);
});

test('a long history is taken in over several frames', t => {
  const { pending, seen, frame, rows } = stage(t, { applyMs: 4 });
  for (let count = 0; count < 10; count++) pending.push(rows());
  frame();
  assert.equal(seen.applied, 3);
  for (let count = 0; count < 3; count++) frame();
  assert.deepEqual([seen.applied, seen.done, seen.frames.length], [10, 10, 0]);
});

test('a slow drawing takes at most half of the time, and the last one is not left out', t => {
  const { pending, seen, frame, rows } = stage(t, { drawMs: 48 });
  for (let count = 0; count < 8; count++) {
    pending.push(rows());
    frame();
  }
  assert.ok(seen.drawn <= 3, `${seen.drawn} drawings`);
  assert.equal(seen.done, 8);
  const before = seen.drawn;
  while (seen.frames.length > 0) frame();
  assert.equal(seen.drawn, before + 1);
});

test('after the end nothing is drawn', t => {
  const { pending, seen, frame, rows, leaving } = stage(t);
  pending.push(rows());
  leaving.abort();
  pending.push(rows());
  frame();
  assert.deepEqual([seen.applied, seen.drawn], [0, 0]);
});
