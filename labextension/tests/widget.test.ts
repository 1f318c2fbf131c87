import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { lease } from '../src/widget/pool';

const KERNEL = { baseUrl: 'http://127.0.0.1:9/', kernelId: 'k-1' };

// Nothing listens there: these connections only ever try.
const open: AbortController[] = [];
const take = (streams: string[], target = KERNEL) => {
  const leaving = new AbortController();
  open.push(leaving);
  return { connection: lease(target, streams, leaving.signal), leaving };
};

afterEach(() => {
  for (const leaving of open.splice(0)) leaving.abort();
});

test('widgets of different streams share a connection', () => {
  assert.equal(take(['loss']).connection, take(['accuracy']).connection);
});

test('a second widget of the same stream has its own, with its own history', () => {
  assert.notEqual(take(['loss']).connection, take(['loss', 'accuracy']).connection);
});

test('different kernels share nothing', () => {
  const other = take(['loss'], { ...KERNEL, kernelId: 'k-2' });
  assert.notEqual(take(['loss']).connection, other.connection);
});

test('one that is left is closed, but not at once: whoever comes back finds it', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const first = take(['loss']);
  first.leaving.abort();
  const second = take(['loss']);
  t.mock.timers.tick(1_000);
  assert.equal(second.connection, first.connection);
  assert.equal(second.connection.state, 'connecting');
  second.leaving.abort();
  t.mock.timers.tick(1_000);
  assert.equal(second.connection.state, 'ended');
  assert.notEqual(take(['loss']).connection, second.connection);
});

test('one that is over is not shared', () => {
  const first = take(['loss']);
  first.connection.close();
  assert.notEqual(take(['accuracy']).connection, first.connection);
});
