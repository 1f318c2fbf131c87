import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readKernel } from '../../src/panel/kernel';
import { choices, isSame, readSource } from '../../src/panel/source';
import { entry, streamEntry } from './entries';

test('a stream is the same in the next kernel of its notebook', () => {
  const source = { kernelId: 'k-1', path: 'a.ipynb', stream: 'loss' };
  assert.ok(isSame(source, { ...source, kernelId: 'k-2' }));
  assert.ok(!isSame(source, { ...source, path: 'b.ipynb' }));
  assert.ok(!isSame({ ...source, path: '' }, { ...source, path: '', kernelId: 'k-2' }));
});

test('streams to pick from are named with their notebooks', () => {
  const kernel = readKernel(
    entry({ streams: ['loss', 'room'].map(stream => streamEntry({ stream })) }),
  )!;
  const all = choices([kernel]);
  assert.deepEqual(
    all.map(({ label }) => label),
    ['loss – a.ipynb', 'room – a.ipynb'],
  );
  const some = choices([kernel], ({ stream }) => stream === 'room');
  assert.deepEqual(some[0]!.source, { kernelId: 'k1', path: 'work/a.ipynb', stream: 'room' });
});

test('what was dropped, or kept, is a source or nothing', () => {
  const source = { kernelId: 'k-1', path: 'a.ipynb', stream: 'loss' };
  assert.deepEqual(readSource({ ...source, more: 1 }), source);
  assert.deepEqual(readSource({ kernelId: 'k-1', stream: 'loss' }), { ...source, path: '' });
  for (const wrong of [null, 'loss', {}, { ...source, kernelId: '../x' }, { ...source, stream: 1 }])
    assert.equal(readSource(wrong), null);
});
