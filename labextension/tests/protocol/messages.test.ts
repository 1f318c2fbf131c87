// What the server says, held to the vectors that the Python side is held to.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  BadMessage,
  isFinal,
  readAnswer,
  readBatch,
  readBye,
  readGap,
  readReset,
  readStatus,
  readStreams,
  Refused,
} from '../../src/protocol/messages';

test('codes below 3500 are worth another try', () => {
  assert.equal(isFinal(3499), false);
  assert.equal(isFinal(3500), true);
});

test('a batch whose counts and payloads differ is no batch', () => {
  assert.throws(() => readBatch([[1, 0, 5, 3, 4], new Uint8Array()]), BadMessage);
});

test('a refusal carries its code', () => {
  assert.throws(
    () => readAnswer({ ok: false, code: 3507, message: 'no' }),
    (error: unknown) => error instanceof Refused && error.code === 3507 && error.message === 'no',
  );
});

test('payloads are read from array buffers and from views alike', () => {
  const payload = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
  const { payloads } = readBatch([[1, 0, 5, 1, 1], payload, new ArrayBuffer(3)]);
  assert.deepEqual(payloads, [new Uint8Array([2, 3]), new Uint8Array(3)]);
});

const VECTORS = '../tests/vectors/messages';

interface Vectors {
  message: string;
  accepted: { args: unknown[] }[];
  refused: unknown[][];
}

const readers = {
  batch: readBatch,
  bye: readBye,
  gap: readGap,
  reset: readReset,
  status: readStatus,
};

function withBytes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('base64' in value)) return value;
  return new Uint8Array(Buffer.from(String(value.base64), 'base64'));
}

for (const [name, read] of Object.entries(readers)) {
  const { message, accepted, refused } = JSON.parse(
    readFileSync(`${VECTORS}/${name}.json`, 'utf8'),
  ) as Vectors;

  test(`${message} is read as the other side reads it`, () => {
    for (const { args } of accepted) read(args.map(withBytes));
    for (const args of refused) {
      assert.throws(() => read(args.map(withBytes)), BadMessage, JSON.stringify(args));
    }
  });
}

test('$streams is a list of streams', () => {
  const entry = { id: 1, stream: 'loss', media: 'm', mode: 'every', epoch: 'a'.repeat(8) };
  const [stream] = readStreams([[{ ...entry, first: 2, next: 9, ended: true, later: 1 }]]);
  assert.deepEqual(stream, { ...entry, first: 2, next: 9, ended: true });
  assert.throws(() => readStreams([{}]), BadMessage);
});
