/** What ipywidgets' views lack: names and states for those who do not see them. */
import type { State } from '../protocol/widgetState';
import { trans } from '../words';

/** The buttons of `Play`, by their icons. */
const play = (): Record<string, string> => ({
  play: trans.__('play'),
  pause: trans.__('pause'),
  stop: trans.__('stop'),
  retweet: trans.__('repeat'),
});

/** Complete one view after it was drawn, and whenever its model has changed. */
export function dress(element: HTMLElement, state: State, settable: readonly string[]): void {
  if (Array.isArray(state.children)) return; // its children are dressed themselves
  const name = typeof state.description === 'string' ? state.description : '';
  const disabled = state.disabled === true;
  dressSlider(element, name, disabled);
  dressProgress(element, name, state);
  for (const field of element.querySelectorAll<Field>(FIELDS)) {
    // Some views look at this only when they are made.
    if ('disabled' in state) field.disabled = disabled;
    if (!field.labels?.length) field.ariaLabel = nameOf(field, name) ?? field.ariaLabel;
  }
  // What has no such trait must not look as if it could be used.
  if (!('disabled' in state)) element.inert = settable.length === 0 && isField(element);
}

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement | HTMLButtonElement;
const FIELDS = 'input, select, textarea, button';
const isField = (element: HTMLElement): boolean => element.querySelector(FIELDS) !== null;

function nameOf(field: Field, name: string): string | null {
  for (const [icon, label] of Object.entries(play())) {
    if (field.querySelector(`.fa-${icon}`)) return [name, label].filter(Boolean).join(' ');
  }
  return field.textContent.trim() === '' && name !== '' ? name : null;
}

const endOf = (name: string, at: number): string =>
  (at === 0 ? trans.__('%1 from', name) : trans.__('%1 to', name)).trim();

function dressSlider(element: HTMLElement, name: string, disabled: boolean): void {
  const handles = [...element.querySelectorAll<HTMLElement>('.noUi-handle')];
  for (const [at, handle] of handles.entries()) {
    handle.ariaLabel = handles.length > 1 ? endOf(name, at) : name || trans.__('slider');
    handle.ariaDisabled = String(disabled);
    handle.tabIndex = disabled ? -1 : 0;
  }
  const readout = element.querySelector<HTMLElement>('.widget-readout[contenteditable]');
  if (!readout) return;
  readout.role = 'textbox';
  readout.ariaLabel = trans.__('%1 in words', name || trans.__('slider'));
  readout.ariaDisabled = String(disabled);
}

function dressProgress(element: HTMLElement, name: string, state: State): void {
  const bar = element.querySelector<HTMLElement>('.progress');
  if (!bar) return;
  bar.role = 'progressbar';
  bar.ariaLabel = name || trans.__('progress');
  bar.ariaValueMin = String(state.min);
  bar.ariaValueMax = String(state.max);
  bar.ariaValueNow = String(state.value);
}
