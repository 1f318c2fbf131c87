/**
 * One stream as a plot keeps it: a trace for each column that is drawn, and what is to be told.
 */
import type { Delivery, RowsDelivery } from '../protocol/delivery';
import type { Column, Kind, Table } from '../protocol/payload';
import { Trace } from './trace';
import { trans } from '../words';

export interface Wanted {
  /** The column that is x; null for the row's number. */
  x: string | null;
  /** The columns to draw; null for every column of numbers. */
  y: readonly string[] | null;
  /** Rows to keep of each column. */
  maxRows: number;
  /** Columns to draw at most, where `y` does not name them. */
  maxLines: number;
}

export class Source {
  readonly traces = new Map<string, Trace>();
  /** Of x, as far as known. */
  xKind: Kind | null = null;
  zoned = true;
  /** Rows that came since the stream began. */
  rows = 0;
  /** Rows declared missing, by the reason given. */
  readonly missing = new Map<string, number>();
  /** Rows left out on purpose, because only the newest matter. */
  skipped = 0;
  /** When rows began to replace those that were shown before, ms since 1970. */
  begunAt: number | null = null;
  refusal = '';

  private readonly seen = new Map<string, Kind>();

  constructor(
    readonly name: string,
    private readonly wanted: Wanted,
  ) {}

  take(delivery: Delivery, now: number): void {
    if (delivery.kind === 'rows') this.append(delivery);
    else if (delivery.kind === 'refused') this.refusal = delivery.message;
    else if (delivery.kind === 'gap') this.miss(delivery.end - delivery.start, delivery.why);
    else if (!delivery.recovered) this.begin(now);
  }

  /** What the reader should know about the columns; empty where all is well. */
  get complaint(): string {
    if (this.refusal) return trans.__("stream '%1': %2", this.name, this.refusal);
    if (this.seen.size === 0) return '';
    const { x, y } = this.wanted;
    for (const name of [...(x === null ? [] : [x]), ...(y ?? [])]) {
      const kind = this.seen.get(name);
      if (!kind) return tellAbsent(this.name, this.seen.keys(), name);
      if (kind === 'number' || (kind === 'time' && name === x)) continue;
      const needed = name === x ? trans.__('numbers or times') : trans.__('numbers');
      return trans.__(
        "column '%1' of stream '%2' holds %3; a plot needs %4",
        name,
        this.name,
        tellKind(kind),
        needed,
      );
    }
    if (y === null && this.numeric().length === 0) {
      return trans.__("stream '%1' has no numbers to draw", this.name);
    }
    const left = y === null ? this.numeric().length - this.wanted.maxLines : 0;
    return left > 0 ? trans.__('%1 more columns are not drawn; choose with y', left) : '';
  }

  /** Rows that are kept of those that came. */
  get kept(): number {
    const dropped = Math.max(0, ...[...this.traces.values()].map(trace => trace.dropped));
    return Math.max(0, this.rows - dropped);
  }

  private append({ table, skip, start, end }: RowsDelivery): void {
    this.rows += end - start;
    for (const name of table.names) this.seen.set(name, table.column(name)!.kind);
    const xs = this.xs(table, start - skip);
    if (!xs) return;
    for (const name of this.drawn(table)) {
      const column = table.column(name)!;
      this.trace(name).append(xs, column.numbers(), skip, table.rows, absence(column));
    }
  }

  private xs(table: Table, first: number): Float64Array | null {
    if (this.wanted.x === null) {
      this.xKind = 'number';
      return Float64Array.from({ length: table.rows }, (_, row) => first + row);
    }
    const column = table.column(this.wanted.x);
    if (column?.kind !== 'number' && column?.kind !== 'time') return null;
    this.xKind = column.kind;
    this.zoned = column.zoned;
    return column.numbers();
  }

  /** The columns of this table to draw. */
  private drawn(table: Table): string[] {
    const names = this.wanted.y ?? this.numeric().slice(0, this.wanted.maxLines);
    return names.filter(name => table.column(name)?.kind === 'number');
  }

  private numeric(): string[] {
    const numbers = [...this.seen].filter(([, kind]) => kind === 'number');
    return numbers.map(([name]) => name).filter(name => name !== this.wanted.x);
  }

  private trace(name: string): Trace {
    let trace = this.traces.get(name);
    if (!trace) this.traces.set(name, (trace = new Trace(this.wanted.maxRows)));
    return trace;
  }

  private miss(rows: number, why: string): void {
    if (why === 'conflated') {
      this.skipped += rows;
      return;
    }
    this.missing.set(why, (this.missing.get(why) ?? 0) + rows);
    for (const trace of this.traces.values()) trace.break(rows, why);
  }

  private begin(now: number): void {
    if (this.rows > 0) this.begunAt = now;
    for (const trace of this.traces.values()) trace.clear();
    this.seen.clear();
    this.missing.clear();
    this.rows = this.skipped = 0;
    this.refusal = '';
  }
}

/** Say that a stream has not the column that was asked for, but these. */
export const tellAbsent = (stream: string, there: Iterable<string>, name: string): string =>
  trans.__("stream '%1' has columns %2; got '%3'", stream, [...there].join(', '), name);

function tellKind(kind: Kind): string {
  if (kind === 'time') return trans.__('times');
  return kind === 'text' ? trans.__('text') : trans.__('neither numbers nor text');
}

/** A null is a value that was not given: the line goes on across it. NaN interrupts the line. */
function absence(column: Column): ((row: number) => boolean) | null {
  return column.hasNulls ? row => column.isNull(row) : null;
}
