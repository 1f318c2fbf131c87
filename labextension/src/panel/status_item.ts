/** How many others watch the kernel of the notebook in front: a word in the status bar. */
import { countOwn } from '../own';
import { namespaceOf } from '../protocol/target';
import { make, setText } from '../view/dom';
import { trans } from '../words';
import { type Kernel, nameOf } from './kernel';

export class StatusItem {
  private readonly button = make('button', 'jsiolab-status-item');

  constructor(place: HTMLElement, open: () => void) {
    this.button.type = 'button';
    this.button.addEventListener('click', open);
    place.append(this.button);
    this.update(undefined, true);
  }

  /** @param wanted - whether it is to be shown at all */
  update(kernel: Kernel | undefined, wanted: boolean): void {
    this.button.hidden = !kernel || !wanted;
    if (!kernel) return;
    // The panel, the tabs and the widgets of this page are no news to its reader.
    const others = Math.max(0, kernel.viewers - countOwn(namespaceOf(kernel.id)));
    setText(this.button, trans._n('%1 viewer', '%1 viewers', others));
    this.button.title = trans.__('Who watches %1 beside this window', nameOf(kernel));
  }
}
