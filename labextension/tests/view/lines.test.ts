import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Kind } from '../../src/protocol/payload';
import { levelOf, matches, readLine, rolesOf } from '../../src/view/lines';
import { tableOf } from '../tables';

const kinds = (columns: Record<string, Kind>) => new Map(Object.entries(columns));

test('a row is a line: time, level, message, and the rest behind it', () => {
  const table = tableOf([{ time: 1.5, level: 'WARNING', message: 'hot', gpu: 3, idle: null }]);
  const roles = rolesOf(kinds({ time: 'number', level: 'text', message: 'text', gpu: 'number' }));
  const line = readLine(table, 0, roles);
  assert.deepEqual(
    [line.time, line.level, line.label, line.text],
    [1_500, 'warning', 'WARNING', 'hot gpu=3'],
  );
});

test('a plain text is a line of its own', () => {
  const table = tableOf(['epoch 1']);
  const line = readLine(table, 0, rolesOf(kinds({ value: 'text' })));
  assert.deepEqual([line.time, line.level, line.text], [null, '', 'epoch 1']);
});

test('levels are words, or the numbers of Python’s logging', () => {
  const levels = ['ERROR', 'critical', 'warn', 'Info', 'trace', 40, 30n, 10, 'odd', null];
  assert.deepEqual(levels.map(levelOf), [
    'error',
    'error',
    'warning',
    'info',
    'debug',
    'error',
    'warning',
    'debug',
    '',
    '',
  ]);
});

test('a line has its bound, however long the text', () => {
  const table = tableOf(['x'.repeat(1_000_000)]);
  assert.equal(readLine(table, 0, rolesOf(kinds({ value: 'text' }))).text.length, 4_001);
});

test('a line is found by its words, in any case, and by its level or a graver one', () => {
  const roles = rolesOf(kinds({ level: 'text', message: 'text', gpu: 'number' }));
  const line = readLine(tableOf([{ level: 'WARNING', message: 'Too Hot', gpu: 3 }]), 0, roles);
  for (const words of ['', 'too hot', 'HOT', 'gpu=3', 'warn']) assert.ok(matches(line, words, ''));
  assert.ok(!matches(line, 'cold', ''));
  assert.ok(matches(line, 'hot', 'info') && matches(line, '', 'warning'));
  assert.ok(!matches(line, 'hot', 'error'));
});

test('a line without a level is left out where one is asked for', () => {
  const line = readLine(tableOf(['epoch 1']), 0, rolesOf(kinds({ value: 'text' })));
  assert.ok(matches(line, 'epoch', ''));
  assert.ok(!matches(line, 'epoch', 'debug'));
});
