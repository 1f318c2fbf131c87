/**
 * What stands for a widget of which ipywidgets' front end has no model: a control of its own that
 * fits the traits, or words. The code that came with the widget is never loaded.
 */
import { isRecord, type Model, type State, texts } from '../protocol/widgetState';

export interface StandIn {
  name: string;
  state: State;
}

type Fits = (state: State, settable: boolean) => boolean;

/** Model and view of the first that fits. Pictures have bytes for a value, which fit none. */
const FITTING: readonly (readonly [model: string, view: string, fits: Fits])[] = [
  ['VBoxModel', 'VBoxView', ({ children }) => Array.isArray(children)],
  ['SelectMultipleModel', 'SelectMultipleView', s => hasOptions(s) && Array.isArray(s.index)],
  ['DropdownModel', 'DropdownView', state => hasOptions(state)],
  ['CheckboxModel', 'CheckboxView', ({ value }, can) => can && typeof value === 'boolean'],
  ['FloatSliderModel', 'FloatSliderView', (s, can) => can && isBounded(s) && isNumber(s.value)],
  ['FloatTextModel', 'FloatTextView', ({ value }, can) => can && isNumber(value)],
  ['FloatProgressModel', 'ProgressView', state => isBounded(state) && isNumber(state.value)],
  ['FloatRangeSliderModel', 'FloatRangeSliderView', s => isBounded(s) && isPair(s.value)],
  ['TextModel', 'TextView', ({ value }, can) => can && typeof value === 'string'],
];

export function standIn({ name, state, settable }: Model): StandIn {
  const can = settable.includes('value');
  const found = FITTING.find(([, , fits]) => fits(state, can));
  if (!found) {
    const words = { _view_name: 'LabelView', layout: state.layout, value: wordsOf(name, state) };
    return { name: 'LabelModel', state: words };
  }
  const [model, view] = found;
  const kept = KEPT.filter(trait => trait in state).map(trait => [trait, state[trait]] as const);
  return { name: model, state: { ...Object.fromEntries(kept), _view_name: view } };
}

/** What the models above know. Not the style, which fits another model. */
const KEPT = [
  ...['children', 'description', 'disabled', 'index', 'layout', '_options_labels', 'tooltip'],
  ...['value', 'min', 'max', 'step'],
];

const isNumber = (value: unknown): value is number => typeof value === 'number';
const isPair = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && value.every(isNumber);
const isBounded = ({ min, max }: State): boolean => isNumber(min) && isNumber(max) && min < max;
const hasOptions = (state: State): boolean => texts(state._options_labels).length > 0;

const MOST_CHARACTERS = 1_000;
const brief = (text: string): string =>
  text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;

/** A widget's name and values, or what was printed into it. */
export function wordsOf(name: string, state: State): string {
  if (Array.isArray(state.outputs)) return brief(state.outputs.map(outputOf).join(''));
  const told = Object.entries(state).filter(([trait, value]) => isTold(trait, value));
  const values = told.map(([trait, value]) => `${trait}: ${brief(JSON.stringify(value))}`);
  return brief([name.replace(/Model$/, ''), ...values].join('\n'));
}

/** Not what is as it always is. */
const isTold = (trait: string, value: unknown): boolean =>
  !trait.startsWith('_') &&
  !['layout', 'style', 'tabbable', 'tooltip'].includes(trait) &&
  !['null', '""', 'false', '[]', '{}'].includes(JSON.stringify(value));

/** The plain text of one output of a cell. */
function outputOf(output: unknown): string {
  if (!isRecord(output)) return '';
  const { text, data, ename, evalue } = output;
  if (typeof text === 'string') return text;
  if (typeof ename === 'string') return `${ename}: ${String(evalue)}\n`;
  const plain = isRecord(data) ? data['text/plain'] : undefined;
  return typeof plain === 'string' ? `${plain}\n` : '';
}
