import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Channel } from '../../src/mirror/channel';
import { Twin } from '../../src/mirror/twin';
import type { State } from '../../src/protocol/widgetState';
import type { Gesture } from '../../src/view/controls';
import { settled } from '../fake';

function channel(quiet = false, settable: string[] = ['value', 'click']) {
  const asked: Gesture[] = [];
  const told: string[] = [];
  const shown: State[] = [];
  const idle: unknown[] = [];
  let refuse = false;
  const made = new Channel('m', {
    twin: new Twin(
      { value: 0 },
      values => shown.push(values),
      () => () => undefined,
    ),
    settable: () => settable,
    quiet: () => quiet,
    ask: gesture => {
      asked.push(gesture);
      return refuse ? Promise.reject(new Error('too large')) : Promise.resolve({ value: 5 });
    },
    tell: text => told.push(text),
  });
  const callbacks = { iopub: { status: (message: unknown) => idle.push(message) } };
  const update = async (state: State): Promise<void> => {
    made.send({ method: 'update', state }, callbacks);
    assert.equal(idle.length, 0); // the model counts it after it was sent
    await settled();
  };
  const press = async (event: string): Promise<void> => {
    made.send({ method: 'custom', content: { event } });
    await settled();
  };
  return { update, press, asked, told, shown, idle, refuse: () => (refuse = true) };
}

test('what may be set is asked for, and nothing else that changed with it', async () => {
  const { update, asked, told, idle } = channel();
  await update({ value: 5, playing: true });
  assert.deepEqual(asked, [{ values: { value: 5 } }]);
  assert.deepEqual([told, idle.length], [[''], 1]);
});

test('what may not be set goes nowhere, and the model may go on', async () => {
  const { update, asked, told, idle } = channel(false, []);
  await update({ value: 5 });
  assert.deepEqual([asked, told, idle.length], [[], [], 1]);
});

test('what the front end sets by itself goes nowhere', async () => {
  const { update, press, asked, idle } = channel(true);
  await update({ value: 5 });
  await press('click');
  assert.deepEqual([asked, idle.length], [[], 1]);
});

test('a refusal is told, and the control is as it was', async () => {
  const { update, press, told, shown, idle, refuse } = channel();
  refuse();
  await update({ value: 11 });
  assert.deepEqual([told, shown, idle.length], [['too large'], [{ value: 0 }], 1]);
  await press('click');
  assert.deepEqual(told, ['too large', 'too large']);
});

test('a press goes out where there is a button, other messages do not', async () => {
  const button = channel();
  await button.press('click');
  await button.press('submit');
  assert.deepEqual(button.asked, [{ content: { event: 'click' } }]);
  const slider = channel(false, ['value']);
  await slider.press('click');
  assert.deepEqual(slider.asked, []);
});
