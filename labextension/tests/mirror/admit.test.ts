import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admit, changed, type Has } from '../../src/mirror/admit';
import type { Mirrored, State } from '../../src/protocol/widgetState';
import { CONTROLS, mirrored, model } from './models';

/** A front end that has everything that is called a widget's. */
const has: Has = (module, name) => module === CONTROLS && /(Model|View)$/.test(String(name));

const drawn = (all: Mirrored, id = 'root', may = true): State =>
  admit(all, may, has).get(id)!.state;

const box = (id: string, ...children: string[]) =>
  model('VBoxModel', { children: children.map(child => `IPY_MODEL_${child}`) }, { id });

test('a widget of the front end is drawn as it is', () => {
  const slider = model('IntSliderModel', {
    value: 3,
    disabled: false,
    _view_name: 'IntSliderView',
  });
  const { name, module, state } = admit(mirrored(slider), true, has).get('root')!;
  assert.deepEqual([name, module, state], ['IntSliderModel', CONTROLS, slider.state]);
});

test('who may not set anything sees it disabled, and so does who looks at what cannot be set', () => {
  const slider = model('IntSliderModel', { value: 3, disabled: false });
  assert.equal(drawn(mirrored(slider)).disabled, false);
  assert.equal(drawn(mirrored(slider), 'root', false).disabled, true);
  assert.equal(drawn(mirrored({ ...slider, settable: [] })).disabled, true);
  assert.deepEqual(admit(mirrored(slider), false, has).get('root')!.settable, []);
});

test('code that came with a widget is not asked for', () => {
  const theirs = model('EvilModel', { value: 'x', _esm: 'alert(1)' }, { module: 'evil' });
  const { name, module, state } = admit(mirrored(theirs), true, has).get('root')!;
  assert.deepEqual([name, module, state.value], ['TextModel', CONTROLS, 'x']);
  assert.equal('_esm' in state, false);
  const view = model('ButtonModel', { _view_module: 'evil', _view_name: 'EvilView' });
  assert.equal(admit(mirrored(view), true, has).get('root')!.name, 'LabelModel');
});

test('what each reader has for itself is not taken from the kernel', () => {
  const play = model('PlayModel', { value: 1, playing: true, _view_count: 2, _dom_classes: ['x'] });
  assert.deepEqual(drawn(mirrored(play)), { value: 1 });
});

test('a style that fetches something is left out', () => {
  const colours = { background: 'red', text_color: '#fff', bar_color: 'rgb(1 2 3)' };
  const style = model('LabelStyleModel', colours);
  assert.deepEqual(drawn(mirrored(style)), colours);
  const fetching = ['url(//a.b)', 'IMAGE-SET ("x" 1x)', 'u\\72l(x)', '-webkit-image-set("x" 1x)'];
  for (const background of fetching) {
    assert.deepEqual(drawn(mirrored(model('LabelStyleModel', { background }))), {}, background);
  }
});

test('a format that asks for a billion spaces is left out', () => {
  const formatted = (readout_format: unknown): unknown =>
    drawn(mirrored(model('FloatSliderModel', { readout_format }))).readout_format;
  for (const usual of ['.2f', 'd', '.3g', '$,.2f', '+.1e', '05d', '.0%', '~s']) {
    assert.equal(formatted(usual), usual);
  }
  for (const other of ['999999999d', '.999f', 'x'.repeat(99), 7e30]) {
    assert.equal(formatted(other), undefined);
  }
});

test('a child that is not there is left out', () => {
  const n = model('IntTextModel', {}, { id: 'n' });
  const root = model('VBoxModel', {
    children: ['IPY_MODEL_n', 'IPY_MODEL_gone', 3, ['IPY_MODEL_n']],
  });
  assert.deepEqual(drawn(mirrored(root, n)).children, ['IPY_MODEL_n']);
  assert.deepEqual([...admit(mirrored(root, n, box('other')), true, has).keys()], ['root', 'n']);
  assert.equal(drawn(mirrored(model('TextModel', { layout: 'IPY_MODEL_gone' }))).layout, null);
});

test('a style is no child, and a control is no style', () => {
  const style = model('TextStyleModel', {}, { id: 's' });
  const text = model('TextModel', { style: 'IPY_MODEL_s', layout: 'IPY_MODEL_t' }, { id: 't' });
  const root = model('VBoxModel', {
    children: ['IPY_MODEL_s', 'IPY_MODEL_t'],
    style: 'IPY_MODEL_t',
  });
  const all = mirrored(root, text, style);
  assert.deepEqual(drawn(all), { children: ['IPY_MODEL_t'], style: null });
  assert.deepEqual(drawn(all, 't'), { style: 'IPY_MODEL_s', layout: null });
});

test('a box in itself, or without end, is refused', () => {
  assert.throws(
    () => admit(mirrored(box('a', 'b'), box('b', 'a')), true, has),
    /boxes in each other/,
  );
  const self = model('TextStyleModel', { style: 'IPY_MODEL_root' });
  assert.throws(() => admit(mirrored(self), true, has), /boxes in each other/);
  const levels = Array.from({ length: 20 }, (_, n) => box(`${n}`, `${n + 1}`, `${n + 1}`));
  assert.throws(() => admit(mirrored(...levels, box('20')), true, has), /more than 1000 parts/);
});

test('what has changed is told, also that a layout has lost something', () => {
  const before = { value: [1, 2], width: '50%', same: { a: 1 } };
  const after = { value: [1, 3], same: { a: 1 } };
  assert.deepEqual(changed(before, after), { value: [1, 3], width: null });
});
