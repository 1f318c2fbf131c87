/**
 * A live line plot: data in, pixels out. It knows no socket.
 *
 * Any number of rows is kept within `maxRows` and drawn as the pixels can show it, once per
 * animation frame at most.
 */
import uplotStyle from 'uplot/dist/uPlot.min.css';
import type { Delivery } from '../protocol/delivery';
import { Chart, type Gestures, type Line, type Look, type Range } from './chart';
import { make, makeRoot, setText, StatusLine } from './dom';
import { formatClock, formatCount, formatNumber, formatTime } from './format';
import { Pending } from './pending';
import type { Said } from './situation';
import { Source } from './source';
import { followTheme } from './theme';
import { noExtremes } from './trace';
import type { View } from './view';

export interface PlotOptions {
  streams: readonly string[];
  /** The column that is x; null for the row's number. */
  x: string | null;
  /** The columns to draw; null for every column of numbers. */
  y: readonly string[] | null;
  title: string;
  /** Of the drawing, in CSS pixels. */
  height: number;
  log: boolean;
  /** Show only so much of x, back from the newest (seconds if x is a time); null for all. */
  last: number | null;
  /** Rows to keep of each column. */
  maxRows: number;
}

const MAX_LINES = 32;
const COLORS = 8;
const PAN_STEP = 0.15;
const ZOOM_STEP = 1.5;

interface Entry {
  line: Line;
  button: HTMLButtonElement;
  number: HTMLElement;
}

export class Plot implements View {
  private readonly root: HTMLElement;
  private readonly area = make('div', 'jsio-plot-area');
  private readonly legend = make('div', 'jsio-legend');
  private readonly place = make('span', 'jsio-place');
  private readonly empty = make('div', 'jsio-empty');
  private readonly status = new StatusLine();
  private readonly buttons = {
    follow: make('button', ''),
    log: make('button', '', 'Log'),
    reset: make('button', '', 'Reset zoom'),
  };
  private readonly sources: ReadonlyMap<string, Source>;
  private readonly entries = new Map<string, Entry>();
  private readonly pending: Pending;

  private chart: Chart | null = null;
  private look: Look | null = null;
  private log: boolean;
  private following = true;
  private zoomX: Range | null = null;
  private zoomY: Range | null = null;
  private shownX: Range = [0, 1];
  private shownY: Range = [0, 1];
  private hovered: { x: number; rows: (number | null)[] } | null = null;
  private onScreen = true;
  private width = 0;

  constructor(
    place: HTMLElement,
    private readonly options: PlotOptions,
    signal: AbortSignal,
  ) {
    this.log = options.log;
    this.sources = new Map(
      options.streams.map(name => [name, new Source(name, { ...options, maxLines: MAX_LINES })]),
    );
    this.root = makeRoot(place, 'plot', signal, [uplotStyle]);
    this.pending = new Pending(this.apply, this.draw, signal);
    this.build(signal);
    followTheme(this.root, this.recolor, signal);
    this.watchSize(signal);
    signal.addEventListener('abort', () => this.chart?.destroy());
  }

  take(delivery: Delivery): void {
    this.pending.push(delivery);
  }

  say(said: Said): void {
    this.status.say(said);
    setText(this.empty, said.tone === 'good' ? 'waiting for rows' : said.text);
  }

  // --- data ---------------------------------------------------------------------------------

  private readonly apply = (delivery: Delivery): void => {
    const source = this.sources.get(delivery.stream);
    const held = source?.rows ?? 0;
    source?.take(delivery, Date.now());
    const gone = held > 0 && [...this.sources.values()].every(({ rows }) => rows === 0);
    if (gone) this.gestures.reset(); // there is nothing left to zoom into, or to hold
  };

  private lines(): Line[] {
    this.matchEntries();
    return [...this.entries.values()].map(entry => entry.line);
  }

  /** One legend entry for each trace; one that begins anew keeps its entry and colour. */
  private matchEntries(): void {
    for (const source of this.sources.values()) {
      for (const [column, trace] of source.traces) {
        const key = JSON.stringify([source.name, column]);
        const entry = this.entries.get(key) ?? this.makeEntry(source.name, column, trace);
        this.entries.set(key, entry);
        entry.button.hidden = trace.length === 0; // a column of an earlier life
      }
    }
  }

  private makeEntry(stream: string, column: string, trace: Line['trace']): Entry {
    const index = this.entries.size;
    const color = `--jsio-series-${(index % COLORS) + 1}`;
    const dashed = Math.floor(index / COLORS) % 2 === 1;
    const line: Line = { trace, group: stream, color, dashed, visible: true };
    const button = make('button', 'jsio-entry');
    const swatch = make('span', 'jsio-swatch');
    swatch.style.color = `var(${color})`;
    const label = this.sources.size > 1 ? `${stream}: ${column}` : column;
    const number = make('span', 'jsio-number');
    button.append(swatch, make('span', 'jsio-name', label), number);
    button.type = 'button';
    button.title = `Show or hide ${label}`;
    button.setAttribute('aria-pressed', 'true');
    button.addEventListener('click', () => {
      line.visible = !line.visible;
      button.setAttribute('aria-pressed', String(line.visible));
      this.pending.redraw();
    });
    this.legend.insertBefore(button, this.place);
    return { line, button, number };
  }

  // --- what is in view ----------------------------------------------------------------------

  /** All of x that there is; null while there is nothing. */
  private wholeX(lines: readonly Line[]): Range | null {
    let [min, max] = [Infinity, -Infinity];
    for (const { trace, visible } of lines) {
      const range = visible ? trace.range() : null;
      if (!range) continue;
      min = Math.min(min, range[0]);
      max = Math.max(max, range[1]);
    }
    return min <= max ? [min, max] : null;
  }

  private chooseX(lines: readonly Line[]): Range {
    if (!this.following && this.zoomX) return this.zoomX;
    const whole = this.wholeX(lines);
    if (!whole) return this.zoomX ?? [0, 1];
    const unit = this.look?.time ? 1000 : 1;
    if (this.zoomX) {
      const width = this.zoomX[1] - this.zoomX[0];
      return (this.zoomX = [whole[1] - width, whole[1]]);
    }
    const last = this.options.last === null ? Infinity : this.options.last * unit;
    return widened([Math.max(whole[0], whole[1] - last), whole[1]], unit / 2);
  }

  private chooseY(lines: readonly Line[], [min, max]: Range): Range {
    if (this.zoomY) return this.zoomY;
    const found = noExtremes();
    for (const { trace, visible } of lines) {
      if (!visible) continue;
      for (let run = 0; run < trace.runs; run++) {
        const [start, end] = [trace.runStart(run), trace.runEnd(run)];
        const from = trace.lowerBound(min, start, end);
        trace.extremes(from, trace.upperBound(max, from, end), found);
      }
    }
    return this.log ? logPadded(found[2], found[1]) : padded(found[0], found[1]);
  }

  private readonly gestures: Gestures = {
    zoom: (x, y) => {
      if (!(x[1] > x[0])) return;
      const whole = this.wholeX(this.lines());
      this.zoomX = x;
      this.zoomY = y ?? this.zoomY;
      if (whole && x[1] < whole[1]) this.following = false;
      this.viewChanged();
    },
    pan: (right, up) => {
      const shift = right * (this.shownX[1] - this.shownX[0]);
      this.zoomX = [this.shownX[0] + shift, this.shownX[1] + shift];
      if (this.zoomY && up !== 0) this.zoomY = this.movedY(up);
      this.following = false;
      this.viewChanged();
    },
    scale: (factor, at) => {
      const [min, max] = this.shownX;
      const anchor = min + at * (max - min);
      const zoomed: Range = [anchor - (anchor - min) * factor, anchor + (max - anchor) * factor];
      // Below that, numbers of this size can no longer be told apart.
      const least = Math.max(Math.abs(min), Math.abs(max), 1e-300) * 1e-12;
      if (!(zoomed[1] - zoomed[0] > least) || !Number.isFinite(zoomed[1] - zoomed[0])) return;
      this.zoomX = zoomed;
      this.viewChanged();
    },
    reset: () => {
      this.zoomX = this.zoomY = null;
      this.following = true;
      this.viewChanged();
    },
    hover: (x, rows) => {
      this.hovered = x === null ? null : { x, rows };
      this.tellNumbers();
    },
  };

  private movedY(up: number): Range {
    const [min, max] = this.shownY;
    if (this.log) {
      const factor = (max / min) ** up;
      return [min * factor, max * factor];
    }
    return [min + up * (max - min), max + up * (max - min)];
  }

  private toggleFollow(): void {
    this.following = !this.following;
    if (!this.following) this.zoomX = this.shownX;
    else if (this.wholeX(this.lines()) === null) this.zoomX = null;
    this.viewChanged();
  }

  private toggleLog(): void {
    this.log = !this.log;
    this.zoomY = null;
    this.viewChanged();
  }

  private viewChanged(): void {
    this.tellButtons();
    this.pending.redraw();
  }

  // --- drawing ------------------------------------------------------------------------------

  private readonly draw = (): void => {
    // While JupyterLab changes its theme there is no width for a moment, and nothing tells its end.
    this.width = this.area.clientWidth || this.width;
    if (!this.onScreen || this.width === 0) return;
    const lines = this.lines();
    const chart = this.chartFor(this.currentLook());
    this.shownX = this.chooseX(lines);
    this.shownY = this.chooseY(lines, this.shownX);
    chart.show(lines, this.shownX, this.shownY);
    this.empty.hidden = lines.some(line => line.trace.length > 0);
    this.tellNumbers();
    this.tellRows(lines, chart.complete);
  };

  private currentLook(): Look {
    const sources = [...this.sources.values()];
    const known = sources.find(source => source.xKind !== null);
    const time = known?.xKind === 'time';
    return {
      time,
      zoned: known?.zoned ?? true,
      log: this.log,
      whole: this.options.x === null,
      xLabel: this.options.x ?? 'row',
    };
  }

  private chartFor(look: Look): Chart {
    if (this.chart && JSON.stringify(look) === JSON.stringify(this.look)) return this.chart;
    this.chart?.destroy();
    this.look = look;
    const size = { width: this.width, height: this.options.height };
    this.chart = new Chart(this.area, look, this.gestures, size);
    return this.chart;
  }

  private readonly recolor = (): void => {
    this.chart?.recolor();
    this.pending.redraw();
  };

  private watchSize(signal: AbortSignal): void {
    const sizes = new ResizeObserver(() => {
      const width = this.area.clientWidth;
      if (width === 0) return;
      this.chart?.resize(width, this.options.height);
      this.pending.redraw();
    });
    const screen = new IntersectionObserver(entries => {
      this.onScreen = entries.at(-1)?.isIntersecting ?? true;
      if (this.onScreen) this.pending.redraw();
    });
    sizes.observe(this.area);
    screen.observe(this.area);
    signal.addEventListener('abort', () => {
      sizes.disconnect();
      screen.disconnect();
    });
  }

  // --- words --------------------------------------------------------------------------------

  private build(signal: AbortSignal): void {
    const head = make('div', 'jsio-head');
    const buttons = make('div', 'jsio-buttons');
    for (const button of Object.values(this.buttons)) button.type = 'button';
    this.buttons.log.title = 'Logarithmic y axis (L)';
    this.buttons.reset.title = 'Show everything and follow (0)';
    buttons.append(...Object.values(this.buttons));
    this.legend.append(this.place);
    const { title } = this.options;
    head.append(title ? make('div', 'jsio-title', title) : this.legend, buttons);
    this.area.style.height = `${this.options.height}px`;
    this.area.tabIndex = 0;
    this.area.setAttribute('role', 'group');
    this.area.setAttribute('aria-label', this.description());
    this.area.append(this.empty);
    this.root.append(head, ...(title ? [this.legend] : []), this.area, this.status.element);
    this.buttons.follow.addEventListener('click', () => {
      this.toggleFollow();
    });
    this.buttons.log.addEventListener('click', () => {
      this.toggleLog();
    });
    this.buttons.reset.addEventListener('click', this.gestures.reset);
    this.area.addEventListener('keydown', this.keyPressed, { signal });
    this.tellButtons();
  }

  private description(): string {
    const { title, streams, x, y } = this.options;
    const what = title || `Plot of ${(y ?? streams).join(', ')}`;
    const keys = 'Arrow keys move, plus and minus zoom, 0 shows everything, F follows, L is log.';
    return `${what} by ${x ?? 'row'}. ${keys}`;
  }

  private readonly keyPressed = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = this.keys[event.key];
    if (!act) return;
    act();
    event.preventDefault();
    event.stopPropagation();
  };

  private readonly keys: Partial<Record<string, () => void>> = {
    ArrowLeft: () => {
      this.gestures.pan(-PAN_STEP, 0);
    },
    ArrowRight: () => {
      this.gestures.pan(PAN_STEP, 0);
    },
    '+': () => {
      this.gestures.scale(1 / ZOOM_STEP, this.following ? 1 : 0.5);
    },
    '=': () => {
      this.gestures.scale(1 / ZOOM_STEP, this.following ? 1 : 0.5);
    },
    '-': () => {
      this.gestures.scale(ZOOM_STEP, this.following ? 1 : 0.5);
    },
    '0': () => {
      this.gestures.reset();
    },
    f: () => {
      this.toggleFollow();
    },
    l: () => {
      this.toggleLog();
    },
  };

  private tellButtons(): void {
    const { follow, log, reset } = this.buttons;
    setText(follow, this.following ? 'Hold' : 'Follow');
    follow.title = this.following
      ? 'Keep this view while rows go on arriving (F)'
      : 'Move with the newest rows (F)';
    log.setAttribute('aria-pressed', String(this.log));
    reset.disabled = this.following && this.zoomX === null && this.zoomY === null;
  }

  private tellNumbers(): void {
    for (const [index, { line, number }] of [...this.entries.values()].entries()) {
      const row = this.hovered ? (this.hovered.rows[index] ?? null) : line.trace.length - 1;
      const y = row === null || row < 0 ? undefined : line.trace.ys[row];
      setText(number, y === undefined ? '–' : formatNumber(y));
    }
    setText(this.place, this.hovered ? this.tellX(this.hovered) : '');
  }

  /** The x of the hovered row, or of the pointer itself where there is none. */
  private tellX({ x, rows }: { x: number; rows: (number | null)[] }): string {
    const entries = [...this.entries.values()];
    const index = rows.findIndex(row => row !== null);
    const trace = entries[index]?.line.trace;
    const value = trace ? trace.xs[rows[index]!]! : x;
    const name = this.options.x ?? 'row';
    if (this.look?.time) return formatTime(value, this.look.zoned);
    return `${name} ${formatNumber(trace ? value : Number(value.toPrecision(4)))}`;
  }

  private tellRows(lines: readonly Line[], complete: boolean): void {
    const sources = [...this.sources.values()];
    const came = sum(sources.map(source => source.rows));
    const kept = sum(sources.map(source => source.kept));
    const rows =
      kept < came ? `newest ${formatCount(kept)} of ${formatCount(came)}` : formatCount(came);
    const skipped = sum(sources.map(source => source.skipped));
    const begun = Math.max(...sources.map(source => source.begunAt ?? 0));
    const hidden = this.log && lines.some(line => line.visible && hasNoLogarithm(line));
    this.status.tell(
      this.following ? '' : 'held',
      `${rows} ${came === 1 ? 'row' : 'rows'}`,
      this.tellMissing(sources),
      skipped > 0 ? `${formatCount(skipped)} skipped` : '',
      begun > 0 ? `began anew at ${formatClock(Math.floor(begun / 1000) * 1000)}` : '',
      complete ? '' : 'x goes back too often: only the newest rows are drawn',
      hidden ? 'values of 0 and below have no place on a log axis' : '',
    );
    this.status.warn(
      sources.map(source => source.complaint).find(Boolean) ?? this.mixedAxes(sources),
    );
  }

  private tellMissing(sources: readonly Source[]): string {
    const byReason = new Map<string, number>();
    for (const source of sources) {
      for (const [why, rows] of source.missing) byReason.set(why, (byReason.get(why) ?? 0) + rows);
    }
    if (byReason.size === 0) return '';
    const reasons = [...byReason.keys()].map(why => why.replaceAll('_', ' ')).join(', ');
    return `${formatCount(sum([...byReason.values()]))} missing (${reasons})`;
  }

  private mixedAxes(sources: readonly Source[]): string {
    const kinds = new Set(sources.map(source => source.xKind).filter(kind => kind !== null));
    return kinds.size > 1 ? 'x is a time in one stream and a number in another' : '';
  }
}

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);

/** A range that is not empty. */
function widened([min, max]: Range, by: number): Range {
  return min < max ? [min, max] : [min - by, max + by];
}

function padded(min: number, max: number): Range {
  if (!(min <= max)) return [0, 1];
  if (min === max) return widened([min, max], Math.abs(min) * 0.1 || 1);
  const pad = (max - min) * 0.06;
  // Where the span itself overflows, there is nothing left to pad.
  return Number.isFinite(pad) ? [min - pad, max + pad] : [min, max];
}

function logPadded(min: number, max: number): Range {
  if (!(min <= max)) return [0.1, 10];
  if (min === max) return [min / 2, max * 2];
  const pad = (max / min) ** 0.06;
  return [min / pad, max * pad];
}

function hasNoLogarithm({ trace }: Line): boolean {
  const found = trace.extremes(0, trace.length, noExtremes());
  return found[0] <= 0;
}
