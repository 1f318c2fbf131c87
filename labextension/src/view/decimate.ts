/**
 * Which points of a trace its pixels show: of each pixel column the first, the least, the greatest
 * and the last row. Drawing these gives the picture that drawing every row would.
 */
import { noExtremes, type Trace } from './trace';

/** The part of x that is in view, and how many pixel columns it has. */
export interface Viewport {
  min: number;
  max: number;
  columns: number;
}

/** A growing list of points; a y of NaN lifts the pen. Kept between frames and refilled. */
export class Points {
  length = 0;
  xs = new Float64Array(4096);
  ys = new Float64Array(4096);

  clear(): void {
    this.length = 0;
  }

  push(x: number, y: number): void {
    if (this.length === this.xs.length) {
      const { xs, ys } = this;
      this.xs = new Float64Array(2 * this.length);
      this.ys = new Float64Array(2 * this.length);
      this.xs.set(xs);
      this.ys.set(ys);
    }
    this.xs[this.length] = x;
    this.ys[this.length++] = y;
  }

  lift(): void {
    if (this.length > 0 && !Number.isNaN(this.ys[this.length - 1]!)) this.push(NaN, NaN);
  }
}

/** Up to so many rows, a pixel column is drawn as it is. */
const FEW = 4;

/**
 * Fill `points` with what of `trace` is in view, and the rows right beside the view.
 *
 * @param budget - about how many points to give at most. Only an x that goes back all the time
 *   needs more than a few per pixel column; then the newest rows are drawn.
 * @returns whether all rows in view are drawn
 */
export function decimate(
  trace: Trace,
  viewport: Viewport,
  points: Points,
  budget = 200_000,
): boolean {
  points.clear();
  const most = FEW * viewport.columns + 2;
  let run = trace.runs;
  while (run > 0 && budget > 0) {
    const [from, to] = inView(trace, --run, viewport);
    budget -= Math.min(to - from, most);
  }
  const complete = run === 0;
  let covered = -1;
  for (; run < trace.runs; run++) covered = drawRun(trace, run, viewport, points, covered);
  return complete;
}

/** The rows of a run in view, and one more at either side, towards which the line leaves it. */
function inView(trace: Trace, run: number, { min, max }: Viewport): [number, number] {
  const [start, end] = [trace.runStart(run), trace.runEnd(run)];
  const from = trace.lowerBound(min, start, end);
  const to = trace.upperBound(max, from, end);
  return [Math.max(start, from - 1), Math.min(end, to + 1)];
}

/** @returns the last row that was looked at */
function drawRun(
  trace: Trace,
  run: number,
  viewport: Viewport,
  points: Points,
  covered: number,
): number {
  const [from, to] = inView(trace, run, viewport);
  const { xs, ys } = trace;
  const scale = viewport.columns / (viewport.max - viewport.min);
  const columnOf = (row: number): number => Math.floor((xs[row]! - viewport.min) * scale);
  const interrupted = interruptions(trace, from);

  const draw = (row: number): void => {
    if (row !== covered + 1 || interrupted(row)) points.lift();
    if (Number.isFinite(ys[row]!)) points.push(xs[row]!, ys[row]!);
    else points.lift();
    covered = row;
  };

  for (let start = from; start < to;) {
    const end = columnEnd(columnOf, start, to);
    draw(start);
    if (end - start <= FEW) {
      for (let row = start + 1; row < end; row++) draw(row);
    } else {
      const x = xs[(start + end) >>> 1]!;
      const [min, max] = trace.extremes(start, end, noExtremes());
      if (min <= max) points.push(x, min);
      if (min < max) points.push(x, max);
      covered = end - 2;
      draw(end - 1);
    }
    start = end;
  }
  return covered;
}

/** Tells of ascending rows whether the line is interrupted right before them. */
function interruptions({ breaks }: Trace, from: number): (row: number) => boolean {
  let next = breaks.findIndex(each => each.row >= from);
  if (next < 0) next = breaks.length;
  return row => {
    while (next < breaks.length && breaks[next]!.row < row) next++;
    return breaks[next]?.row === row;
  };
}

/** The first row after `start` that falls into another pixel column; `to` if there is none. */
function columnEnd(columnOf: (row: number) => number, start: number, to: number): number {
  const column = columnOf(start);
  let step = 1;
  let low = start;
  while (low + step < to && columnOf(low + step) === column) {
    low += step;
    step *= 2;
  }
  let high = Math.min(to, low + step);
  // `low` is in the column, `high` is not (or is the end).
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (columnOf(middle) === column) low = middle;
    else high = middle;
  }
  return high;
}
