/** A single value as text. */
import type { Column, Kind } from '../protocol/payload';
import { brief } from './dom';
import { formatNumber, formatTime } from './format';

const LONGEST = 1_000;

/** A value as a reader sees it beside others; null and absent values are an en dash. */
export function formatCell(value: unknown, kind: Kind, zoned: boolean): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number') {
    return kind === 'time' ? formatTime(value, zoned) : formatNumber(value);
  }
  if (typeof value === 'bigint') return value.toLocaleString();
  return brief(plainText(value), LONGEST);
}

/** The text of a row's value in a column that may be absent. */
export const cellText = (column: Column | null, row: number): string =>
  column ? formatCell(column.at(row), column.kind, column.zoned) : '–';

/** A value in full: text as it stands, all else as JSON. */
export function plainText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'bigint' ? String(inner) : inner,
  );
}
