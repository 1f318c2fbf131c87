import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPayload } from '../../src/protocol/payload';
import { type Model, readMirrored, referred } from '../../src/protocol/widgetState';
import type { Gesture } from '../../src/view/control';
import { Requests } from '../../src/view/controls';
import { kindOf } from '../../src/view/kind';
import { settled } from '../fake';

const model = (name: string, state: object, settable: string[] = ['value']): Model => ({
  id: 'm',
  name,
  state: state as Record<string, unknown>,
  settable,
});

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
    n: { model_name: 'IntTextModel', state: { value: 3 } },
  },
};

test('a row is read as a family of models, what is not there is left out', () => {
  const mirrored = readMirrored(row(STATE), 0)!;
  assert.equal(mirrored.event, 'widget:b');
  const children = referred(mirrored, mirrored.models.get('box')!.state.children);
  assert.deepEqual(children, [
    { id: 'n', name: 'IntTextModel', state: { value: 3 }, settable: ['value'] },
  ]);
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

test('a control is found by its traits', () => {
  const bounds = { min: 0, max: 9, readout: true };
  const kinds = [
    [model('IntSliderModel', { value: 1, ...bounds }), 'range'],
    [model('FloatRangeSliderModel', { value: [1, 2], ...bounds }), 'rangePair'],
    [model('BoundedIntTextModel', { value: 1, min: 0, max: 9 }), 'number'],
    [model('IntProgressModel', { value: 1, min: 0, max: 9 }), 'progress'],
    [model('CheckboxModel', { value: false }), 'checkbox'],
    [model('DropdownModel', { _options_labels: ['a'], index: 0 }, ['index']), 'choice'],
    [model('SelectMultipleModel', { _options_labels: ['a'], index: [0] }, ['index']), 'choices'],
    [model('TextModel', { value: '' }), 'text'],
    [model('TextareaModel', { value: '' }), 'textarea'],
    [model('HTMLModel', { value: '<b>' }, []), 'words'],
    [model('ButtonModel', { button_style: '', description: 'go' }, []), 'button'],
    [model('HBoxModel', { children: [] }, []), 'box'],
    [model('TheirOwnModel', { value: { a: 1 } }, []), 'words'],
  ] as const;
  for (const [each, kind] of kinds) assert.equal(kindOf(each), kind, each.name);
});

function requests() {
  const sent: unknown[] = [];
  const done: unknown[] = [];
  const answers: ((problem?: Error) => void)[] = [];
  let settle = (): void => undefined;
  const made = new Requests(
    (_model, gesture) =>
      new Promise((ok, fail) => {
        sent.push((gesture as { values: { value: number } }).values.value);
        answers.push(problem => {
          if (problem) fail(problem);
          else ok();
        });
      }),
    problem => done.push(problem),
    callback => {
      settle = callback;
      return () => (settle = () => undefined);
    },
  );
  const value = (value: number): Gesture => ({ values: { value } });
  const answer = async (problem?: Error): Promise<void> => {
    answers.shift()!(problem);
    await settled();
  };
  return {
    made,
    sent,
    done,
    value,
    answer,
    settle: () => {
      settle();
    },
  };
}

test('one request is on its way, and the newest of those that follow is next', async () => {
  const { made, sent, done, value, answer, settle } = requests();
  for (const each of [1, 2, 3, 4]) made.add('m', value(each));
  assert.deepEqual(sent, [1]);
  await answer();
  assert.deepEqual([sent, done, made.waits('m')], [[1, 4], [], true]);
  await answer();
  assert.deepEqual([done, made.waits('m')], [[], true]);
  settle();
  assert.deepEqual([done, made.waits('m')], [[null], false]);
});

test('a state from before the answer is not shown, nor while the reader goes on', async () => {
  const { made, sent, done, value, answer, settle } = requests();
  made.add('m', value(1));
  await answer();
  made.add('m', value(2));
  settle();
  assert.deepEqual([sent, done, made.waits('m')], [[1, 2], [], true]);
});

test('a refusal is told once nothing is on its way, and the next request goes out', async () => {
  const { made, sent, done, value, answer } = requests();
  made.add('m', value(1));
  const problem = new Error('too large');
  await answer(problem);
  assert.deepEqual(done, [problem]);
  made.add('m', value(2));
  assert.deepEqual(sent, [1, 2]);
});
