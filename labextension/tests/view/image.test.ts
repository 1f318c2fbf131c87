import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Frames } from '../../src/view/image';
import { settled } from '../fake';

const bytes = (first: number): Uint8Array<ArrayBuffer> => Uint8Array.of(first);

function stage() {
  const decoding: { first: number; ready: (image: ImageBitmap) => void; broken: () => void }[] = [];
  const shown: unknown[] = [];
  const frames = new Frames(
    image => shown.push((image as unknown as { first: number }).first),
    () => shown.push('broken'),
    ([first]) =>
      new Promise((ready, broken) => {
        decoding.push({ first: first!, ready, broken });
      }),
  );
  const ready = async (): Promise<void> => {
    const { first, ready } = decoding.shift()!;
    ready({ first, close: () => undefined } as unknown as ImageBitmap);
    await settled();
  };
  return { frames, decoding, shown, ready };
}

test('images that come while one is decoded are passed over, but for the newest', async () => {
  const { frames, decoding, shown, ready } = stage();
  for (const first of [1, 2, 3]) frames.next(bytes(first), 'image/png');
  await ready();
  assert.equal(decoding.length, 1);
  await ready();
  assert.deepEqual(shown, [1, 3]);
});

test('one that cannot be read is told, and the next one is shown', async () => {
  const { frames, decoding, shown, ready } = stage();
  frames.next(bytes(1), 'image/png');
  decoding.shift()!.broken();
  await settled();
  frames.next(bytes(2), 'image/png');
  await ready();
  assert.deepEqual(shown, ['broken', 2]);
});
