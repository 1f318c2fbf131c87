/** How many watch the kernel of the notebook in front: a word in the status bar. */
import type { Words } from '../lab/jupyterlab';
import { make, setText } from '../view/dom';
import { type Kernel, nameOf } from './kernel';

export class StatusItem {
  private readonly button = make('button', 'jsiolab-status-item');

  constructor(
    place: HTMLElement,
    private readonly words: Words,
    open: () => void,
  ) {
    this.button.type = 'button';
    this.button.addEventListener('click', open);
    place.append(this.button);
    this.update(undefined);
  }

  update(kernel: Kernel | undefined): void {
    this.button.hidden = !kernel;
    if (!kernel) return;
    setText(this.button, this.words._n('%1 viewer', '%1 viewers', kernel.viewers));
    this.button.title = this.words.__('Watch the live data of %1', nameOf(kernel));
  }
}
