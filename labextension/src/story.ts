/** What a view is told of its streams: their rows, and how the connection and the kernel stand. */
import type { Connection } from './client';
import type { Delivery } from './protocol/delivery';
import type { Status } from './protocol/messages';
import { afterRows, afterStatus, type Interruption, say } from './view/situation';
import type { View } from './view/view';

/** Hands rows on, and follows from them and from the connection what is to be said. */
export class Story {
  private interruption: Interruption = 'none';
  private status: Status | null = null;

  constructor(
    private readonly connection: Connection,
    private readonly names: readonly string[],
    private readonly view: View,
  ) {}

  readonly take = (delivery: Delivery): void => {
    this.view.take(delivery);
    if (delivery.kind !== 'rows' && delivery.kind !== 'begun') return;
    const before = this.interruption;
    this.interruption = afterRows(before, delivery.kind === 'begun');
    if (before !== this.interruption) this.tell();
  };

  readonly tell = (): void => {
    const { state, reason, status, streams } = this.connection;
    if (status && status !== this.status) {
      this.interruption = afterStatus(this.interruption, status);
      this.status = status;
    }
    this.view.say(
      say({
        link: state,
        reason,
        status,
        streams: streams.filter(({ stream }) => this.names.includes(stream)),
        interruption: this.interruption,
      }),
    );
  };
}
