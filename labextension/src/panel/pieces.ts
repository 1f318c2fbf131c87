/** Pieces that every part of the panel is built of. Text goes through textContent only. */
import { make, setText } from '../view/dom';
import { icon, type IconName } from './icons';

/** A button that is a drawing alone: `label` says what it does. */
export function iconButton(name: IconName, label: string, act: () => void): HTMLButtonElement {
  const button = make('button', 'jsiolab-icon-button');
  button.type = 'button';
  button.append(icon(name));
  button.addEventListener('click', act);
  relabel(button, label);
  return button;
}

/** Say what a button does, to eyes and to ears. */
export function relabel(button: HTMLElement, label: string): void {
  if (button.title === label) return;
  button.title = label;
  button.setAttribute('aria-label', label);
}

/** A part with a heading of its own, and how many there are. */
export class Section {
  readonly element = make('section', 'jsiolab-section');
  private readonly heading = make('h4', 'jsiolab-heading');

  constructor(private readonly title: string) {
    this.element.setAttribute('aria-label', title);
    this.element.append(this.heading);
    this.count(null);
  }

  count(number: number | null): void {
    setText(this.heading, number === null ? this.title : `${this.title} (${number})`);
  }
}

interface Row<T> {
  readonly element: HTMLElement;
  update(item: T): void;
}

/** A list whose rows stay where they are as long as what they stand for is there. */
export class Rows<T> {
  readonly element: HTMLElement;
  private readonly rows = new Map<string, Row<T>>();

  constructor(
    className: string,
    private readonly keyOf: (item: T) => string,
    private readonly makeRow: (item: T) => Row<T>,
  ) {
    this.element = make('ul', className);
    this.element.setAttribute('role', 'list'); // a list without bullets is none to some readers
  }

  update(items: readonly T[]): void {
    const left = new Set(this.rows.keys());
    items.forEach((item, place) => {
      const key = this.keyOf(item);
      left.delete(key);
      let row = this.rows.get(key);
      if (!row) this.rows.set(key, (row = this.makeRow(item)));
      row.update(item);
      const there = this.element.children[place];
      if (there !== row.element) this.element.insertBefore(row.element, there ?? null);
    });
    for (const key of left) {
      this.rows.get(key)!.element.remove();
      this.rows.delete(key);
    }
  }

  get(key: string): Row<T> | undefined {
    return this.rows.get(key);
  }
}
