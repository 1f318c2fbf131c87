import assert from 'node:assert/strict';
import { test } from 'node:test';
import { standIn, wordsOf } from '../../src/mirror/stand_in';
import { model } from './models';

test('a control stands in by the traits of a widget', () => {
  const bounds = { min: 0, max: 9 };
  const cases = [
    [{ value: 1, ...bounds }, ['value'], 'FloatSliderModel'],
    [{ value: 1 }, ['value'], 'FloatTextModel'],
    [{ value: 1, ...bounds }, [], 'FloatProgressModel'],
    [{ value: [1, 2], ...bounds }, ['value'], 'FloatRangeSliderModel'],
    [{ value: true }, ['value'], 'CheckboxModel'],
    [{ value: 'x' }, ['value'], 'TextModel'],
    [{ _options_labels: ['a'], index: 0 }, ['index'], 'DropdownModel'],
    [{ _options_labels: ['a'], index: [0] }, ['index'], 'SelectMultipleModel'],
    [{ children: [] }, [], 'VBoxModel'],
    [{ value: 'x' }, [], 'LabelModel'],
    [{ value: { a: 1 } }, ['value'], 'LabelModel'],
    [{ value: 1, min: 9, max: 9 }, ['value'], 'FloatTextModel'],
  ] as const;
  for (const [state, settable, name] of cases) {
    assert.equal(standIn(model('TheirModel', state, { settable })).name, name);
  }
});

test('what fits no control is told by its name and values', () => {
  const state = { value: { a: 1 }, _esm: 'x', layout: 'IPY_MODEL_l', tooltip: null, on: false };
  assert.equal(wordsOf('TheirModel', state), 'Their\nvalue: {"a":1}');
  assert.equal(wordsOf('TheirModel', { value: 'x'.repeat(5_000) }).length, 1_001);
});

test('outputs are told by their plain text', () => {
  const outputs = [
    { output_type: 'stream', text: 'step 1\n' },
    { data: { 'text/html': '<b>', 'text/plain': 'Table' } },
    { ename: 'ValueError', evalue: 'no' },
    7,
  ];
  assert.equal(wordsOf('OutputModel', { outputs }), 'step 1\nTable\nValueError: no\n');
});
