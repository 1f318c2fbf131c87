/** Parts of an axis. */

export type Range = readonly [min: number, max: number];

/** A range that is not empty. */
export function widened([min, max]: Range, by: number): Range {
  return min < max ? [min, max] : [min - by, max + by];
}

/** A range of y that leaves a margin above and below. */
export function padded(min: number, max: number): Range {
  if (!(min <= max)) return [0, 1];
  if (min === max) return widened([min, max], Math.abs(min) * 0.1 || 1);
  const pad = (max - min) * 0.06;
  // Where the span itself overflows, there is nothing left to pad.
  return Number.isFinite(pad) ? [min - pad, max + pad] : [min, max];
}

/** As `padded`, of a logarithmic axis. */
export function logPadded(min: number, max: number): Range {
  if (!(min <= max)) return [0.1, 10];
  if (min === max) return [min / 2, max * 2];
  const pad = (max / min) ** 0.06;
  return [min / pad, max * pad];
}
