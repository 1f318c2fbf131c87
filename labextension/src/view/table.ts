/** The newest rows of a stream as a table that follows them, or is held. It knows no socket. */
import type { Delivery } from '../protocol/delivery';
import type { Kind } from '../protocol/payload';
import { cellText } from './cell';
import { brief, make, makeRoot, StatusLine } from './dom';
import { formatCount } from './format';
import { Pending } from './pending';
import { Rows } from './rows';
import type { Said } from './situation';
import { type Still, type StillColumn, tableStill } from './still';
import { type Shown, Strip } from './strip';
import { Tally, tellRows } from './tally';
import { followTheme } from './theme';
import type { View } from './view';
import { tellAbsent } from './source';
import { trans } from '../words';

export interface TableOptions {
  title: string;
  /** Of the rows in view, in CSS pixels; null for the style sheet's. */
  height: number | null;
  /** The columns to show; null for all, up to a number that a page can bear. */
  columns: readonly string[] | null;
  /** Rows to keep; the oldest leave. */
  maxRows: number;
}

const USUAL: TableOptions = { title: '', height: null, columns: null, maxRows: 100_000 };
/** For each row that may be kept, on the wire: rows that are larger are kept in smaller number. */
const ROW_BYTES = 160;
const MOST_COLUMNS = 50;
/** In CSS pixels; style.css has the same. */
const ROW_HEIGHT = 26;
const OVERSCAN = 6;
const STILL_ROWS = 20;
const STILL_COLUMNS = 20;
/** So near to its end, a table follows. */
const NEAR = 4;

export class TableView implements View {
  private readonly rows: Rows;
  private readonly strip = new Strip(ROW_HEIGHT, OVERSCAN);
  private readonly tally = new Tally();
  private readonly scroller = make('div', 'jsio-scroll');
  private readonly head = make('tr', '');
  private readonly body = make('tbody', '');
  private readonly newest = make('button', 'jsio-newest', trans.__('Newest rows ↓'));
  private readonly status = new StatusLine();
  private readonly pending: Pending;
  private columns: readonly string[] = [];
  /** What the header was made of. */
  private shape = '';
  private following = true;
  /** The place among the rows that is held. */
  private top = 0;
  /** Rows that there were, and that had been dropped, when the table was last drawn. */
  private lengthThen = 0;
  private droppedThen = 0;

  constructor(
    place: HTMLElement,
    private readonly label: string,
    signal: AbortSignal,
    private readonly options: TableOptions = USUAL,
  ) {
    const { maxRows } = options;
    this.rows = new Rows({ rows: maxRows, bytes: maxRows * ROW_BYTES });
    const root = makeRoot(place, 'table', signal);
    this.build(root, signal);
    this.pending = new Pending(this.apply, this.draw, signal);
    followTheme(root, () => undefined, signal);
    const sizes = new ResizeObserver(() => {
      this.pending.redraw();
    });
    sizes.observe(this.scroller);
    signal.addEventListener('abort', () => {
      sizes.disconnect();
    });
  }

  take(delivery: Delivery): void {
    this.pending.push(delivery);
  }

  say(said: Said): void {
    this.status.say(said);
  }

  still(): Still | null {
    const { length } = this.rows;
    const columns = this.columns.slice(0, STILL_COLUMNS);
    if (length === 0 || columns.length === 0) return null;
    const from = Math.max(0, length - STILL_ROWS);
    const cells = Array.from({ length: length - from }, (_, index) => {
      const found = this.rows.find(from + index)!;
      const values = columns.map(name => cellText(found.table.column(name), found.row));
      return [formatCount(found.number), ...values];
    });
    const { rows } = this.tally;
    const { title } = this.options;
    const note = `${title ? `${title}: ` : ''}${length - from < rows ? 'the newest of ' : ''}${formatCount(rows)} rows`;
    const named = columns.map((name): StillColumn => {
      const side = this.rows.columns.get(name) === 'number' ? 'right' : 'left';
      return { name: brief(name), side };
    });
    return tableStill([{ name: 'row', side: 'right' }, ...named], cells, note);
  }

  private build(root: HTMLElement, signal: AbortSignal): void {
    const { title, height } = this.options;
    if (title) root.append(make('div', 'jsio-title', title));
    if (height !== null) this.scroller.style.height = `${height}px`;
    const table = make('table', '');
    const header = make('thead', '');
    header.append(this.head);
    table.append(header, this.body);
    this.scroller.append(table);
    this.scroller.tabIndex = 0;
    this.scroller.setAttribute('role', 'group');
    this.scroller.setAttribute('aria-label', trans.__('Rows of %1', this.label));
    this.newest.type = 'button';
    this.newest.hidden = true;
    root.append(this.scroller, this.newest, this.status.element);
    this.scroller.addEventListener('scroll', this.scrolled, { signal, passive: true });
    this.newest.addEventListener('click', () => {
      this.following = true;
      // At once: a scroll event of a moment ago would else be taken for the reader's next step.
      this.scroller.scrollTop = this.scroller.scrollHeight;
      this.pending.redraw();
    });
  }

  private readonly apply = (delivery: Delivery): void => {
    this.tally.take(delivery, Date.now());
    if (delivery.kind === 'rows') this.rows.append(delivery);
    else if (delivery.kind === 'begun' && !delivery.recovered) this.rows.clear();
  };

  private readonly scrolled = (): void => {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    this.following = scrollTop + clientHeight >= scrollHeight - NEAR;
    const { strip, height, lengthThen: length } = this;
    const own = strip.scrollTop(this.top, length, height);
    // The bar's rounding is no step of the reader's.
    if (Math.abs(scrollTop - own) > 1) this.top = strip.top(scrollTop, length, height);
    this.pending.redraw();
  };

  /** Of what the rows scroll through: the header stays. */
  private get height(): number {
    return Math.max(0, this.scroller.clientHeight - ROW_HEIGHT);
  }

  private readonly draw = (): void => {
    this.drawHead();
    const { length, dropped } = this.rows;
    const { scroller, strip, height } = this;
    // What is held keeps its place on the screen although rows above it have left.
    const left = Math.max(0, dropped - this.droppedThen) * ROW_HEIGHT;
    this.droppedThen = dropped;
    this.lengthThen = length;
    const end = strip.end(length, height);
    this.top = this.following ? end : Math.max(0, Math.min(this.top - left, end));
    this.drawRows(strip.shown(this.top, length, height));
    const wanted = strip.scrollTop(this.top, length, height);
    if (this.following) scroller.scrollTop = scroller.scrollHeight;
    else if (Math.abs(scroller.scrollTop - wanted) > 1) scroller.scrollTop = wanted;
    this.newest.hidden = this.following;
    this.tell();
  };

  private drawHead(): void {
    const shape = JSON.stringify([...this.rows.columns]);
    if (shape === this.shape) return;
    this.shape = shape;
    const there = [...this.rows.columns.keys()];
    const wanted = this.options.columns?.filter(name => there.includes(name)) ?? there;
    this.columns = wanted.slice(0, MOST_COLUMNS);
    const cells = this.columns.map(name => {
      const cell = make('th', alignment(this.rows.columns.get(name)!), brief(name));
      cell.scope = 'col';
      return cell;
    });
    const number = make('th', 'jsio-row-number', trans.__('row'));
    number.scope = 'col';
    this.head.replaceChildren(number, ...cells);
  }

  /** Only the rows in view are in the page; two empty ones stand for those above and below. */
  private drawRows({ from, to, above, below }: Shown): void {
    const rows: HTMLElement[] = [spacer(above)];
    for (let index = from; index < to; index++) rows.push(this.row(index));
    rows.push(spacer(below));
    this.body.replaceChildren(...rows);
  }

  private row(index: number): HTMLElement {
    const row = make('tr', '');
    const found = this.rows.find(index);
    row.append(make('td', 'jsio-row-number', found ? formatCount(found.number) : ''));
    for (const name of this.columns) {
      const column = found?.table.column(name) ?? null;
      const text = found ? cellText(column, found.row) : '';
      row.append(make('td', alignment(this.rows.columns.get(name)!), text));
    }
    return row;
  }

  private tell(): void {
    const { length } = this.rows;
    const { rows } = this.tally;
    const left = (this.options.columns ?? [...this.rows.columns]).length - this.columns.length;
    this.status.tell(
      this.following ? '' : trans.__('held'),
      tellRows(Math.min(length, rows), rows),
      ...this.tally.tell(),
      left > 0 && !this.absent() ? trans.__('%1 more columns are not shown', left) : '',
    );
    this.status.warn(this.tally.refusal || this.absent());
  }

  /** Says which column that is wanted the stream has not; empty where it has all. */
  private absent(): string {
    const there = [...this.rows.columns.keys()];
    const name = this.options.columns?.find(each => !there.includes(each));
    if (name === undefined || there.length === 0) return '';
    return tellAbsent(this.label, there, name);
  }
}

const alignment = (kind: Kind): string => (kind === 'number' ? 'jsio-right' : '');

function spacer(height: number): HTMLElement {
  const row = make('tr', 'jsio-spacer');
  row.setAttribute('aria-hidden', 'true');
  row.style.height = `${height}px`;
  return row;
}
