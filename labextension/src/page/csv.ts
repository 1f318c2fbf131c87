/** Rows as CSV (RFC 4180), null as nothing at all. */
import type { Column } from '../protocol/payload';
import { plainText } from '../view/cell';
import type { Part } from '../view/rows';

/** Write the rows of all parts, under the columns that any of them has; in pieces, for a Blob. */
export function toCsv(parts: readonly Pick<Part, 'table' | 'skip'>[]): string[] {
  const names = [...new Set(parts.flatMap(({ table }) => table.names))];
  const pieces = [`${names.map(quoted).join(',')}\r\n`];
  for (const { table, skip } of parts) {
    const columns = names.map(name => table.column(name));
    const lines: string[] = [];
    for (let row = skip; row < table.rows; row++) {
      lines.push(columns.map(column => cell(column, row)).join(','), '\r\n');
    }
    pieces.push(lines.join(''));
  }
  return pieces;
}

function cell(column: Column | null, row: number): string {
  const value = column?.at(row) ?? null;
  if (value === null) return '';
  if (typeof value === 'number')
    return column?.kind === 'time' ? isoTime(value, column) : String(value);
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  return quoted(plainText(value));
}

function isoTime(ms: number, { zoned }: Column): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return '';
  const text = date.toISOString();
  return zoned ? text : text.slice(0, -1);
}

/** An empty text is not null, so it is quoted too. */
const quoted = (text: string): string =>
  text === '' || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
