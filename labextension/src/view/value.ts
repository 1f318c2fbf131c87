/** The newest value of one column, large. It knows no socket. */
import type { Delivery, RowsDelivery } from '../protocol/delivery';
import type { Column } from '../protocol/payload';
import { formatCell } from './cell';
import { make, makeRoot, setText, StatusLine } from './dom';
import { formatClock, formatSpec } from './format';
import { Pending } from './pending';
import type { Said } from './situation';
import { type Still, textStill } from './still';
import { followTheme } from './theme';
import type { View } from './view';
import { tellAbsent } from './source';
import { trans } from '../words';

export interface ValueOptions {
  column: string;
  label: string;
  unit: string;
  /** Python's format language, for numbers; empty for six significant digits. */
  format: string;
}

export class Value implements View {
  private readonly amount = make('span', 'jsio-amount', '–');
  private readonly figure = make('div', 'jsio-figure');
  private readonly status = new StatusLine();
  private readonly pending: Pending;
  private readonly columns = new Set<string>();
  private shown = '–';
  private isText = false;
  private time: number | null = null;
  private complaint = '';

  constructor(
    place: HTMLElement,
    private readonly options: ValueOptions,
    signal: AbortSignal,
  ) {
    const root = makeRoot(place, 'value', signal);
    this.figure.append(this.amount, make('span', 'jsio-unit', options.unit));
    root.append(make('div', 'jsio-label', options.label), this.figure, this.status.element);
    this.pending = new Pending(this.apply, this.draw, signal);
    followTheme(root, () => undefined, signal);
  }

  take(delivery: Delivery): void {
    this.pending.push(delivery);
  }

  say(said: Said): void {
    this.status.say(said);
  }

  still(): Still | null {
    if (this.time === null) return null;
    const { label, unit } = this.options;
    const amount = unit ? `${this.shown} ${unit}` : this.shown;
    return textStill(label ? `${label}: ${amount}` : amount);
  }

  private readonly apply = (delivery: Delivery): void => {
    if (delivery.kind === 'rows') this.look(delivery);
    else if (delivery.kind === 'refused') this.complaint = delivery.message;
    else if (delivery.kind === 'begun' && !delivery.recovered) this.begin();
  };

  /** Show the newest value of the column, if these rows have one. */
  private look({ stream, table, skip, time }: RowsDelivery): void {
    for (const name of table.names) this.columns.add(name);
    const column = table.column(this.options.column);
    const { options, columns } = this;
    this.complaint = columns.has(options.column) ? '' : tellAbsent(stream, columns, options.column);
    if (!column) return;
    for (let row = table.rows - 1; row >= skip; row--) {
      const value = column.at(row);
      if (value === null || value === undefined) continue;
      this.shown = this.format(value, column);
      this.isText = typeof value === 'string' || typeof value === 'object';
      this.time = time;
      return;
    }
  }

  private format(value: unknown, column: Column): string {
    const { format } = this.options;
    const isNumber = typeof value === 'number' || typeof value === 'bigint';
    if (format && isNumber && column.kind !== 'time') return formatSpec(Number(value), format);
    return formatCell(value, column.kind, column.zoned);
  }

  private begin(): void {
    this.shown = '–';
    this.isText = false;
    this.time = null;
    this.columns.clear();
  }

  private readonly draw = (): void => {
    setText(this.amount, this.shown);
    this.figure.classList.toggle('jsio-text', this.isText);
    this.figure.classList.toggle('jsio-long', this.shown.length > 12);
    const seconds = this.time === null ? null : Math.floor(this.time / 1000) * 1000;
    this.status.tell(seconds === null ? '' : trans.__('updated %1', formatClock(seconds)));
    this.status.warn(this.complaint);
  };
}
