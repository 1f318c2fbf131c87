/** How many watch the kernel of the notebook in front: a word in the status bar. */
import { make, setText } from '../view/dom';
import { type Kernel, nameOf } from './kernel';
import { trans } from '../words';

export class StatusItem {
  private readonly button = make('button', 'jsiolab-status-item');

  constructor(place: HTMLElement, open: () => void) {
    this.button.type = 'button';
    this.button.addEventListener('click', open);
    place.append(this.button);
    this.update(undefined);
  }

  update(kernel: Kernel | undefined): void {
    this.button.hidden = !kernel;
    if (!kernel) return;
    setText(this.button, trans._n('%1 viewer', '%1 viewers', kernel.viewers));
    this.button.title = trans.__('Watch the live data of %1', nameOf(kernel));
  }
}
