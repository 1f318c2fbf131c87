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

function leaveAll(): void {
  for (const leaving of open.splice(0)) leaving.abort();
}

afterEach(leaveAll);

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

test('the last to leave closes it, and whoever comes then gets a new one', () => {
  const first = take(['loss']);
  const second = take(['accuracy']);
  first.leaving.abort();
  assert.equal(second.connection.state, 'connecting');
  assert.equal(take(['loss']).connection, second.connection);
  leaveAll();
  assert.equal(second.connection.state, 'ended');
  assert.notEqual(take(['loss']).connection, second.connection);
});

test('one that is over is not shared', () => {
  const first = take(['loss']);
  first.connection.close();
  assert.notEqual(take(['accuracy']).connection, first.connection);
});
