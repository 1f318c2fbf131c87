import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EventLog, readArguments, tellArguments, tellValue } from '../../src/panel/event_log';

describe('what is typed as arguments', () => {
  test('are JSON values with commas between them', () => {
    assert.deepEqual(readArguments('0.01, "fast", {"a": [1, 2]}'), [0.01, 'fast', { a: [1, 2] }]);
    assert.deepEqual(readArguments('  '), []);
  });

  test('is refused with words where it is none', () => {
    assert.throws(() => readArguments('fast'), /arguments are JSON/);
    assert.throws(() => readArguments('1], [2'), /arguments are JSON/);
  });
});

describe('the log', () => {
  test('tells values as JSON, and bytes by their number', () => {
    assert.equal(tellArguments([1, 'a', new Uint8Array(3)]), '1, "a", "<3 bytes>"');
    assert.equal(tellValue(undefined), 'null');
  });

  test('keeps the newest 200 lines, and tells of each', () => {
    const log = new EventLog();
    let told = 0;
    log.addEventListener('change', () => told++);
    for (let n = 0; n < 250; n++) log.add('came', `e${n}`, '', n);
    assert.deepEqual([told, log.lines.length, log.lines.at(-1)!.event], [250, 200, 'e249']);
  });

  test('cuts what nobody could read', () => {
    const log = new EventLog();
    log.add('came', 'big', 'x'.repeat(100_000), 0);
    assert.equal(log.lines[0]!.text.length, 2_000);
  });
});
