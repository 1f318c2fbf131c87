/** What the page holds of a stream: for another view of it, and for downloads. */
import type { Delivery, GapDelivery, RowsDelivery } from '../protocol/delivery';
import { VALUE } from '../protocol/payload';
import { Rows } from '../view/rows';

/** Of each stream; the oldest rows leave. */
const BOUNDS = { rows: 1_000_000, bytes: 16 * 1024 * 1024 };
const MOST_GAPS = 1_000;

export class Held {
  readonly rows = new Rows(BOUNDS);
  /** Rows that came since the stream began. */
  came = 0;
  /** The most that came in any life of the stream. */
  most = 0;
  /** The newest image or blob. */
  newest: Uint8Array | null = null;
  private gaps: GapDelivery[] = [];
  private last: RowsDelivery | null = null;

  take(delivery: Delivery): void {
    if (delivery.kind === 'rows') this.keep(delivery);
    else if (delivery.kind === 'gap') this.gaps = [...this.gaps.slice(1 - MOST_GAPS), delivery];
    else if (delivery.kind === 'begun' && !delivery.recovered) this.clear();
  }

  /** All that is held, in order, as if it came now. */
  *replay(): Generator<Delivery> {
    const { last } = this;
    if (!last) return;
    if (this.newest) yield last;
    const gaps = [...this.gaps];
    for (const { table, skip, offset: start, rows, bytes } of this.rows.parts) {
      while (gaps.length > 0 && gaps[0]!.start < start) yield gaps.shift()!;
      yield { ...last, fresh: false, table, skip, bytes, start, end: start + rows };
    }
    yield* gaps;
  }

  private keep(delivery: RowsDelivery): void {
    this.came += delivery.end - delivery.start;
    this.most = Math.max(this.most, this.came);
    this.last = delivery;
    const { table } = delivery;
    const value: unknown = table.rows > 0 ? table.column(VALUE)?.at(table.rows - 1) : null;
    if (value instanceof Uint8Array) this.newest = value;
    else this.rows.append(delivery);
  }

  private clear(): void {
    this.rows.clear();
    this.came = 0;
    this.newest = this.last = null;
    this.gaps = [];
  }
}
