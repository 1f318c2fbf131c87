/** How many blobs came, and how large: all that can be told of bytes of an unknown kind. */
import type { Delivery } from '../protocol/delivery';
import { make, makeRoot, setText, StatusLine } from './dom';
import { formatBytes, formatCount } from './format';
import { Pending } from './pending';
import type { Said } from './situation';
import { Tally } from './tally';
import { followTheme } from './theme';
import type { View } from './view';
import { trans } from '../words';

export class OctetsView implements View {
  private readonly tally = new Tally();
  private readonly amount = make('span', 'jsio-amount', '–');
  private readonly status = new StatusLine();
  private readonly pending: Pending;
  private newest: number | null = null;
  private total = 0;

  constructor(place: HTMLElement, label: string, signal: AbortSignal) {
    const root = makeRoot(place, 'value', signal);
    const figure = make('div', 'jsio-figure');
    figure.append(this.amount);
    root.append(make('div', 'jsio-label', label), figure, this.status.element);
    this.pending = new Pending(this.apply, this.draw, signal);
    followTheme(root, () => undefined, signal);
  }

  take(delivery: Delivery): void {
    this.pending.push(delivery);
  }

  say(said: Said): void {
    this.status.say(said);
  }

  private readonly apply = (delivery: Delivery): void => {
    this.tally.take(delivery, Date.now());
    if (delivery.kind === 'rows') {
      this.newest = delivery.bytes;
      this.total += delivery.bytes;
    } else if (delivery.kind === 'begun' && !delivery.recovered) {
      this.newest = null;
      this.total = 0;
    }
  };

  private readonly draw = (): void => {
    const { rows } = this.tally;
    setText(this.amount, this.newest === null ? '–' : formatBytes(this.newest));
    this.status.tell(
      rows === 1
        ? trans.__('1 blob, %1', formatBytes(this.total))
        : trans.__('%1 blobs, %2', formatCount(rows), formatBytes(this.total)),
      this.tally.updated(),
      ...this.tally.tell(),
    );
    this.status.warn(this.tally.refusal);
  };
}
