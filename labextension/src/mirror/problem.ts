/** Why the kernel did not do what a control asked for, beside that control. */
import { make, setText } from '../view/dom';

const MOST_CHARACTERS = 500;

export class Problem {
  private shown: readonly HTMLElement[] = [];

  constructor(private readonly elsewhere: HTMLElement) {}

  /** Tell it in each of the control's views; an empty one is taken back. */
  tell(text: string, views: readonly HTMLElement[], name = ''): void {
    for (const element of this.shown) element.remove();
    this.shown = [];
    if (text === '') return;
    const places = views.filter(view => view.classList.contains('widget-inline-hbox'));
    // A button has no room for words, nor has what stands upright.
    this.shown = places.length > 0 ? places.map(add) : [add(this.elsewhere)];
    const said = places.length > 0 || name === '' ? text : `${name}: ${text}`;
    for (const element of this.shown) setText(element, said.slice(0, MOST_CHARACTERS));
  }
}

function add(place: HTMLElement): HTMLElement {
  const element = make('p', 'problem');
  element.setAttribute('role', 'alert');
  place.append(element);
  return element;
}
