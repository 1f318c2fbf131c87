/**
 * The newest rows of a stream, as tables of many payloads: bounded, and found by their number.
 * Small payloads, which cost far more than their rows, are merged as they come.
 */
import type { Column, Kind, Table } from '../protocol/payload';

/** `table`'s rows after its first `skip`. */
export interface Part {
  table: Table;
  skip: number;
  /** How many rows were appended before it. */
  start: number;
  /** Its first row's number in the stream. */
  offset: number;
  rows: number;
  bytes: number;
}

export interface Bounds {
  rows: number;
  bytes: number;
}

/** What `Rows` needs of a delivery. */
export interface Arrived {
  table: Table;
  skip: number;
  /** Its first row's number in the stream. */
  start: number;
  bytes: number;
}

/** A part of fewer rows is small; so many small ones at the end become one. */
const SMALL_ROWS = 64;
const MERGE = 64;

export class Rows {
  /** Rows that were dropped, because of the bounds. */
  dropped = 0;
  /** Rows that are kept. */
  length = 0;
  bytes = 0;
  readonly parts: Part[] = [];
  /** Every column that was seen, in order, with its kind. */
  readonly columns = new Map<string, Kind>();
  private small = 0;
  private next = 0;

  constructor(private readonly bounds: Bounds) {}

  append({ table, skip, start: offset, bytes }: Arrived): void {
    for (const name of table.names) this.columns.set(name, table.column(name)!.kind);
    const rows = table.rows - skip;
    if (offset !== this.next) this.small = 0; // what is not adjacent stays apart
    this.next = offset + rows;
    this.parts.push({ table, skip, start: this.dropped + this.length, offset, rows, bytes });
    this.length += rows;
    this.bytes += bytes;
    this.small = rows < SMALL_ROWS ? this.small + 1 : 0;
    if (this.small === MERGE) this.merge();
    this.dropOldest();
  }

  clear(): void {
    this.parts.splice(0);
    this.columns.clear();
    this.dropped = this.length = this.bytes = this.small = 0;
  }

  /** Find the `index`th row that is kept: its table, its row there, and its number in the stream. */
  find(index: number): { table: Table; row: number; number: number } | null {
    const number = this.dropped + index;
    let [low, high] = [0, this.parts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const part = this.parts[middle]!;
      if (part.start + part.rows <= number) low = middle + 1;
      else high = middle;
    }
    const part = this.parts[low];
    if (!part || number < part.start) return null;
    const row = part.skip + number - part.start;
    return { table: part.table, row, number: part.offset + number - part.start };
  }

  private merge(): void {
    const parts = this.parts.splice(-MERGE);
    const merged = mergeTables(parts);
    const bytes = parts.reduce((total, part) => total + part.bytes, 0);
    const { start, offset } = parts[0]!;
    this.parts.push({ table: merged, skip: 0, start, offset, rows: merged.rows, bytes });
    this.small = 0;
  }

  /** The newest part always stays. */
  private dropOldest(): void {
    const { rows, bytes } = this.bounds;
    let parts = 0;
    while (parts < this.parts.length - 1 && (this.length > rows || this.bytes > bytes)) {
      const part = this.parts[parts++]!;
      this.dropped += part.rows;
      this.length -= part.rows;
      this.bytes -= part.bytes;
    }
    this.parts.splice(0, parts);
    this.small = Math.min(this.small, this.parts.length);
  }
}

/** Copy the rows of several parts into one table. */
export function mergeTables(parts: readonly Pick<Part, 'table' | 'skip'>[]): Table {
  const names = [...new Set(parts.flatMap(({ table }) => table.names))];
  const columns = new Map(names.map(name => [name, new Merged(name, parts)]));
  const rows = parts.reduce((total, { table, skip }) => total + table.rows - skip, 0);
  return { rows, names, column: name => columns.get(name) ?? null };
}

/** A column of several tables; where it is absent, its values are null. */
class Merged implements Column {
  readonly kind: Kind;
  readonly zoned: boolean;
  readonly whole: boolean;
  readonly hasNulls: boolean;
  private readonly values: unknown[] = [];

  constructor(
    readonly name: string,
    parts: readonly Pick<Part, 'table' | 'skip'>[],
  ) {
    const columns = parts.map(({ table }) => table.column(name));
    const present = columns.filter(column => column !== null);
    const kinds = new Set(present.map(column => column.kind));
    this.kind = kinds.size === 1 ? [...kinds][0]! : 'other';
    this.zoned = present.every(column => column.zoned);
    this.whole = present.every(column => column.whole);
    for (const [index, { table, skip }] of parts.entries()) {
      const column = columns[index] ?? null;
      for (let row = skip; row < table.rows; row++) this.values.push(column?.at(row) ?? null);
    }
    this.hasNulls = this.values.includes(null);
  }

  get length(): number {
    return this.values.length;
  }

  isNull(row: number): boolean {
    return this.values[row] === null;
  }

  at(row: number): unknown {
    return this.values[row];
  }

  numbers(): Float64Array {
    return Float64Array.from(this.values, value => (value === null ? NaN : Number(value)));
  }
}
