/**
 * A payload's bytes as a table of columns. Source: protocol.md §6.
 */
import { type Column as ArrowColumn, tableFromIPC, Type } from '@uwdata/flechette';
import { ARROW, NDJSON } from './messages';

/** What a column's values are to a view. */
export type Kind = 'number' | 'time' | 'text' | 'other';

export interface Column {
  readonly name: string;
  readonly kind: Kind;
  readonly length: number;
  /** Of times: false for wall-clock times, which carry no zone and are to be shown as they are. */
  readonly zoned: boolean;
  readonly hasNulls: boolean;
  /** Integers of any width; JSON's numbers are not. */
  readonly whole: boolean;
  isNull(row: number): boolean;
  /** Its value: times in ms since 1970, durations in seconds. */
  at(row: number): unknown;
  /**
   * All rows as numbers: times in ms since 1970, durations in seconds, booleans as 0 and 1, null
   * and whatever is no number as NaN. It may be the payload's own memory: read it, keep a copy.
   */
  numbers(): Float64Array;
}

/** The rows of one payload. */
export interface Table {
  readonly rows: number;
  readonly names: readonly string[];
  column(name: string): Column | null;
}

/** The one column of what is no table: a JSON value, an image, a blob. */
export const VALUE = 'value';

/**
 * Read a payload.
 *
 * @throws Error - where the bytes are not what `media` says
 */
export function readPayload(media: string, bytes: Uint8Array): Table {
  if (media === ARROW) return readArrow(bytes);
  if (media === NDJSON) return readLines(bytes);
  return asTable(1, [new Values(VALUE, [bytes])]);
}

function asTable(rows: number, columns: readonly Column[]): Table {
  const byName = new Map(columns.map(column => [column.name, column]));
  return { rows, names: [...byName.keys()], column: name => byName.get(name) ?? null };
}

function readArrow(bytes: Uint8Array): Table {
  // BigInts, because 64-bit integers above 2**53 would throw where they are only to be shown.
  // 8-byte values can only be viewed where the payload begins at a multiple of 8.
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  const table = tableFromIPC(aligned, { useBigInt: true });
  const columns = table.children.map(
    (column, index) => new Arrow(String(table.names[index]), column as ArrowColumn<unknown>),
  );
  return asTable(table.numRows, columns);
}

/** The parts of a flechette type that are read here. */
interface ArrowType {
  typeId: number;
  unit?: number;
  timezone?: string | null;
  dictionary?: ArrowType;
  signed?: boolean;
}

const NUMBERS: readonly number[] = [
  Type.Int,
  Type.Float,
  Type.Bool,
  Type.Decimal,
  Type.Duration,
  Type.Null,
];
const TIMES: readonly number[] = [Type.Timestamp, Type.Date];
const TEXTS: readonly number[] = [Type.Utf8, Type.LargeUtf8, Type.Utf8View];

function kindOf(type: ArrowType): Kind {
  const { typeId } = type.typeId === Type.Dictionary && type.dictionary ? type.dictionary : type;
  if (NUMBERS.includes(typeId)) return 'number';
  if (TIMES.includes(typeId)) return 'time';
  return TEXTS.includes(typeId) ? 'text' : 'other';
}

/** By Arrow's unit (seconds, milliseconds, microseconds, nanoseconds): how many make a second. */
const perSecond = (unit = 0): number => 1000 ** unit;

class Arrow implements Column {
  readonly kind: Kind;
  readonly zoned: boolean;
  readonly whole: boolean;
  private readonly type: ArrowType;

  constructor(
    readonly name: string,
    private readonly column: ArrowColumn<unknown>,
  ) {
    this.type = column.type;
    this.kind = kindOf(this.type);
    this.zoned = Boolean(this.type.timezone);
    this.whole = this.type.typeId === Type.Int;
  }

  get length(): number {
    return this.column.length;
  }

  get hasNulls(): boolean {
    return this.column.nullCount > 0 || this.type.typeId === Type.Null;
  }

  isNull(row: number): boolean {
    return this.hasNulls && this.column.at(row) === null;
  }

  at(row: number): unknown {
    const value = this.column.at(row);
    if (this.type.typeId !== Type.Duration || value === null) return value;
    return Number(value) / perSecond(this.type.unit);
  }

  numbers(): Float64Array {
    const parts = this.column.data.map(batch => this.read(batch.values, batch.length));
    const numbers = parts.length === 1 && parts[0] ? parts[0] : this.join(parts);
    if (!this.hasNulls) return numbers;
    const masked = numbers.slice();
    for (let row = 0; row < masked.length; row++) if (this.isNull(row)) masked[row] = NaN;
    return masked;
  }

  private join(parts: readonly (Float64Array | null)[]): Float64Array {
    const joined = new Float64Array(this.length);
    let end = 0;
    for (const [index, batch] of this.column.data.entries()) {
      joined.set(parts[index] ?? Float64Array.from(batch, asNumber), end);
      end += batch.length;
    }
    return joined;
  }

  /** One batch's buffer as numbers; null where its values are not simply stored side by side. */
  private read(values: unknown, length: number): Float64Array | null {
    const { typeId, unit } = this.type;
    if (typeId === Type.Timestamp) return longs(values, length, perSecond(unit) / 1000);
    if (typeId === Type.Duration) return longs(values, length, perSecond(unit));
    if (typeId !== Type.Int && typeId !== Type.Float) return null;
    if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
      return longs(values, length, 1);
    }
    if (values instanceof Float64Array) return values;
    const half = typeId === Type.Float && values instanceof Uint16Array;
    return half ? null : Float64Array.from((values as Int32Array).subarray(0, length));
  }
}

/** 64-bit integers as numbers, read as two words each: a BigInt per value costs 10 times more. */
function longs(values: unknown, length: number, divisor: number): Float64Array | null {
  const signed = values instanceof BigInt64Array;
  if (!signed && !(values instanceof BigUint64Array)) return null;
  const words = new Uint32Array(values.buffer, values.byteOffset, length * 2);
  const high = signed ? new Int32Array(values.buffer, values.byteOffset, length * 2) : words;
  const numbers = new Float64Array(length);
  for (let row = 0; row < length; row++) {
    numbers[row] = (high[2 * row + 1]! * 2 ** 32 + words[2 * row]!) / divisor;
  }
  return numbers;
}

function asNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'bigint' || typeof value === 'boolean' ? Number(value) : NaN;
}

function readLines(bytes: Uint8Array): Table {
  const lines = new TextDecoder().decode(bytes).split('\n');
  const values = lines.filter(line => line.trim() !== '').map(line => JSON.parse(line) as unknown);
  const names = new Set<string>();
  for (const value of values) {
    if (isObject(value)) for (const name of Object.keys(value)) names.add(name);
    else if (value !== null) names.add(VALUE);
  }
  const columns = [...names].map(
    name => new Values(name, isTable(values) ? values.map(value => own(value, name)) : values),
  );
  return asTable(values.length, columns);
}

/** What an object has of its own: a column may be called `toString`. */
const own = (value: Record<string, unknown> | null, name: string): unknown =>
  value !== null && Object.hasOwn(value, name) ? value[name] : null;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isTable = (values: unknown[]): values is (Record<string, unknown> | null)[] =>
  values.every(value => value === null || isObject(value));

/** A column of values that are plain JavaScript already. */
class Values implements Column {
  readonly kind: Kind;
  readonly zoned = false;
  readonly whole = false;

  constructor(
    readonly name: string,
    private readonly values: readonly unknown[],
  ) {
    const types = new Set(values.filter(value => value != null).map(value => typeof value));
    const numeric = [...types].every(type => type === 'number' || type === 'boolean');
    this.kind = numeric ? 'number' : types.size === 1 && types.has('string') ? 'text' : 'other';
  }

  get length(): number {
    return this.values.length;
  }

  get hasNulls(): boolean {
    return this.values.some(value => value == null);
  }

  isNull(row: number): boolean {
    return this.values[row] == null;
  }

  at(row: number): unknown {
    return this.values[row] ?? null;
  }

  numbers(): Float64Array {
    return Float64Array.from(this.values, asNumber);
  }
}
