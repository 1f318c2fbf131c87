/** The newest rows of a stream as a table that follows them, or is held. It knows no socket. */
import type { Delivery } from '../protocol/delivery';
import type { Kind } from '../protocol/payload';
import { cellText } from './cell';
import { brief, make, makeRoot, setText, StatusLine } from './dom';
import { formatCount } from './format';
import { Pending } from './pending';
import { Rows } from './rows';
import type { Said } from './situation';
import { Tally } from './tally';
import { followTheme } from './theme';
import type { View } from './view';

const BOUNDS = { rows: 100_000, bytes: 16 * 1024 * 1024 };
const MOST_COLUMNS = 50;
/** In CSS pixels; style.css has the same. */
const ROW_HEIGHT = 26;
const OVERSCAN = 6;
/** So near to its end, a table follows. */
const NEAR = 4;

export class TableView implements View {
  private readonly rows = new Rows(BOUNDS);
  private readonly tally = new Tally();
  private readonly scroller = make('div', 'jsio-scroll');
  private readonly head = make('tr', '');
  private readonly body = make('tbody', '');
  private readonly newest = make('button', 'jsio-newest', 'Newest rows');
  private readonly status = new StatusLine();
  private readonly pending: Pending;
  private columns: readonly string[] = [];
  /** What the header was made of. */
  private shape = '';
  private following = true;
  /** Rows that had been dropped when the table was last drawn. */
  private droppedThen = 0;

  constructor(place: HTMLElement, label: string, signal: AbortSignal) {
    const root = makeRoot(place, 'table', signal);
    this.build(root, label, signal);
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

  private build(root: HTMLElement, label: string, signal: AbortSignal): void {
    const table = make('table', '');
    const header = make('thead', '');
    header.append(this.head);
    table.append(header, this.body);
    this.scroller.append(table);
    this.scroller.tabIndex = 0;
    this.scroller.setAttribute('role', 'group');
    this.scroller.setAttribute('aria-label', `Rows of ${label}`);
    this.newest.type = 'button';
    this.newest.hidden = true;
    root.append(this.scroller, this.newest, this.status.element);
    this.scroller.addEventListener('scroll', this.scrolled, { signal, passive: true });
    this.newest.addEventListener('click', () => {
      this.following = true;
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
    this.pending.redraw();
  };

  private readonly draw = (): void => {
    this.drawHead();
    const { length, dropped } = this.rows;
    const { scroller } = this;
    const height = scroller.clientHeight;
    const shown = Math.ceil(height / ROW_HEIGHT);
    // What is held keeps its place on the screen although rows above it have left.
    const left = Math.max(0, dropped - this.droppedThen) * ROW_HEIGHT;
    const top = this.following ? Infinity : Math.max(0, scroller.scrollTop - left);
    this.droppedThen = dropped;
    const last = Math.max(0, length - shown);
    const first = Math.max(0, Math.min(last, Math.floor(top / ROW_HEIGHT)) - OVERSCAN);
    this.drawRows(first, Math.min(length, first + shown + 2 * OVERSCAN + 1));
    if (this.following) scroller.scrollTop = scroller.scrollHeight;
    else if (left > 0) scroller.scrollTop = top;
    this.newest.hidden = this.following;
    this.tell();
  };

  private drawHead(): void {
    const shape = JSON.stringify([...this.rows.columns]);
    if (shape === this.shape) return;
    this.shape = shape;
    this.columns = [...this.rows.columns.keys()].slice(0, MOST_COLUMNS);
    const cells = this.columns.map(name => {
      const cell = make('th', alignment(this.rows.columns.get(name)!), brief(name));
      cell.scope = 'col';
      return cell;
    });
    const number = make('th', 'jsio-row-number', 'row');
    number.scope = 'col';
    this.head.replaceChildren(number, ...cells);
  }

  /** Only the rows in view are in the page; two empty ones stand for those above and below. */
  private drawRows(from: number, to: number): void {
    const rows: HTMLElement[] = [spacer(from)];
    for (let index = from; index < to; index++) rows.push(this.row(index));
    rows.push(spacer(this.rows.length - to));
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
    const left = this.rows.columns.size - this.columns.length;
    this.status.tell(
      this.following ? '' : 'held',
      `${length < rows ? `newest ${formatCount(length)} of ` : ''}${formatCount(rows)} ${rows === 1 ? 'row' : 'rows'}`,
      ...this.tally.tell(),
      left > 0 ? `${left} more columns are not shown` : '',
    );
    this.status.warn(this.tally.refusal);
    setText(this.newest, 'Newest rows ↓');
  }
}

const alignment = (kind: Kind): string => (kind === 'number' ? 'jsio-right' : '');

function spacer(rows: number): HTMLElement {
  const row = make('tr', 'jsio-spacer');
  row.setAttribute('aria-hidden', 'true');
  row.style.height = `${rows * ROW_HEIGHT}px`;
  return row;
}
