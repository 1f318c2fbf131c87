/** The few things every view does with the page. Text goes through textContent only. */
import type { Said } from './situation';
import { trans } from '../words';
import style from './style.css';

/** Make an element with a class and, maybe, a text. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  text = '',
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** As much of a text as a reader can use: a stream may hold a megabyte where a word is expected. */
export const brief = (text: string, most = 200): string =>
  text.length > most ? `${text.slice(0, most)}…` : text;

/** Set a text, and touch the page only where it differs. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Make the root of a view inside `place`, with its style sheets. JupyterLab's keyboard shortcuts do
 * not act inside it; the root goes when `signal` is aborted.
 */
export function makeRoot(
  place: HTMLElement,
  name: string,
  signal: AbortSignal,
  sheets: readonly string[] = [],
): HTMLElement {
  const root = make('div', `jsio jsio-${name}`);
  // Lumino looks at the focused element itself before it looks at those around it.
  root.addEventListener('focusin', ({ target }) => {
    if (target instanceof HTMLElement) target.dataset.lmSuppressShortcuts = 'true';
  });
  // The viewer page links them instead: its policy allows no others.
  const linked = document.documentElement.dataset.jsioStyles === 'linked';
  if (!linked) root.append(make('style', '', [...sheets, style].join('\n')));
  place.append(root);
  signal.addEventListener('abort', () => {
    root.remove();
  });
  return root;
}

/** The line at the foot of a view: a dot, a word, and details that change too fast to be read out. */
export class StatusLine {
  readonly element = make('div', 'jsio-status');
  private readonly dot = make('span', 'jsio-dot');
  private readonly said = make('span', 'jsio-said');
  private readonly detail = make('span', 'jsio-detail');
  private readonly warning = make('span', 'jsio-warning');

  constructor() {
    this.said.setAttribute('role', 'status');
    this.warning.setAttribute('role', 'alert');
    this.dot.setAttribute('aria-hidden', 'true');
    this.element.append(this.dot, this.said, this.detail, this.warning);
    this.say({ text: trans.__('connecting'), tone: 'busy' });
  }

  say({ text, tone }: Said): void {
    setText(this.said, text);
    this.dot.dataset.tone = tone;
  }

  /** Parts are joined by a middle dot. */
  tell(...parts: string[]): void {
    setText(this.detail, parts.filter(Boolean).join(' · '));
  }

  warn(text: string): void {
    setText(this.warning, text);
  }
}
