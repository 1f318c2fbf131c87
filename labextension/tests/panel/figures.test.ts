import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatDuration, formatRate, formatSize } from '../../src/panel/figures';
import { escapeGlob } from '../../src/panel/share_dialog';

const SECOND = 1000;
const HOUR = 3600 * SECOND;

describe('figures', () => {
  test('tell how long something lasts in one or two units', () => {
    const told = [-5, 59 * SECOND, 61 * SECOND, 2.5 * HOUR, 50 * HOUR].map(ms =>
      formatDuration(ms),
    );
    assert.deepEqual(told, ['0 s', '59 s', '1 min', '2 h 30 min', '2 d 2 h']);
  });

  test('tell rates and sizes as short as they can be read', () => {
    assert.deepEqual([0, 0.25, 19.7].map(formatRate), ['0', '0.3', '20']);
    assert.equal(formatSize(1234.5), '1.2 kB');
  });
});

describe('a stream chosen to be shared', () => {
  test('is named so that no other has that name', () => {
    assert.equal(escapeGlob('loss[*]?'), 'loss[[][*]][?]');
  });
});
