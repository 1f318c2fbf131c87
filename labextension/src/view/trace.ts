/**
 * The rows of one curve in order of arrival, bounded, with a summary that answers "what are the
 * extremes of rows a … b" without looking at each.
 *
 * Rows are numbered from 0, the oldest that is held. Appending costs O(rows appended), amortised.
 */

const BLOCK = 64;
const REGION = 64 * BLOCK;
const FIRST_ROOM = REGION;

/** A hole or a new beginning right before `row`: the line is not drawn across it. */
export interface Break {
  row: number;
  /** Rows declared missing here. */
  missing: number;
  why: string;
}

/** At most so many breaks are drawn; of more, the oldest are drawn across. */
const MAX_BREAKS = 1_000;

/** min, max and smallest positive value; Infinity, -Infinity, Infinity where there is none. */
export type Extremes = [min: number, max: number, positive: number];

export const noExtremes = (): Extremes => [Infinity, -Infinity, Infinity];

/** Extremes of every `size` rows. */
class Summary {
  private min: Float64Array;
  private max: Float64Array;
  private positive: Float64Array;

  constructor(
    readonly size: number,
    room: number,
  ) {
    this.min = new Float64Array(room / size).fill(Infinity);
    this.max = new Float64Array(room / size).fill(-Infinity);
    this.positive = new Float64Array(room / size).fill(Infinity);
  }

  grow(room: number): void {
    const { min, max, positive } = this;
    const grown = new Summary(this.size, room);
    grown.min.set(min);
    grown.max.set(max);
    grown.positive.set(positive);
    ({ min: this.min, max: this.max, positive: this.positive } = grown);
  }

  /** Take in the extremes of rows that all lie in the same block as `row`. */
  add(row: number, [min, max, positive]: Extremes): void {
    const index = Math.floor(row / this.size);
    if (min < this.min[index]!) this.min[index] = min;
    if (max > this.max[index]!) this.max[index] = max;
    if (positive < this.positive[index]!) this.positive[index] = positive;
  }

  drop(rows: number): void {
    const blocks = rows / this.size;
    for (const [values, none] of [
      [this.min, Infinity],
      [this.max, -Infinity],
      [this.positive, Infinity],
    ] as const) {
      values.copyWithin(0, blocks);
      values.fill(none, values.length - blocks);
    }
  }

  clear(): void {
    this.min.fill(Infinity);
    this.max.fill(-Infinity);
    this.positive.fill(Infinity);
  }

  merge(row: number, out: Extremes): void {
    const index = row / this.size;
    out[0] = Math.min(out[0], this.min[index]!);
    out[1] = Math.max(out[1], this.max[index]!);
    out[2] = Math.min(out[2], this.positive[index]!);
  }
}

export class Trace {
  length = 0;
  xs = new Float64Array(FIRST_ROOM);
  ys = new Float64Array(FIRST_ROOM);
  /** By row, ascending. */
  breaks: Break[] = [];
  /** Rows that left because `capacity` was reached. */
  dropped = 0;

  private readonly capacity: number;
  private readonly blocks = new Summary(BLOCK, FIRST_ROOM);
  private readonly regions = new Summary(REGION, FIRST_ROOM);
  /** First rows of the runs in which x never decreases. */
  private runStarts = new Int32Array(64);
  private runCount = 0;

  /** @param capacity - rows to hold at most; when full, the oldest eighth leaves */
  constructor(capacity: number) {
    this.capacity = Math.max(2, Math.ceil(capacity / REGION)) * REGION;
  }

  /** Runs in which x never decreases: one, unless x goes back. */
  get runs(): number {
    return this.runCount;
  }

  runStart(run: number): number {
    return this.runStarts[run]!;
  }

  runEnd(run: number): number {
    return run + 1 < this.runCount ? this.runStarts[run + 1]! : this.length;
  }

  /**
   * Append rows `from … to-1` of two columns. Rows without x, and rows whose y `isAbsent`, are left
   * out: the line goes on across them. A y that is NaN or infinite interrupts the line.
   */
  append(
    xs: Float64Array,
    ys: Float64Array,
    from: number,
    to: number,
    isAbsent: ((row: number) => boolean) | null = null,
  ): void {
    for (let start = from; start < to;) {
      if (this.length === this.capacity) this.dropOldest();
      const end = Math.min(to, start + this.capacity - this.length);
      this.reserve(end - start);
      const first = this.length;
      this.copy(xs, ys, start, end, isAbsent);
      this.summarise(first);
      start = end;
    }
  }

  /** Interrupt the line before the next row. */
  break(missing: number, why: string): void {
    const newest = this.breaks.at(-1);
    if (newest?.row === this.length && newest.why === why) newest.missing += missing;
    else this.breaks.push({ row: this.length, missing, why });
    if (this.breaks.length > MAX_BREAKS) this.breaks.shift();
  }

  clear(): void {
    this.length = 0;
    this.runCount = 0;
    this.breaks = [];
    this.dropped = 0;
    this.blocks.clear();
    this.regions.clear();
  }

  /** Widen `out` by the finite ys of rows `from … to-1`. */
  extremes(from: number, to: number, out: Extremes): Extremes {
    let row = from;
    while (row < to) {
      if (row % REGION === 0 && row + REGION <= to) {
        this.regions.merge(row, out);
        row += REGION;
      } else if (row % BLOCK === 0 && row + BLOCK <= to) {
        this.blocks.merge(row, out);
        row += BLOCK;
      } else {
        const end = Math.min(to, (Math.floor(row / BLOCK) + 1) * BLOCK);
        for (; row < end; row++) widen(out, this.ys[row]!);
      }
    }
    return out;
  }

  /** The least and the greatest x; null while there is no row. */
  range(): [number, number] | null {
    if (this.length === 0) return null;
    let [min, max] = [Infinity, -Infinity];
    for (let run = 0; run < this.runCount; run++) {
      min = Math.min(min, this.xs[this.runStart(run)]!);
      max = Math.max(max, this.xs[this.runEnd(run) - 1]!);
    }
    return [min, max];
  }

  /** The first row of `from … to-1`, a part of one run, whose x is at least `x`; `to` if none. */
  lowerBound(x: number, from: number, to: number): number {
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.xs[middle]! < x) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** As `lowerBound`, but with an x greater than `x`. */
  upperBound(x: number, from: number, to: number): number {
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.xs[middle]! <= x) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** The row whose x is nearest to `x`, in the newest run that reaches there; null if none does. */
  nearest(x: number): number | null {
    for (let run = this.runCount - 1; run >= 0; run--) {
      const [start, end] = [this.runStart(run), this.runEnd(run)];
      if (this.xs[start]! > x || this.xs[end - 1]! < x) continue;
      const after = this.lowerBound(x, start, end);
      const before = Math.max(start, after - 1);
      return x - this.xs[before]! < this.xs[after]! - x ? before : after;
    }
    return null;
  }

  private copy(
    xs: Float64Array,
    ys: Float64Array,
    from: number,
    to: number,
    isAbsent: ((row: number) => boolean) | null,
  ): void {
    let at = this.length;
    let last = at > 0 ? this.xs[at - 1]! : Infinity;
    for (let row = from; row < to; row++) {
      const x = xs[row]!;
      const y = ys[row]!;
      if (x - x !== 0 || (y !== y && isAbsent?.(row))) continue; // x - x is 0 for finite x only
      if (x < last) this.startRun(at);
      this.xs[at] = last = x;
      this.ys[at++] = y;
    }
    this.length = at;
  }

  /** Let the summaries know the rows from `first` on. */
  private summarise(first: number): void {
    const found = noExtremes();
    for (let row = first; row < this.length;) {
      const end = Math.min(this.length, (Math.floor(row / BLOCK) + 1) * BLOCK);
      found[0] = found[2] = Infinity;
      found[1] = -Infinity;
      const start = row;
      for (; row < end; row++) widen(found, this.ys[row]!);
      this.blocks.add(start, found);
      this.regions.add(start, found);
    }
  }

  private startRun(row: number): void {
    if (this.runCount === this.runStarts.length) {
      const grown = new Int32Array(2 * this.runCount);
      grown.set(this.runStarts);
      this.runStarts = grown;
    }
    this.runStarts[this.runCount++] = row;
  }

  private reserve(rows: number): void {
    const needed = Math.min(this.capacity, this.length + rows);
    if (needed <= this.xs.length) return;
    let room = this.xs.length;
    while (room < needed) room *= 2;
    room = Math.min(room, this.capacity);
    this.xs = enlarged(this.xs, room);
    this.ys = enlarged(this.ys, room);
    this.blocks.grow(room);
    this.regions.grow(room);
  }

  private dropOldest(): void {
    const rows = Math.max(1, Math.floor(this.capacity / 8 / REGION)) * REGION;
    this.xs.copyWithin(0, rows, this.length);
    this.ys.copyWithin(0, rows, this.length);
    this.blocks.drop(rows);
    this.regions.drop(rows);
    this.length -= rows;
    this.dropped += rows;
    for (const each of this.breaks) each.row -= rows;
    this.breaks = this.breaks.filter(each => each.row > 0);
    this.dropRuns(rows);
  }

  private dropRuns(rows: number): void {
    let kept = 0;
    for (let run = 0; run < this.runCount; run++) {
      const end = run + 1 < this.runCount ? this.runStarts[run + 1]! - rows : this.length;
      if (end > 0) this.runStarts[kept++] = Math.max(0, this.runStarts[run]! - rows);
    }
    this.runCount = kept;
  }
}

function widen(out: Extremes, value: number): void {
  if (value - value !== 0) return; // NaN or infinite
  if (value < out[0]) out[0] = value;
  if (value > out[1]) out[1] = value;
  if (value > 0 && value < out[2]) out[2] = value;
}

function enlarged(values: Float64Array, room: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(room);
  larger.set(values);
  return larger;
}
