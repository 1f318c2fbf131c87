/**
 * Rows on a strip that a scroll bar moves along. A browser makes an element only so high: of more
 * rows the strip stays at that, and a step of the scroll bar is a larger step among the rows.
 *
 * All numbers but rows are CSS pixels; `top` is a place among the rows, `scrollTop` the bar's.
 */

/** Firefox goes to 17.8 million, Chromium to 33.5 million. */
const MOST = 16_000_000;

export interface Shown {
  /** The rows to be in the page are `from … to-1`. */
  from: number;
  to: number;
  /** Of the empty rows that stand for those before and behind. */
  above: number;
  below: number;
}

export class Strip {
  /** @param overscan - rows in the page beyond each end of what is in view */
  constructor(
    readonly rowHeight: number,
    private readonly overscan: number,
    private readonly most = MOST,
  ) {}

  /** Where among the rows a scroll bar is that has come so far. */
  top(scrollTop: number, rows: number, height: number): number {
    return scrollTop * this.ratio(rows, height);
  }

  /** Where the scroll bar is to be. */
  scrollTop(top: number, rows: number, height: number): number {
    return top / this.ratio(rows, height);
  }

  /** The last place there is. */
  end(rows: number, height: number): number {
    return Math.max(0, rows * this.rowHeight - height);
  }

  /** What is to be in the page around `top`. */
  shown(top: number, rows: number, height: number): Shown {
    const { rowHeight } = this;
    const at = Math.max(0, Math.min(top, this.end(rows, height)));
    const bar = this.scrollTop(at, rows, height);
    const first = Math.floor(at / rowHeight);
    const inView = Math.ceil(height / rowHeight) + 1;
    const from = Math.max(0, first - this.beyond(bar - (at - first * rowHeight)));
    const behind = this.beyond(this.height(rows) - bar - height);
    const to = Math.min(rows, first + inView + behind);
    const above = from * rowHeight - (at - bar);
    const below = this.height(rows) - above - (to - from) * rowHeight;
    return { from, to, above: Math.max(0, above), below: Math.max(0, below) };
  }

  /** Rows in the page out of view, where there is so much room for them. */
  private beyond(room: number): number {
    return Math.max(0, Math.min(this.overscan, Math.floor(room / this.rowHeight)));
  }

  private height(rows: number): number {
    return Math.min(rows * this.rowHeight, this.most);
  }

  private ratio(rows: number, height: number): number {
    const room = this.height(rows) - height;
    return room > 0 ? (rows * this.rowHeight - height) / room : 1;
  }
}
