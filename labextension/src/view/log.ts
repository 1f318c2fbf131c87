/**
 * The newest lines of a stream of words, as a log that follows them or is held, searched, and kept
 * to what is grave. It knows no socket.
 */
import type { Delivery, RowsDelivery } from '../protocol/delivery';
import type { Kind } from '../protocol/payload';
import { make, makeRoot, StatusLine } from './dom';
import { formatClock, formatCount } from './format';
import { type Level, LEVELS, type Line, matches, readLine, rolesOf } from './lines';
import { Pending } from './pending';
import type { Said } from './situation';
import { type Still, textStill } from './still';
import { Tally } from './tally';
import { followTheme } from './theme';
import type { View } from './view';
import { trans } from '../words';

export interface LogOptions {
  title: string;
  /** Of the lines in view, in CSS pixels; null for the style sheet's. */
  height: number | null;
  /** The least grave level to begin with; empty for all lines. */
  level: Level;
  /** Lines to keep and to search; the oldest leave. */
  maxLines: number;
}

const USUAL: LogOptions = { title: '', height: null, level: '', maxLines: 10_000 };
/** Lines in the page, of those that are kept. */
const MOST_SHOWN = 1_000;
const STILL_LINES = 50;
const NEAR = 8;

export class LogView implements View {
  private readonly tally = new Tally();
  private readonly columns = new Map<string, Kind>();
  private readonly search = make('input', 'jsio-search');
  private readonly level = make('select', 'jsio-level-choice');
  private readonly list = make('ol', 'jsio-lines');
  private readonly newest = make('button', 'jsio-newest', trans.__('Newest lines ↓'));
  private readonly status = new StatusLine();
  private readonly pending: Pending;
  private kept: Line[] = [];
  /** Of those kept, the newest that are not in the page yet. */
  private waiting = 0;
  /** What is in the page is of another search, or another life of the stream. */
  private stale = false;
  private following = true;

  constructor(
    place: HTMLElement,
    label: string,
    signal: AbortSignal,
    private readonly options: LogOptions = USUAL,
  ) {
    const root = makeRoot(place, 'log', signal);
    this.build(root, label);
    this.pending = new Pending(this.apply, this.draw, signal);
    followTheme(root, () => undefined, signal);
    this.list.addEventListener('scroll', this.scrolled, { signal, passive: true });
    this.search.addEventListener('input', this.sift, { signal });
    this.level.addEventListener('change', this.sift, { signal });
    this.newest.addEventListener('click', () => {
      this.following = true;
      // At once, for the same reason as in a table.
      this.list.scrollTop = this.list.scrollHeight;
      this.pending.redraw();
    });
  }

  take(delivery: Delivery): void {
    this.pending.push(delivery);
  }

  say(said: Said): void {
    this.status.say(said);
  }

  still(): Still | null {
    const lines = this.kept.slice(-STILL_LINES);
    if (lines.length === 0) return null;
    const { rows } = this.tally;
    const left = lines.length < rows ? [`(the newest of ${formatCount(rows)} lines)`] : [];
    const { title } = this.options;
    return textStill([...(title ? [title] : []), ...left, ...lines.map(written)].join('\n'));
  }

  private build(root: HTMLElement, label: string): void {
    const { title, height, level } = this.options;
    const head = make('div', 'jsio-head');
    if (title) head.append(make('div', 'jsio-title', title));
    this.search.type = 'search';
    this.search.placeholder = trans.__('Search');
    this.search.setAttribute('aria-label', trans.__('Search the lines of %1', label));
    this.level.setAttribute('aria-label', trans.__('Least level of the lines of %1', label));
    for (const each of ['', ...LEVELS] as const) {
      const andUp = each === 'error' ? each : trans.__('%1 and up', each);
      const option = make('option', '', each ? andUp : trans.__('all'));
      option.value = each;
      this.level.append(option);
    }
    this.level.value = level;
    this.level.hidden = !level;
    head.append(this.search, this.level);
    this.list.tabIndex = 0;
    this.list.setAttribute('aria-label', trans.__('Lines of %1', label));
    if (height !== null) this.list.style.height = `${height}px`;
    this.newest.type = 'button';
    this.newest.hidden = true;
    root.append(head, this.list, this.newest, this.status.element);
  }

  private readonly apply = (delivery: Delivery): void => {
    this.tally.take(delivery, Date.now());
    if (delivery.kind === 'rows') this.read(delivery);
    else if (delivery.kind === 'begun' && !delivery.recovered) this.clear();
  };

  private read({ table, skip }: RowsDelivery): void {
    for (const name of table.names) this.columns.set(name, table.column(name)!.kind);
    const roles = rolesOf(this.columns);
    const { maxLines } = this.options;
    const from = Math.max(skip, table.rows - maxLines);
    for (let row = from; row < table.rows; row++) this.kept.push(readLine(table, row, roles));
    this.waiting += table.rows - from;
    // Not at each line: that would move all of them each time.
    if (this.kept.length > 1.1 * maxLines) this.kept = this.kept.slice(-maxLines);
    if (roles.level !== null) this.level.hidden = false;
  }

  private clear(): void {
    this.kept = [];
    this.waiting = 0;
    this.columns.clear();
    this.stale = true;
  }

  private readonly sift = (): void => {
    this.stale = true;
    this.pending.redraw();
  };

  private readonly scrolled = (): void => {
    const { scrollTop, clientHeight, scrollHeight } = this.list;
    const following = scrollTop + clientHeight >= scrollHeight - NEAR;
    if (following === this.following) return;
    this.following = following;
    this.pending.redraw();
  };

  private readonly draw = (): void => {
    // What is held stays as it is; what came meanwhile is put in when it follows again.
    if (this.stale) this.drawAll();
    else if (this.following && this.waiting > 0) this.drawNew();
    if (this.following) this.list.scrollTop = this.list.scrollHeight;
    this.newest.hidden = this.following;
    this.tell();
  };

  private drawAll(): void {
    const found: Line[] = [];
    for (let index = this.kept.length - 1; index >= 0 && found.length < MOST_SHOWN; index--) {
      if (this.wanted(this.kept[index]!)) found.push(this.kept[index]!);
    }
    this.list.replaceChildren(...found.reverse().map(element));
    this.waiting = 0;
    this.stale = false;
  }

  private drawNew(): void {
    const { list } = this;
    const came = this.waiting > 0 ? this.kept.slice(-this.waiting) : [];
    const found = came.filter(line => this.wanted(line));
    list.append(...found.slice(-MOST_SHOWN).map(element));
    this.waiting = 0;
    while (list.childElementCount > MOST_SHOWN) list.firstElementChild!.remove();
  }

  private wanted(line: Line): boolean {
    return matches(line, this.search.value, this.level.value as Level);
  }

  private tell(): void {
    const { rows } = this.tally;
    const kept = Math.min(this.kept.length, this.options.maxLines);
    const shown = this.list.childElementCount;
    const sifted = this.search.value !== '' || this.level.value !== '';
    const found =
      shown === MOST_SHOWN
        ? trans.__('newest %1 found', formatCount(shown))
        : trans.__('%1 found', formatCount(shown));
    this.status.tell(
      this.following ? '' : trans.__('held'),
      sifted ? found : '',
      tellLines(kept, rows),
      ...this.tally.tell(),
    );
    this.status.warn(this.tally.refusal);
  }
}

function tellLines(kept: number, came: number): string {
  if (kept < came) return trans.__('newest %1 of %2 lines', formatCount(kept), formatCount(came));
  return came === 1 ? trans.__('1 line') : trans.__('%1 lines', formatCount(came));
}

const clock = ({ time, zoned }: Line): string =>
  typeof time === 'number' ? formatClock(Math.floor(time), zoned) : (time ?? '');

const written = (line: Line): string =>
  [clock(line), line.label, line.text].filter(Boolean).join('  ');

function element(line: Line): HTMLElement {
  const item = make('li', 'jsio-line');
  if (line.level) item.dataset.level = line.level;
  const when = clock(line);
  if (when) item.append(make('span', 'jsio-when', when));
  if (line.label) item.append(make('span', 'jsio-level', line.label));
  item.append(make('span', 'jsio-words', line.text));
  return item;
}
