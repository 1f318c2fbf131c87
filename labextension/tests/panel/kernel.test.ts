import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inOrder, type Kernel, kernelFor, nameOf, readKernel } from '../../src/panel/kernel';
import { entry, streamEntry } from './entries';

const kernel = (fields: object): Kernel => readKernel(entry(fields))!;

describe('an entry of the directory', () => {
  test('is read with what each stream holds and how fast it grows', () => {
    const { streams } = kernel({ streams: [streamEntry({ bytes: 1000, rows_per_second: 2.5 })] });
    assert.equal(streams[0]!.stream, 'loss');
    assert.deepEqual([streams[0]!.bytes, streams[0]!.rowsPerSecond], [1000, 2.5]);
  });

  test('of a server that tells less is read all the same', () => {
    const read = readKernel({ kernel_id: 'k', state: 'idle' })!;
    assert.deepEqual([read.streams, read.viewers, read.started], [[], 0, 0]);
  });

  test('without a kernel is none', () => {
    for (const value of [null, 'x', {}, { kernel_id: '' }]) assert.equal(readKernel(value), null);
  });

  test('goes by its notebook, or by the beginning of its id', () => {
    assert.equal(nameOf(kernel({ name: 'a.ipynb' })), 'a.ipynb');
    assert.equal(nameOf(kernel({ kernel_id: '0123456789', name: '' })), '01234567');
  });
});

describe('kernels', () => {
  test('that run stand before those that have ended, each by name', () => {
    const kernels = [
      kernel({ kernel_id: '1', name: 'a', state: 'dead' }),
      kernel({ kernel_id: '2', name: 'c' }),
      kernel({ kernel_id: '3', name: 'b' }),
    ];
    assert.deepEqual(
      inOrder(kernels).map(({ id }) => id),
      ['3', '2', '1'],
    );
  });
});

describe('a tab', () => {
  const shown = { kernelId: 'old', path: 'a.ipynb', stream: 'loss' };
  const kernels = (...entries: object[]): Map<string, Kernel> =>
    new Map(entries.map(kernel).map(each => [each.id, each]));
  const next = { kernel_id: 'next', path: 'a.ipynb' };

  test('stays with its kernel while that runs', () => {
    assert.equal(kernelFor(kernels(next, { kernel_id: 'old', path: 'a.ipynb' }), shown), 'old');
  });

  test("goes on with the notebook's next kernel", () => {
    const ended = { kernel_id: 'old', path: 'a.ipynb', state: 'dead' };
    assert.equal(kernelFor(kernels(ended, next), shown), 'next');
    assert.equal(kernelFor(kernels(next), shown), 'next');
  });

  test('of no notebook stays where it is', () => {
    const nameless = { ...shown, path: '' };
    assert.equal(kernelFor(kernels({ kernel_id: 'x', path: '' }), nameless), 'old');
  });
});
