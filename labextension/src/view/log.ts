/** The newest lines of a stream of words, as a log that follows them or is held. It knows no socket. */
import type { Delivery, RowsDelivery } from '../protocol/delivery';
import type { Kind } from '../protocol/payload';
import { make, makeRoot, StatusLine } from './dom';
import { formatClock, formatCount } from './format';
import { type Line, readLine, rolesOf } from './lines';
import { Pending } from './pending';
import type { Said } from './situation';
import { Tally } from './tally';
import { followTheme } from './theme';
import type { View } from './view';

/** Lines in the page; the oldest leave. */
const MOST_LINES = 1_000;
const NEAR = 8;

export class LogView implements View {
  private readonly tally = new Tally();
  private readonly columns = new Map<string, Kind>();
  private readonly list = make('ol', 'jsio-lines');
  private readonly newest = make('button', 'jsio-newest', 'Newest lines ↓');
  private readonly status = new StatusLine();
  private readonly pending: Pending;
  /** Not in the page yet. */
  private waiting: Line[] = [];
  private cleared = false;
  private following = true;

  constructor(place: HTMLElement, label: string, signal: AbortSignal) {
    const root = makeRoot(place, 'log', signal);
    this.list.tabIndex = 0;
    this.list.setAttribute('aria-label', `Lines of ${label}`);
    this.newest.type = 'button';
    this.newest.hidden = true;
    root.append(this.list, this.newest, this.status.element);
    this.pending = new Pending(this.apply, this.draw, signal);
    followTheme(root, () => undefined, signal);
    this.list.addEventListener('scroll', this.scrolled, { signal, passive: true });
    this.newest.addEventListener('click', () => {
      this.following = true;
      this.pending.redraw();
    });
  }

  take(delivery: Delivery): void {
    this.pending.push(delivery);
  }

  say(said: Said): void {
    this.status.say(said);
  }

  private readonly apply = (delivery: Delivery): void => {
    this.tally.take(delivery, Date.now());
    if (delivery.kind === 'rows') this.read(delivery);
    else if (delivery.kind === 'begun' && !delivery.recovered) this.clear();
  };

  private read({ table, skip }: RowsDelivery): void {
    for (const name of table.names) this.columns.set(name, table.column(name)!.kind);
    const roles = rolesOf(this.columns);
    for (let row = Math.max(skip, table.rows - MOST_LINES); row < table.rows; row++) {
      this.waiting.push(readLine(table, row, roles));
    }
    if (this.waiting.length > 2 * MOST_LINES) this.waiting = this.waiting.slice(-MOST_LINES);
  }

  private clear(): void {
    this.waiting = [];
    this.columns.clear();
    this.cleared = true;
  }

  private readonly scrolled = (): void => {
    const { scrollTop, clientHeight, scrollHeight } = this.list;
    const following = scrollTop + clientHeight >= scrollHeight - NEAR;
    if (following === this.following) return;
    this.following = following;
    this.pending.redraw();
  };

  private readonly draw = (): void => {
    if (this.cleared) this.list.replaceChildren();
    this.cleared = false;
    // What is held stays as it is; what came meanwhile is put in when it follows again.
    if (this.following) this.drawLines();
    this.newest.hidden = this.following;
    const { rows } = this.tally;
    const kept = this.list.childElementCount + this.waiting.length;
    this.status.tell(
      this.following ? '' : 'held',
      `${kept < rows ? `newest ${formatCount(Math.min(kept, MOST_LINES))} of ` : ''}${formatCount(rows)} ${rows === 1 ? 'line' : 'lines'}`,
      ...this.tally.tell(),
    );
    this.status.warn(this.tally.refusal);
  };

  private drawLines(): void {
    const { list } = this;
    list.append(...this.waiting.slice(-MOST_LINES).map(element));
    this.waiting = [];
    while (list.childElementCount > MOST_LINES) list.firstElementChild!.remove();
    list.scrollTop = list.scrollHeight;
  }
}

function element(line: Line): HTMLElement {
  const item = make('li', 'jsio-line');
  if (line.level) item.dataset.level = line.level;
  const { time } = line;
  const when = typeof time === 'number' ? formatClock(Math.floor(time), line.zoned) : time;
  if (when) item.append(make('span', 'jsio-when', when));
  if (line.label) item.append(make('span', 'jsio-level', line.label));
  item.append(make('span', 'jsio-words', line.text));
  return item;
}
