/** The newest of a stream, as much as a line of the panel shows: a value, and a small curve. */
import type { Delivery, RowsDelivery } from '../protocol/delivery';
import type { Column, Kind, Table } from '../protocol/payload';
import { cellText } from '../view/cell';
import { chooseX } from '../view/choose';
import { brief } from '../view/dom';
import { formatNumber } from '../view/format';

/** Points of the curve. */
export const MOST_POINTS = 120;
const MOST_LETTERS = 60;

export class Tail {
  /** The values of `column`, the newest last; NaN where there is none. */
  points: readonly number[] = [];
  /** The column that is shown; empty before anything came. */
  column = '';
  /** Its newest value, in words. */
  value = '';

  take(delivery: Delivery): void {
    if (delivery.kind === 'rows') this.append(delivery);
    else if (delivery.kind === 'begun' && !delivery.recovered) this.points = [];
  }

  private append({ table, skip, fresh }: RowsDelivery): void {
    if (fresh) this.points = [];
    const column = this.columnOf(table);
    if (!column || table.rows === 0) return;
    this.column = column.name;
    if (column.kind === 'number') {
      const from = Math.max(skip, table.rows - MOST_POINTS);
      const points = [...this.points, ...column.numbers().subarray(from, table.rows)];
      this.points = points.slice(-MOST_POINTS);
    }
    const last = lastRow(column, skip, table.rows);
    if (last !== null) this.value = tellShort(column, last);
  }

  /** The column shown so far while there is one of that name, else what is most worth a look. */
  private columnOf(table: Table): Column | null {
    const held = table.column(this.column);
    if (held) return held;
    const kinds = new Map<string, Kind>();
    for (const name of table.names) kinds.set(name, table.column(name)!.kind);
    const x = chooseX(kinds);
    const names = [...kinds.keys()].filter(name => name !== x);
    const numbers = names.filter(name => kinds.get(name) === 'number');
    const texts = names.filter(name => kinds.get(name) === 'text');
    const best = numbers[0] ?? texts.at(-1) ?? names[0] ?? x;
    return best == null ? null : table.column(best);
  }
}

function lastRow(column: Column, from: number, rows: number): number | null {
  for (let row = rows - 1; row >= from; row--) if (!column.isNull(row)) return row;
  return null;
}

/** There is room for a word: a number that is no whole one has four digits. */
function tellShort(column: Column, row: number): string {
  const value = column.at(row);
  const broken = typeof value === 'number' && column.kind === 'number' && !Number.isInteger(value);
  if (!broken) return brief(cellText(column, row), MOST_LETTERS);
  return formatNumber(Number(value.toPrecision(Math.abs(value) < 1000 ? 4 : 6)));
}
