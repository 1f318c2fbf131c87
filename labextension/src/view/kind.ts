/** Which control shows a widget: by its traits, not by its name, so that other people's fit too. */
import { type Model, texts } from '../protocol/widgetState';

export type ControlKind =
  | 'box'
  | 'button'
  | 'checkbox'
  | 'choice'
  | 'choices'
  | 'number'
  | 'progress'
  | 'range'
  | 'rangePair'
  | 'text'
  | 'textarea'
  | 'words';

export function kindOf({ name, state, settable }: Model): ControlKind {
  const { value, index, min, max } = state;
  if (Array.isArray(state.children)) return 'box';
  if (texts(state._options_labels).length > 0) return Array.isArray(index) ? 'choices' : 'choice';
  if (typeof value === 'boolean') return 'checkbox';
  const bounded = typeof min === 'number' && typeof max === 'number';
  if (typeof value === 'number') {
    if (!settable.includes('value') || name.includes('Progress')) return 'progress';
    return bounded && 'readout' in state ? 'range' : 'number';
  }
  if (isPair(value) && bounded) return 'rangePair';
  if (typeof value === 'string' && settable.includes('value')) {
    return name.startsWith('Textarea') ? 'textarea' : 'text';
  }
  return value === undefined && 'button_style' in state ? 'button' : 'words';
}

export const isPair = (value: unknown): value is [number, number] =>
  Array.isArray(value) && value.length === 2 && value.every(each => typeof each === 'number');
