/**
 * The canvas of a plot: uPlot's axes, grid, cursor and selection, and our own lines, which show what
 * the pixels can show of traces of any length. It holds no data between two calls of `show`.
 */
import uPlot from 'uplot';
import { anyOf } from '../signals';
import { decimate, Points } from './decimate';
import { dateOf, formatTick, formatTimes, logLabels, logTicks, timeSpace } from './format';
import { make } from './dom';
import type { Range } from './range';
import { property } from './theme';
import { followTouches } from './touch';
import type { Trace } from './trace';

/** A curve as it is to be drawn. Lines of one `group` share their gaps. */
export interface Line {
  trace: Trace;
  group: string;
  /** The CSS custom property that holds its colour. */
  color: string;
  dashed: boolean;
  visible: boolean;
}

/** What cannot change without a new chart. */
export interface Look {
  /** x is ms since 1970; where not `zoned`, shown as it was written. */
  time: boolean;
  zoned: boolean;
  log: boolean;
  /** x is whole numbers only: rows. */
  whole: boolean;
  xLabel: string;
}

/** What the reader does with the pointer. */
export interface Gestures {
  zoom: (x: Range, y: Range | null) => void;
  /** By so many widths and heights of the view. */
  pan: (right: number, up: number) => void;
  /** By `factor`, about the point so far from the left, 0 … 1. */
  scale: (factor: number, at: number) => void;
  reset: () => void;
  /** The row of each line under the pointer; null when the pointer has left. */
  hover: (x: number | null, rows: (number | null)[]) => void;
}

// uPlot declares these as a const enum, whose values a bundler cannot see.
/* eslint-disable @typescript-eslint/no-unsafe-enum-assignment */
const LINEAR: uPlot.Scale.Distr.Linear = 1;
const LOGARITHMIC: uPlot.Scale.Distr.Logarithmic = 3;
/* eslint-enable @typescript-eslint/no-unsafe-enum-assignment */

const WHOLE_STEPS = Array.from({ length: 16 }, (_, power) =>
  [1, 2, 5].map(digit => digit * 10 ** power),
).flat();

const LINE_WIDTH = 1.6;
const HOVER_DOTS = 8;

export class Chart {
  /** Whether the last drawing shows all rows in view. */
  complete = true;

  private readonly uplot: uPlot;
  private readonly points = new Points();
  private readonly dots: HTMLElement[] = [];
  private readonly ending = new AbortController();
  private lines: readonly Line[] = [];
  private colors = new Map<string, string>();

  constructor(
    private readonly place: HTMLElement,
    readonly look: Look,
    private readonly gestures: Gestures,
    size: { width: number; height: number },
  ) {
    this.uplot = new uPlot(
      this.options(size),
      [
        [0, 1],
        [null, null],
      ],
      place,
    );
    for (let index = 0; index < HOVER_DOTS; index++) {
      const dot = make('div', 'jsio-hover-dot');
      dot.hidden = true;
      this.dots.push(dot);
      this.uplot.over.append(dot);
    }
    const { signal } = this.ending;
    this.uplot.over.addEventListener('wheel', this.wheel, { signal, passive: false });
    const { pan, scale } = gestures;
    const sideways = (right: number): void => {
      pan(right, 0);
    };
    followTouches(this.uplot.over, { pan: sideways, scale }, signal);
  }

  /** Draw the lines within these ranges, which must not be empty. */
  show(lines: readonly Line[], x: Range, y: Range): void {
    this.lines = lines;
    this.uplot.batch(() => {
      this.uplot.setData([[...x], [null, null]], false);
      this.uplot.setScale('y', { min: y[0], max: y[1] });
      this.uplot.setScale('x', { min: x[0], max: x[1] });
    });
    this.hover();
  }

  resize(width: number, height: number): void {
    if (width !== this.uplot.width || height !== this.uplot.height) {
      this.uplot.setSize({ width, height });
    }
  }

  /** Read the page's colours anew before the next drawing. */
  recolor(): void {
    this.colors.clear();
  }

  get canvas(): HTMLCanvasElement {
    return this.uplot.ctx.canvas;
  }

  destroy(): void {
    this.ending.abort();
    this.uplot.destroy();
  }

  private options(size: { width: number; height: number }): uPlot.Options {
    const { time, zoned, log } = this.look;
    const asGiven: uPlot.Range.Function = (_u, min, max) => [min, max];
    const options: uPlot.Options = {
      ...size,
      ms: 1,
      legend: { show: false },
      padding: [10, 14, 0, 0],
      scales: {
        x: { time, auto: false, range: asGiven },
        y: { auto: false, range: asGiven, distr: log ? LOGARITHMIC : LINEAR },
      },
      series: [{}, { show: true, paths: () => null, points: { show: false } }],
      axes: [this.xAxis(), this.yAxis()],
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: true, uni: 40, dist: 4, setScale: false },
        bind: {
          dblclick: () => this.doubleClick,
          mousedown: (_u, _target, handler) => event => {
            if (event.shiftKey) this.startPan(event);
            else handler(event);
            return null;
          },
        },
      },
      hooks: {
        draw: [this.drawLines],
        setSelect: [this.selected],
        setCursor: [this.hover],
      },
    };
    if (time) options.tzDate = zoned ? dateOf : ms => uPlot.tzDate(dateOf(ms), 'Etc/UTC');
    return options;
  }

  private axis(): uPlot.Axis {
    const font = `12px ${getComputedStyle(this.place).fontFamily}`;
    return {
      font,
      labelFont: font,
      stroke: () => this.color('--jsio-soft-ink'),
      grid: { stroke: () => this.color('--jsio-grid'), width: 1 },
      ticks: { stroke: () => this.color('--jsio-grid'), width: 1, size: 5 },
    };
  }

  private xAxis(): uPlot.Axis {
    const { time, zoned, whole, xLabel } = this.look;
    return {
      ...this.axis(),
      ...(whole ? { incrs: WHOLE_STEPS } : {}),
      ...(time ? { space: (_u, _axis, min, max, width) => timeSpace((max - min) / width) } : {}),
      label: xLabel,
      labelSize: 18,
      labelGap: 0,
      size: time ? 44 : 28,
      gap: 4,
      values: (_u, splits, _axis, _space, step) =>
        time ? formatTimes(splits, step, zoned) : splits.map(x => formatTick(x, step)),
    };
  }

  private yAxis(): uPlot.Axis {
    const axis: uPlot.Axis = {
      ...this.axis(),
      gap: 6,
      values: (_u, splits, _axis, _space, step) => splits.map(y => formatTick(y, step)),
      size: (_u, labels) => {
        const longest = Math.max(
          3,
          ...((labels as string[] | null) ?? []).map(text => text.length),
        );
        return 12 * Math.ceil((18 + 7 * longest) / 12); // in steps, so that it rarely moves
      },
    };
    if (!this.look.log) return axis;
    return {
      ...axis,
      splits: ({ height }, _axis, min, max) => logTicks(min, max, Math.max(2, height / 30)),
      filter: (_u, splits) => splits,
      values: (_u, splits) => logLabels(splits),
    };
  }

  private color(name: string): string {
    let color = this.colors.get(name);
    if (color === undefined) {
      color = property(this.place, name);
      this.colors.set(name, color);
    }
    return color;
  }

  // --- drawing ------------------------------------------------------------------------------

  private readonly drawLines = (u: uPlot): void => {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    const visible = this.lines.filter(line => line.visible);
    const groups = new Map(visible.map(line => [line.group, line.trace]));
    for (const trace of groups.values()) this.drawGaps(u, trace);
    this.complete = true;
    for (const line of visible) this.drawLine(u, line);
    ctx.restore();
  };

  private drawGaps(u: uPlot, { breaks, xs, length }: Trace): void {
    const { ctx, bbox } = u;
    const toX = this.mapX(u);
    const pixel = uPlot.pxRatio;
    for (const { row, missing } of breaks) {
      if (missing === 0 || row === 0 || row >= length) continue;
      const [from, to] = [toX(xs[row - 1]!), toX(xs[row]!)];
      const left = Math.min(from, to);
      const width = Math.max(2 * pixel, Math.abs(to - from));
      if (left > bbox.left + bbox.width || left + width < bbox.left) continue;
      ctx.fillStyle = this.color('--jsio-gap');
      ctx.fillRect(left, bbox.top, width, bbox.height);
      ctx.fillStyle = this.color('--jsio-gap-edge');
      const middle = left + width / 2;
      ctx.beginPath();
      ctx.moveTo(middle - 4 * pixel, bbox.top);
      ctx.lineTo(middle + 4 * pixel, bbox.top);
      ctx.lineTo(middle, bbox.top + 6 * pixel);
      ctx.fill();
    }
  }

  private drawLine(u: uPlot, { trace, color, dashed }: Line): void {
    const { ctx, bbox } = u;
    const { min = 0, max = 1 } = u.scales.x as { min?: number; max?: number };
    const columns = Math.max(1, Math.round(bbox.width));
    if (!decimate(trace, { min, max, columns }, this.points)) this.complete = false;
    ctx.strokeStyle = ctx.fillStyle = this.color(color);
    ctx.lineWidth = LINE_WIDTH * uPlot.pxRatio;
    ctx.lineJoin = ctx.lineCap = 'round';
    ctx.setLineDash(dashed ? [6 * uPlot.pxRatio, 4 * uPlot.pxRatio] : []);
    this.stroke(u);
    const sparse = this.points.length < columns / (12 * uPlot.pxRatio);
    if (sparse) this.drawDots(u);
  }

  private stroke(u: uPlot): void {
    const { ctx } = u;
    const { xs, ys, length } = this.points;
    const [toX, toY] = [this.mapX(u), this.mapY(u)];
    let down = false;
    ctx.beginPath();
    for (let index = 0; index < length; index++) {
      if (Number.isNaN(ys[index]!)) {
        down = false;
        continue;
      }
      const [x, y] = [toX(xs[index]!), toY(ys[index]!)];
      if (!down) ctx.moveTo(x, y);
      // Also right after moveTo: a round cap makes a dot of a point that has no neighbours.
      ctx.lineTo(x, y);
      down = true;
    }
    ctx.stroke();
  }

  private drawDots(u: uPlot): void {
    const { ctx } = u;
    const { xs, ys, length } = this.points;
    const [toX, toY] = [this.mapX(u), this.mapY(u)];
    for (let index = 0; index < length; index++) {
      if (Number.isNaN(ys[index]!)) continue;
      ctx.beginPath();
      ctx.arc(toX(xs[index]!), toY(ys[index]!), 2.6 * uPlot.pxRatio, 0, 2 * Math.PI);
      ctx.fill();
    }
  }

  private mapX(u: uPlot): (x: number) => number {
    const { min = 0, max = 1 } = u.scales.x as { min?: number; max?: number };
    const scale = u.bbox.width / (max - min);
    const { left } = u.bbox;
    return x => left + (x - min) * scale;
  }

  private mapY(u: uPlot): (y: number) => number {
    const { min = 0, max = 1 } = u.scales.y as { min?: number; max?: number };
    const { top, height } = u.bbox;
    if (!this.look.log) {
      const scale = height / (max - min);
      return y => top + (max - y) * scale;
    }
    const scale = height / Math.log10(max / min);
    // What has no logarithm is drawn towards a point far below the view.
    return y => top + (y > 0 ? Math.log10(max / y) * scale : 4 * height);
  }

  // --- the pointer --------------------------------------------------------------------------

  private readonly hover = (): void => {
    const left = this.uplot.cursor.left ?? -1;
    const inside = left >= 0;
    const x = inside ? this.uplot.posToVal(left, 'x') : null;
    const rows = this.lines.map(({ trace, visible }) =>
      x === null || !visible ? null : trace.nearest(x),
    );
    for (const [index, dot] of this.dots.entries()) this.putDot(dot, index, rows[index] ?? null);
    this.gestures.hover(x, rows);
  };

  private putDot(dot: HTMLElement, index: number, row: number | null): void {
    const line = this.lines[index];
    const y = row === null ? NaN : line?.trace.ys[row];
    dot.hidden = row === null || !line || !Number.isFinite(y);
    if (dot.hidden) return;
    const left = this.uplot.valToPos(line!.trace.xs[row!]!, 'x');
    const top = this.uplot.valToPos(y!, 'y');
    dot.style.transform = `translate(${left}px, ${top}px)`;
    dot.style.background = this.color(line!.color);
  }

  private readonly selected = (u: uPlot): void => {
    const { left, top, width, height } = u.select;
    if (width === 0 && height === 0) return;
    const x: Range = [u.posToVal(left, 'x'), u.posToVal(left + width, 'x')];
    const y: Range = [u.posToVal(top + height, 'y'), u.posToVal(top, 'y')];
    const whole = height >= u.over.clientHeight - 1;
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.gestures.zoom(x, whole ? null : y);
  };

  private readonly doubleClick = (): null => {
    this.gestures.reset();
    return null;
  };

  private startPan(start: MouseEvent): void {
    start.preventDefault();
    const { clientWidth, clientHeight } = this.uplot.over;
    let { clientX, clientY } = start;
    const pan = new AbortController();
    const signal = anyOf(pan.signal, this.ending.signal);
    const move = (event: MouseEvent): void => {
      const right = (clientX - event.clientX) / clientWidth;
      this.gestures.pan(right, (event.clientY - clientY) / clientHeight);
      ({ clientX, clientY } = event);
    };
    document.addEventListener('mousemove', move, { signal });
    document.addEventListener(
      'mouseup',
      () => {
        pan.abort();
      },
      { signal },
    );
  }

  /** The wheel scrolls the page, as everywhere; with Ctrl or ⌘ it zooms, sideways it pans. */
  private readonly wheel = (event: WheelEvent): void => {
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (event.ctrlKey || event.metaKey) {
      const at = event.offsetX / this.uplot.over.clientWidth;
      this.gestures.scale(Math.exp(event.deltaY * 0.002), at);
    } else if (sideways || event.shiftKey) {
      const distance = sideways ? event.deltaX : event.deltaY;
      this.gestures.pan(distance / this.uplot.over.clientWidth, 0);
    } else return;
    event.preventDefault();
  };
}
