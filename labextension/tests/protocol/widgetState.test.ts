import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPayload } from '../../src/protocol/payload';
import { readMirrored, reference } from '../../src/protocol/widgetState';

function row(value: object) {
  const bytes = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
  return readPayload('application/x-ndjson', bytes);
}

const STATE = {
  version_major: 2,
  version_minor: 0,
  view: 'box',
  event: 'widget:b',
  settable: { n: ['value'] },
  state: {
    box: { model_name: 'VBoxModel', state: { children: ['IPY_MODEL_n', 'IPY_MODEL_gone', 3] } },
    n: {
      model_name: 'IntTextModel',
      model_module: '@jupyter-widgets/controls',
      state: { value: 3 },
    },
  },
};

test('a row is read as a family of models', () => {
  const mirrored = readMirrored(row(STATE), 0)!;
  assert.equal(mirrored.event, 'widget:b');
  assert.deepEqual([...mirrored.models.keys()], ['box', 'n']);
  assert.deepEqual(mirrored.models.get('n'), {
    id: 'n',
    name: 'IntTextModel',
    module: '@jupyter-widgets/controls',
    state: { value: 3 },
    settable: ['value'],
  });
});

test('a value refers to a model by its prefix', () => {
  assert.deepEqual(['IPY_MODEL_n', 'n', 3, null].map(reference), ['n', null, null, null]);
});

test('what is no mirrored widget is not taken for one', () => {
  for (const other of [{ view: 'elsewhere' }, { version_major: 3 }, { state: 7 }, { event: 1 }]) {
    assert.equal(readMirrored(row({ ...STATE, ...other }), 0), null);
  }
});

test('a name such as __proto__ is a name', () => {
  const state = JSON.parse('{"__proto__": {"model_name": "X", "state": {}}}') as object;
  const mirrored = readMirrored(row({ ...STATE, view: '__proto__', state }), 0)!;
  assert.deepEqual(mirrored.models.get('__proto__')!.settable, []);
  assert.equal(({} as { model_name?: string }).model_name, undefined);
});
