/** The names, colours and numbers above a plot; each is a button that shows or hides its line. */
import type { Line } from './chart';
import { brief, make, setText } from './dom';
import { formatNumber, formatTime } from './format';
import type { Source } from './source';
import type { Trace } from './trace';
import { trans } from '../words';

const COLORS = 8;

/** Where the pointer is, and the row of each line there. */
export interface Hovered {
  x: number;
  rows: (number | null)[];
}

interface Entry {
  line: Line;
  button: HTMLButtonElement;
  number: HTMLElement;
}

export class Legend {
  readonly element = make('div', 'jsio-legend');
  private readonly place = make('span', 'jsio-place');
  private readonly entries = new Map<string, Entry>();

  /**
   * @param x - what x is called
   * @param several - whether a column's name needs its stream's before it
   * @param changed - called when a line was shown or hidden
   */
  constructor(
    private readonly x: string,
    private readonly several: boolean,
    private readonly changed: () => void,
  ) {
    this.element.append(this.place);
  }

  /** A line for each trace; one that begins anew keeps its entry and colour. */
  lines(sources: Iterable<Source>): Line[] {
    for (const source of sources) {
      for (const [column, trace] of source.traces) {
        const key = JSON.stringify([source.name, column]);
        const entry = this.entries.get(key) ?? this.makeEntry(source.name, column, trace);
        this.entries.set(key, entry);
        entry.button.hidden = trace.length === 0; // a column of an earlier life
      }
    }
    return [...this.entries.values()].map(entry => entry.line);
  }

  /** Show the numbers under the pointer; without one, the newest. `time`: x is one. */
  tell(hovered: Hovered | null, time: { zoned: boolean } | null): void {
    for (const [index, { line, number }] of [...this.entries.values()].entries()) {
      const row = hovered ? (hovered.rows[index] ?? null) : line.trace.length - 1;
      const y = row === null || row < 0 ? undefined : line.trace.ys[row];
      setText(number, y === undefined ? '–' : formatNumber(y));
    }
    setText(this.place, hovered ? this.tellX(hovered, time) : '');
  }

  /** The x of the hovered row, or of the pointer itself where there is none. */
  private tellX({ x, rows }: Hovered, time: { zoned: boolean } | null): string {
    const index = rows.findIndex(row => row !== null);
    const trace = [...this.entries.values()][index]?.line.trace;
    const value = trace ? trace.xs[rows[index]!]! : x;
    if (time) return formatTime(value, time.zoned);
    return `${this.x} ${formatNumber(trace ? value : Number(value.toPrecision(4)))}`;
  }

  /** The lines that are shown: what they are called, and the custom property of their colour. */
  shown(): { label: string; color: string }[] {
    return [...this.entries.values()]
      .filter(({ line, button }) => line.visible && !button.hidden)
      .map(({ line, button }) => ({
        label: button.querySelector('.jsio-name')!.textContent,
        color: line.color,
      }));
  }

  private makeEntry(stream: string, column: string, trace: Trace): Entry {
    const index = this.entries.size;
    const color = `--jsio-series-${(index % COLORS) + 1}`;
    const dashed = Math.floor(index / COLORS) % 2 === 1;
    const line: Line = { trace, group: stream, color, dashed, visible: true };
    const button = make('button', 'jsio-entry');
    const swatch = make('span', 'jsio-swatch');
    swatch.style.color = `var(${color})`;
    const label = brief(this.several ? `${stream}: ${column}` : column);
    const number = make('span', 'jsio-number');
    button.append(swatch, make('span', 'jsio-name', label), number);
    button.type = 'button';
    button.title = trans.__('Show or hide %1', label);
    button.setAttribute('aria-pressed', 'true');
    button.addEventListener('click', () => {
      line.visible = !line.visible;
      button.setAttribute('aria-pressed', String(line.visible));
      this.changed();
    });
    this.element.insertBefore(button, this.place);
    return { line, button, number };
  }
}
