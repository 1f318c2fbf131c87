/**
 * Which part of x and y a plot shows: everything, a part that follows the newest rows, or a part
 * that is held while rows go on arriving. It knows neither rows nor pixels.
 */
import { logPadded, padded, type Range, widened } from './range';
import type { Extremes } from './trace';

/** What there is to look at. */
export interface Scene {
  /** All of x; null while there is nothing. */
  whole: Range | null;
  /** What one row alone is given to stand in, and the unit of `last`: 1, or a second in ms. */
  unit: number;
  /** The extremes of y within a part of x. */
  extremes(x: Range): Extremes;
}

/** A range much narrower than its numbers are large can no longer be told from a point. */
const NARROWEST = 1e-12;

export class Camera {
  x: Range = [0, 1];
  y: Range = [0, 1];
  following = true;

  private zoomX: Range | null = null;
  private zoomY: Range | null = null;

  /**
   * @param last - follow only so much of x, in the scene's units; null for all
   * @param log - whether y is logarithmic
   */
  constructor(
    private readonly last: number | null,
    public log: boolean,
  ) {}

  /** Whether `reset` would change what is shown. */
  get moved(): boolean {
    return !this.following || this.zoomX !== null || this.zoomY !== null;
  }

  /** Decide what the next drawing shows. */
  look(scene: Scene): void {
    this.x = this.chooseX(scene);
    this.y = this.zoomY ?? this.chooseY(scene.extremes(this.x));
  }

  /** Show a part; unless it reaches up to the newest rows, it is held. */
  zoom(x: Range, y: Range | null, whole: Range | null): void {
    if (!(x[1] > x[0])) return;
    this.zoomX = x;
    this.zoomY = y ?? this.zoomY;
    if (whole && x[1] < whole[1]) this.following = false;
  }

  /** Move by so many widths and heights of what is shown, and hold. */
  pan(right: number, up: number): void {
    const shift = right * (this.x[1] - this.x[0]);
    this.zoomX = [this.x[0] + shift, this.x[1] + shift];
    if (this.zoomY && up !== 0) this.zoomY = this.raised(up);
    this.following = false;
  }

  /** Show `factor` times as much of x, about the point so far from the left, 0 … 1. */
  scale(factor: number, at: number): void {
    const [min, max] = this.x;
    const anchor = min + at * (max - min);
    const zoomed: Range = [anchor - (anchor - min) * factor, anchor + (max - anchor) * factor];
    const width = zoomed[1] - zoomed[0];
    const narrowest = Math.max(Math.abs(min), Math.abs(max)) * NARROWEST;
    if (width > narrowest && Number.isFinite(width)) this.zoomX = zoomed;
  }

  reset(): void {
    this.zoomX = this.zoomY = null;
    this.following = true;
  }

  toggleFollow(): void {
    this.following = !this.following;
    if (!this.following) this.zoomX = this.x;
  }

  toggleLog(): void {
    this.log = !this.log;
    this.zoomY = null;
  }

  private chooseX({ whole, unit }: Scene): Range {
    if (!whole || (!this.following && this.zoomX)) return this.zoomX ?? [0, 1];
    const newest = whole[1];
    if (this.zoomX) {
      this.zoomX = [newest - (this.zoomX[1] - this.zoomX[0]), newest];
      return this.zoomX;
    }
    const oldest = this.last === null ? whole[0] : Math.max(whole[0], newest - this.last * unit);
    return widened([oldest, newest], unit / 2);
  }

  private chooseY([min, max, positive]: Extremes): Range {
    return this.log ? logPadded(positive, max) : padded(min, max);
  }

  private raised(up: number): Range {
    const [min, max] = this.y;
    if (!this.log) return [min + up * (max - min), max + up * (max - min)];
    const factor = (max / min) ** up;
    return [min * factor, max * factor];
  }
}
