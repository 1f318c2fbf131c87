import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Directory } from '../../src/panel/directory';
import { FakeWorld, settled } from '../fake';
import { entry } from './entries';

const PASS = { origin: 'http://host', path: '/jupyter-sio/socket.io/', namespace: '/kernels' };

class Lister {
  answer: unknown[] | 'refused' | null = [];
  kernels = (): Promise<unknown[] | 'refused' | null> => Promise.resolve(this.answer);
}

function start() {
  const [world, lister, ending] = [new FakeWorld(), new Lister(), new AbortController()];
  const directory = new Directory({ ...PASS, query: {} }, lister, world, ending.signal);
  const names = (): string[] => [...directory.kernels.values()].map(({ name }) => name);
  return { world, lister, ending, directory, names };
}

function live(...entries: object[]) {
  const started = start();
  started.world.socket.happens('connect');
  started.world.socket.says('$namespaces', entries);
  return started;
}

describe('the directory', () => {
  test('is live when the server has told what there is', () => {
    const { directory, names } = live(entry());
    assert.equal(directory.state, 'live');
    assert.deepEqual(names(), ['a.ipynb']);
  });

  test('follows one kernel that changes, and tells', () => {
    const { directory, names, world } = live(entry(), entry({ kernel_id: 'k2', name: 'b.ipynb' }));
    let told = 0;
    directory.addEventListener('change', () => told++);
    world.socket.says('$namespace', entry({ name: 'renamed.ipynb' }));
    assert.deepEqual(names(), ['renamed.ipynb', 'b.ipynb']);
    assert.equal(told, 1);
  });

  test('comes back after a lost connection, and shows what it knew until then', async () => {
    const { directory, names, world } = live(entry());
    world.socket.happens('disconnect', 'transport close');
    assert.equal(directory.state, 'reconnecting');
    assert.deepEqual(names(), ['a.ipynb']);
    await world.pass();
    world.socket.says('$namespaces', []);
    assert.equal(directory.state, 'live');
    assert.deepEqual(names(), []);
  });

  test('comes back when the server said, not before', () => {
    const { world } = live();
    world.socket.says('$bye', { code: 3001, reason: 'shutting down', retry_ms: 4321 });
    assert.ok(world.due! >= 4321);
  });

  test('gives up where one may not watch', async () => {
    const { directory, lister, world } = start();
    lister.answer = 'refused';
    world.socket.happens('connect_error', new Error('websocket error'));
    await settled();
    assert.equal(directory.state, 'refused');
    assert.equal(world.due, null);
  });

  test('tries again where nobody answers', async () => {
    const { directory, lister, world } = start();
    lister.answer = null;
    world.socket.happens('connect_error', new Error('websocket error'));
    await settled();
    assert.equal(directory.state, 'reconnecting');
    assert.notEqual(world.due, null);
  });

  test('asked anew, drops the kernels that are gone', async () => {
    const { directory, lister, names } = live(entry(), entry({ kernel_id: 'k2', name: 'b.ipynb' }));
    lister.answer = [entry({ kernel_id: 'k2', name: 'b.ipynb' })];
    await directory.refresh();
    assert.deepEqual(names(), ['b.ipynb']);
  });

  test('ended, leaves and does not come back', () => {
    const { ending, world } = live();
    ending.abort();
    assert.ok(world.socket.closed);
    world.socket.happens('disconnect', 'io client disconnect');
    assert.equal(world.due, null);
  });
});
