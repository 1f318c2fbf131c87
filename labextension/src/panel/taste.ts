/**
 * Keeps the tail of one stream up to date, at a bounded price: some rows of the history, then only
 * the newest payload, at most four times a second, however fast the stream is.
 */
import type { Connection } from '../client';
import type { Delivery } from '../protocol/delivery';
import type { Watch } from '../watch';
import { MOST_POINTS, Tail } from './tail';

/** Bytes on their way; more is asked for only after `PAUSE_MS`. */
const WINDOW = 64 * 1024;
const PAUSE_MS = 250;

export class Taste {
  readonly tail = new Tail();
  private watch: Watch;
  private newestOnly = false;

  /**
   * @param until - the row up to which there is history now
   * @param wait - calls back after so many milliseconds
   */
  constructor(
    private readonly connection: Connection,
    private readonly stream: string,
    private readonly until: number,
    private readonly changed: () => void,
    private readonly wait: (ms: number, then: () => void) => void,
  ) {
    const options = { tail: MOST_POINTS, window: WINDOW };
    this.watch = connection.subscribe(stream, this.take, options);
  }

  close(): void {
    this.watch.close();
  }

  private readonly take = (delivery: Delivery): void => {
    this.tail.take(delivery);
    this.changed();
    if (delivery.kind !== 'rows') return;
    this.wait(PAUSE_MS, () => {
      delivery.done();
    });
    if (!this.newestOnly && delivery.end >= this.until) this.goOn();
  };

  private goOn(): void {
    this.newestOnly = true;
    const since = this.watch.position;
    this.watch.close();
    const options = { mode: 'latest', window: WINDOW, ...(since ? { since } : {}) } as const;
    this.watch = this.connection.subscribe(this.stream, this.take, options);
  }
}
