/** Tables and deliveries that tests make of plain values. */
import type { RowsDelivery } from '../src/protocol/delivery';
import { NDJSON } from '../src/protocol/messages';
import { readPayload, type Table } from '../src/protocol/payload';

export function tableOf(values: readonly unknown[]): Table {
  const text = values.map(value => JSON.stringify(value)).join('\n');
  return readPayload(NDJSON, new TextEncoder().encode(text));
}

export function rowsOf(start: number, values: readonly unknown[], skip = 0): RowsDelivery {
  const table = tableOf(values);
  const end = start - skip + table.rows;
  const done = (): void => undefined;
  const common = { stream: 's', fresh: false, time: 0, bytes: 10 * table.rows, done };
  return { kind: 'rows', table, skip, start, end, ...common };
}
