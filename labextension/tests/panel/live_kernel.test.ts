import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readKernel } from '../../src/panel/kernel';
import { LiveKernel } from '../../src/panel/live_kernel';
import { FakeWorld, payload, settled } from '../fake';
import { entry, streamEntry } from './entries';

const STATUS = { kernel: 'idle', publisher: 'online', since: 0 };
const KERNEL = readKernel(
  entry({ streams: [streamEntry({ next: 3 }), streamEntry({ id: 2, stream: 'eye', media: 'image/png' })] }), // prettier-ignore
)!;

async function watching() {
  const world = new FakeWorld();
  const live = new LiveKernel({ baseUrl: '/user/a%40b/', kernelId: 'k1' }, world);
  live.watch(KERNEL, true);
  await settled();
  world.socket.happens('connect');
  world.socket.says('$status', STATUS);
  return { world, live };
}

const answer = {
  ok: true,
  id: 1,
  media: KERNEL.streams[0]!.media,
  mode: 'every',
  epoch: 'aaaaaaaa',
};

async function tasted() {
  const { world, live } = await watching();
  const asked = world.socket.last('$subscribe');
  asked.answer!({ ...answer, first: 0, next: 3, start: 0, recovered: false, waiting: false });
  world.socket.says('$batch', [1, 0, 0, 3], payload('float64'));
  return { world, live };
}

describe('a kernel that is looked at', () => {
  test('has its tables watched for some rows of the history, not its images', async () => {
    const { world } = await watching();
    assert.equal(world.socket.count('$subscribe'), 1);
    const [wanted] = world.socket.last('$subscribe').args as [Record<string, unknown>];
    assert.deepEqual([wanted.stream, wanted.tail], ['loss', 120]);
  });

  test('has only the newest watched once the history has come', async () => {
    const { world, live } = await tasted();
    assert.equal(live.tail('loss')!.points.length, 3);
    const [wanted] = world.socket.last('$subscribe').args as [Record<string, unknown>];
    assert.deepEqual([wanted.mode, wanted.since], ['latest', ['aaaaaaaa', 3]]);
  });

  test('is asked for more only some time later, however fast its streams are', async () => {
    const { world } = await tasted();
    const asked = world.socket.last('$subscribe');
    const mode = { mode: 'latest', recovered: true, waiting: false };
    asked.answer!({ ...answer, ...mode, first: 0, next: 6, start: 3 });
    world.socket.says('$batch', [1, 3, 0, 3], payload('float64'));
    await settled();
    assert.equal(world.socket.count('$ack'), 0);
    assert.equal(world.due, 250);
    await world.pass();
    assert.deepEqual(world.socket.last('$ack').args, [[1, 6]]);
  });

  test('has every event told, and its answer to one that was sent', async () => {
    const { world, live } = await watching();
    world.socket.says('checkpoint', { step: 20 });
    const sending = live.send('faster', '2');
    await settled();
    assert.deepEqual(world.socket.last('faster').args, [2]);
    world.socket.last('faster').answer!({ ok: true, value: 'done' });
    await sending;
    assert.deepEqual(
      live.log.lines.map(({ way, event, text }) => [way, event, text]),
      [
        ['came', 'checkpoint', '{"step":20}'],
        ['sent', 'faster', '2'],
        ['answered', 'faster', '"done"'],
      ],
    );
  });

  test('tells why an event was refused', async () => {
    const { world, live } = await watching();
    const sending = live.send('stop', '');
    await settled();
    world.socket.last('stop').answer!({ ok: false, code: 3506, message: 'no such handler' });
    await sending;
    const last = live.log.lines.at(-1)!;
    assert.deepEqual([last.way, last.text], ['refused', 'no such handler']);
  });

  test('can be reached while a publisher listens', async () => {
    const { world, live } = await watching();
    assert.ok(live.reachable);
    world.socket.says('$status', { ...STATUS, publisher: 'offline' });
    assert.ok(!live.reachable);
  });

  test('is left when nobody looks, and keeps its events', async () => {
    const { world, live } = await watching();
    world.socket.says('checkpoint');
    live.rest();
    assert.ok(world.socket.closed);
    assert.equal(live.log.lines.length, 1);
    assert.equal(live.tail('loss'), null);
  });
});
