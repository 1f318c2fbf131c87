/**
 * A live line plot: data in, pixels out. It knows no socket.
 *
 * Any number of rows is kept within `maxRows` and drawn as the pixels can show it, once per
 * animation frame at most.
 */
import uplotStyle from 'uplot/dist/uPlot.min.css';
import type { Delivery } from '../protocol/delivery';
import { Camera } from './camera';
import { Chart, type Gestures, type Line, type Look } from './chart';
import { make, makeRoot, setText, StatusLine } from './dom';
import { type Hovered, Legend } from './legend';
import { Pending } from './pending';
import type { Range } from './range';
import type { Said } from './situation';
import { Source } from './source';
import { plotPicture } from './plot_picture';
import { type Still, stillOf } from './still';
import { tellBegun, tellMissing, tellRows, tellSkipped } from './tally';
import { followTheme } from './theme';
import { type Extremes, noExtremes } from './trace';
import type { View } from './view';
import { trans } from '../words';

export interface PlotOptions {
  streams: readonly string[];
  /** The column that is x; null for the row's number. */
  x: string | null;
  /** The columns to draw; null for every column of numbers. */
  y: readonly string[] | null;
  title: string;
  /** Of the drawing, in CSS pixels; null for as much as there is room around it. */
  height: number | null;
  log: boolean;
  /** Show only so much of x, back from the newest (seconds if x is a time); null for all. */
  last: number | null;
  /** Rows to keep of each column. */
  maxRows: number;
}

const MAX_LINES = 32;
const PAN_STEP = 0.15;
const ZOOM_STEP = 1.5;

export class Plot implements View {
  private readonly root: HTMLElement;
  private readonly area = make('div', 'jsio-plot-area');
  private readonly legend: Legend;
  private readonly empty = make('div', 'jsio-empty');
  private readonly status = new StatusLine();
  private readonly buttons = {
    follow: make('button', ''),
    log: make('button', '', trans.__('Log')),
    reset: make('button', '', trans.__('Reset zoom')),
  };
  private readonly sources: ReadonlyMap<string, Source>;
  private readonly pending: Pending;
  private readonly camera: Camera;

  private chart: Chart | null = null;
  private hovered: Hovered | null = null;
  private onScreen = true;
  private width = 0;
  private filled = 0;

  constructor(
    place: HTMLElement,
    private readonly options: PlotOptions,
    signal: AbortSignal,
  ) {
    this.camera = new Camera(options.last, options.log);
    this.sources = new Map(
      options.streams.map(name => [name, new Source(name, { ...options, maxLines: MAX_LINES })]),
    );
    this.legend = new Legend(options.x ?? trans.__('row'), this.sources.size > 1, () => {
      this.pending.redraw();
    });
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
    setText(this.empty, said.tone === 'good' ? trans.__('waiting for rows') : said.text);
  }

  still(): Still | null {
    const picture = this.picture();
    return picture && stillOf(picture, this.width, (picture.height * this.width) / picture.width);
  }

  picture(): HTMLCanvasElement | null {
    const lines = this.legend.shown();
    if (!this.chart || lines.length === 0) return null;
    this.drawNow();
    const { title } = this.options;
    return plotPicture(this.chart.canvas, { root: this.root, title, lines, width: this.width });
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
    return this.legend.lines(this.sources.values());
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

  private extremes(lines: readonly Line[], [min, max]: Range): Extremes {
    const found = noExtremes();
    for (const { trace, visible } of lines) {
      if (!visible) continue;
      for (let run = 0; run < trace.runs; run++) {
        const [start, end] = [trace.runStart(run), trace.runEnd(run)];
        const from = trace.lowerBound(min, start, end);
        trace.extremes(from, trace.upperBound(max, from, end), found);
      }
    }
    return found;
  }

  private readonly gestures: Gestures = {
    zoom: (x, y) => {
      this.move(camera => {
        camera.zoom(x, y, this.wholeX(this.lines()));
      });
    },
    pan: (right, up) => {
      this.move(camera => {
        camera.pan(right, up);
      });
    },
    scale: (factor, at) => {
      this.move(camera => {
        camera.scale(factor, at);
      });
    },
    reset: () => {
      this.move(camera => {
        camera.reset();
      });
    },
    hover: (x, rows) => {
      this.hovered = x === null ? null : { x, rows };
      this.tellNumbers();
    },
  };

  private move(how: (camera: Camera) => void): void {
    how(this.camera);
    this.tellButtons();
    this.pending.redraw();
  }

  private toggleFollow(): void {
    this.move(camera => {
      camera.toggleFollow();
    });
  }

  private toggleLog(): void {
    this.move(camera => {
      camera.toggleLog();
    });
  }

  // --- drawing ------------------------------------------------------------------------------

  private readonly draw = (): void => {
    // While JupyterLab changes its theme there is no width for a moment, and nothing tells its end.
    this.width = this.area.clientWidth || this.width;
    if (this.onScreen && this.width > 0) this.drawNow();
  };

  private drawNow(): void {
    const lines = this.lines();
    const chart = this.chartFor(this.currentLook());
    this.camera.look({
      whole: this.wholeX(lines),
      unit: chart.look.time ? 1000 : 1,
      extremes: x => this.extremes(lines, x),
    });
    chart.show(lines, this.camera.x, this.camera.y);
    this.empty.hidden = lines.some(line => line.trace.length > 0);
    this.tellNumbers();
    this.tellRows(lines, chart.complete);
  }

  private currentLook(): Look {
    const sources = [...this.sources.values()];
    const known = sources.find(source => source.xKind !== null);
    const time = known?.xKind === 'time';
    return {
      time,
      zoned: known?.zoned ?? true,
      log: this.camera.log,
      whole: this.options.x === null,
      xLabel: this.options.x ?? trans.__('row'),
    };
  }

  private chartFor(look: Look): Chart {
    if (this.chart && JSON.stringify(look) === JSON.stringify(this.chart.look)) return this.chart;
    this.chart?.destroy();
    const size = { width: this.width, height: this.height() };
    this.chart = new Chart(this.area, look, this.gestures, size);
    return this.chart;
  }

  private readonly recolor = (): void => {
    this.chart?.recolor();
    this.pending.redraw();
  };

  private height(): number {
    this.filled = this.area.clientHeight || this.filled; // none for a moment, as of the width
    return this.options.height ?? this.filled;
  }

  private readonly resize = (): void => {
    const width = this.area.clientWidth;
    if (width === 0) return;
    this.chart?.resize(width, this.height());
    this.pending.redraw();
  };

  private watchSize(signal: AbortSignal): void {
    const sizes = new ResizeObserver(this.resize);
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
    this.buttons.log.title = trans.__('Logarithmic y axis (L)');
    this.buttons.reset.title = trans.__('Show everything and follow (0)');
    buttons.append(...Object.values(this.buttons));
    const { title } = this.options;
    head.append(title ? make('div', 'jsio-title', title) : this.legend.element, buttons);
    const { height } = this.options;
    if (height !== null) this.area.style.height = `${height}px`;
    this.root.classList.toggle('jsio-fills', height === null);
    this.area.tabIndex = 0;
    this.area.setAttribute('role', 'group');
    this.area.setAttribute('aria-label', this.description());
    this.area.append(this.empty);
    this.root.append(head, ...(title ? [this.legend.element] : []), this.area, this.status.element);
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
    const what = title || trans.__('Plot of %1', (y ?? streams).join(', '));
    return trans.__(
      '%1 by %2. Arrow keys move, plus and minus zoom, 0 shows everything, F follows, L is log.',
      what,
      x ?? trans.__('row'),
    );
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
      this.gestures.scale(1 / ZOOM_STEP, this.camera.following ? 1 : 0.5);
    },
    '=': () => {
      this.gestures.scale(1 / ZOOM_STEP, this.camera.following ? 1 : 0.5);
    },
    '-': () => {
      this.gestures.scale(ZOOM_STEP, this.camera.following ? 1 : 0.5);
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
    setText(follow, this.camera.following ? trans.__('Hold') : trans.__('Follow'));
    follow.title = this.camera.following
      ? trans.__('Keep this view while rows go on arriving (F)')
      : trans.__('Move with the newest rows (F)');
    log.setAttribute('aria-pressed', String(this.camera.log));
    reset.disabled = !this.camera.moved;
  }

  private tellNumbers(): void {
    this.legend.tell(this.hovered, this.chart?.look.time ? this.chart.look : null);
  }

  private tellRows(lines: readonly Line[], complete: boolean): void {
    const sources = [...this.sources.values()];
    const came = sum(sources.map(source => source.rows));
    const kept = sum(sources.map(source => source.kept));
    const skipped = sum(sources.map(source => source.skipped));
    const begun = Math.max(...sources.map(source => source.begunAt ?? 0));
    const hidden = this.camera.log && lines.some(line => line.visible && hasNoLogarithm(line));
    this.status.tell(
      this.camera.following ? '' : trans.__('held'),
      tellRows(kept, came),
      this.tellMissing(sources),
      tellSkipped(skipped),
      tellBegun(begun),
      complete ? '' : trans.__('x goes back too often: only the newest rows are drawn'),
      hidden ? trans.__('values of 0 and below have no place on a log axis') : '',
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
    return tellMissing(byReason);
  }

  private mixedAxes(sources: readonly Source[]): string {
    const kinds = new Set(sources.map(source => source.xKind).filter(kind => kind !== null));
    return kinds.size > 1 ? trans.__('x is a time in one stream and a number in another') : '';
  }
}

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);

function hasNoLogarithm({ trace }: Line): boolean {
  const found = trace.extremes(0, trace.length, noExtremes());
  return found[0] <= 0;
}
