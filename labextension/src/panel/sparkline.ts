/** A curve as small as a word. */
const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 72;
const HEIGHT = 18;
const EDGE = 2;

export class Sparkline {
  readonly element = document.createElementNS(SVG, 'svg');
  private readonly line = document.createElementNS(SVG, 'path');
  private drawn: readonly number[] | null = null;

  constructor() {
    this.element.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute('class', 'jsiolab-sparkline');
    this.element.setAttribute('aria-hidden', 'true'); // the newest value stands beside it
    this.element.append(this.line);
  }

  draw(points: readonly number[]): void {
    if (points === this.drawn) return;
    this.drawn = points;
    this.line.setAttribute('d', pathOf(points, WIDTH, HEIGHT, EDGE));
  }
}

/** The curve of values at equal distances; it breaks where one is missing. */
export function pathOf(
  points: readonly number[],
  width: number,
  height: number,
  edge: number,
): string {
  const finite = points.filter(Number.isFinite);
  if (finite.length < 2) return '';
  const [min, max] = [Math.min(...finite), Math.max(...finite)];
  const step = (width - 2 * edge) / (points.length - 1);
  const scale = max > min ? (height - 2 * edge) / (max - min) : 0;
  const parts: string[] = [];
  let pen = 'M';
  points.forEach((value, index) => {
    if (!Number.isFinite(value)) {
      pen = 'M';
      return;
    }
    const y = scale > 0 ? height - edge - (value - min) * scale : height / 2;
    parts.push(`${pen}${(edge + index * step).toFixed(1)} ${y.toFixed(1)}`);
    pen = 'L';
  });
  return parts.join('');
}
